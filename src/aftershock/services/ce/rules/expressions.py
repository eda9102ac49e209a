"""The filters of Cost Explorer: dimensions and tags, joined by And, Or and Not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .dimensions import check_dimension, value
from .errors import invalid
from .lines import Line

Test = Callable[[Line], bool]
ROOTS = ("And", "Or", "Not", "Dimensions", "Tags", "CostCategories", "ProductAttributes")
MATCHES = {
    "Dimensions": {"EQUALS", "CASE_SENSITIVE"},
    "Tags": {"EQUALS", "CASE_SENSITIVE", "ABSENT"},
}  # AWS: "Valid values for MatchOptions"


def test(expression: Mapping[str, Any] | None) -> Test:
    """Whether a line passes.

    Raises:
        AwsError: ValidationException
    """
    if not expression:
        return lambda line: True
    roots = [name for name in ROOTS if expression.get(name) is not None]
    if len(roots) != 1:
        raise invalid(
            "Expression has more than one roots. Only one root operator is allowed for each expression: "
            "And, Or, Not, Dimensions, Tags, CostCategories"
            if roots
            else "Expression has no root operator."
        )
    root = roots[0]
    match root:
        case "And":
            tests = _several(root, expression[root])
            return lambda line: all(one(line) for one in tests)
        case "Or":
            tests = _several(root, expression[root])
            return lambda line: any(one(line) for one in tests)
        case "Not":
            inner = test(expression[root])
            return lambda line: not inner(line)
        case "Dimensions":
            return _dimension(expression[root])
        case "Tags":
            return _tag(expression[root])
    raise invalid(f"Filters by {root} are not supported in this region: there are none.")


def _several(root: str, expressions: Sequence[Mapping[str, Any]]) -> list[Test]:
    if len(expressions) < 2:
        raise invalid(f"Expression {root} should have at least two operands.")
    return [test(one) for one in expressions]


def _options(kind: str, asked: Mapping[str, Any]) -> set[str]:
    options = set(asked.get("MatchOptions") or ())
    if wrong := sorted(options - MATCHES[kind]):
        raise invalid(f"Match option {wrong[0]} is not supported for {kind}.")
    return options


def _dimension(asked: Mapping[str, Any]) -> Test:
    _options("Dimensions", asked)
    name, values = check_dimension(asked.get("Key")), frozenset(asked.get("Values") or ())
    if not values:
        raise invalid(f"Dimension {name} has no values.")
    return lambda line: value(line, name) in values


def _tag(asked: Mapping[str, Any]) -> Test:
    key, values, options = asked.get("Key"), frozenset(asked.get("Values") or ()), _options("Tags", asked)
    if not key:
        raise invalid("A tag filter has to have a key.")
    if "ABSENT" in options:
        return lambda line: key not in line.tags
    if not values:
        raise invalid(f"Tag {key} has no values.")
    return lambda line: line.tags.get(key, "") in values
