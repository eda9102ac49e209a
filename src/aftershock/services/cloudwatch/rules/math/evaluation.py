"""Computing an expression."""

from collections.abc import Mapping

from .functions import FUNCTIONS, NOT_OFFERED, Arguments, operate
from .series import Grid, MathError, Series, Value
from .syntax import Application, Array, Binary, Name, Negated, Node, Number, Text

_WORDS = ("ASC", "DESC", "REPEAT", "LINEAR", "AVG", "MIN", "MAX", "SUM")  # what stands as an argument for itself


def evaluate(node: Node, known: Mapping[str, Value], grid: Grid) -> Value:
    """The expression's value; `known` are the queries it may name, metrics in the order of the request.

    Raises:
        MathError: an unknown name, or an argument of the wrong kind
    """
    match node:
        case Number(value):
            return value
        case Name(text):
            if text not in known:
                raise MathError(f"Unknown identifier '{text}'")
            return known[text]
        case Text(text):
            raise MathError(f"Unexpected text '{text}'")
        case Array(items):
            return _array([evaluate(item, known, grid) for item in items])
        case Negated(inner):
            return operate("-", 0.0, evaluate(inner, known, grid))
        case Binary(operator, left, right):
            return operate(operator, evaluate(left, known, grid), evaluate(right, known, grid))
        case Application("METRICS", arguments):
            return _metrics(arguments, known)
        case Application(function, arguments):
            if function in NOT_OFFERED:
                raise MathError(f"The function {function} is not supported in this region")
            if function not in FUNCTIONS:
                raise MathError(f"Unknown function '{function}'")
            values = [_argument(argument, known, grid) for argument in arguments]
            return FUNCTIONS[function](Arguments(function, values, grid))


def _argument(node: Node, known: Mapping[str, Value], grid: Grid) -> Value | str:
    if isinstance(node, Name) and node.text in _WORDS:
        return node.text
    return evaluate(node, known, grid)


def _array(items: list[Value]) -> tuple[Series, ...]:
    found: list[Series] = []
    for item in items:
        match item:
            case Series():
                found.append(item)
            case tuple():
                found += item
            case _:
                raise MathError("An array holds time series, not numbers")
    return tuple(found)


def _metrics(arguments: tuple[Node, ...], known: Mapping[str, Value]) -> tuple[Series, ...]:
    match arguments:
        case ():
            wanted = ""
        case (Text(text),):
            wanted = text
        case _:
            raise MathError("The function METRICS takes a text or nothing")
    metrics = ((name, value) for name, value in known.items() if wanted in name)
    return tuple(value for _, value in metrics if isinstance(value, Series) and value.metric)
