"""Intrinsic functions: from what a template says to values, in a scope that knows the names."""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import TemplateError

CONDITIONS = frozenset({"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals"})
FUNCTIONS = CONDITIONS | {
    f"Fn::{name}"
    for name in [
        "Base64",
        "Cidr",
        "FindInMap",
        "GetAtt",
        "GetAZs",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
    ]
}
PLACEHOLDER = re.compile(r"\$\{([^${}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9_.:!\s-]*")
MALFORMED_IF = (
    "Template error: Fn::If requires a list argument with three elements, the first being the name of a condition"
)


class NoValue:
    """`AWS::NoValue`: whatever has it as its value is not there."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE = NoValue()


class Unknown(Exception):
    """The value hangs on a resource that is not there yet."""


def _no_resource(name: str) -> Any:
    raise TemplateError(f"Template format error: Unresolved dependencies [{name}]")


def _no_attribute(name: str, _attribute: str) -> Any:
    return _no_resource(name)


def _no_import(name: str) -> str:
    raise TemplateError(f"No export named {name} found.")


def _no_zones(_region: str) -> Sequence[str]:
    raise TemplateError("Template error: Fn::GetAZs cannot be used here.")


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names in a template stand for."""

    values: Mapping[str, Any] = field(default_factory=dict)  # parameters and pseudo parameters
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)  # as they are written
    reference: Callable[[str], Any] = _no_resource
    attribute: Callable[[str, str], Any] = _no_attribute
    imported: Callable[[str], str] = _no_import
    zones: Callable[[str], Sequence[str]] = _no_zones  # of a region, "" for this one
    extended: bool = False  # the template has the transform AWS::LanguageExtensions


def evaluate(value: Any, scope: Scope) -> Any:
    """The value with every function carried out; `AWS::NoValue` stays only where it is the whole of it.

    Raises:
        TemplateError: a function is used as it cannot be
        Unknown: passed on from the scope
    """
    if isinstance(value, list):
        items = [evaluate(one, scope) for one in value]
        return [one for one in items if one is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref":
            return _ref(argument, scope)
        if name == "Condition" and isinstance(argument, str) and argument in scope.conditions:
            return condition(argument, scope)
        if name in _CARRIED_OUT:
            return _CARRIED_OUT[name](argument, scope)
        if name == "Fn::Transform" or name.startswith("Fn::"):
            raise TemplateError(f"Template error: the function {name} is not supported in this region")
    members = {name: evaluate(inner, scope) for name, inner in value.items()}
    return {name: inner for name, inner in members.items() if inner is not NO_VALUE}


def condition(name: str, scope: Scope, asked: tuple[str, ...] = ()) -> bool:
    """Whether a condition of the template holds.

    Raises:
        TemplateError: it is not there, or hangs on itself
    """
    if name not in scope.conditions:
        raise TemplateError(
            f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template"
        )
    if name in asked:
        raise TemplateError(f"Circular dependency between conditions: [{', '.join(asked[asked.index(name) :])}]")
    return _holds(scope.conditions[name], scope, (*asked, name))


def _holds(written: Any, scope: Scope, asked: tuple[str, ...]) -> bool:
    """Conditions are evaluated by themselves: one may name another, and the ring has to be seen."""
    if isinstance(written, dict) and len(written) == 1:
        ((name, argument),) = written.items()
        if name == "Condition":
            return condition(_text(argument, "Condition"), scope, asked)
        if name == "Fn::Not":
            if not isinstance(argument, list) or len(argument) != 1:
                raise TemplateError("Template error: every Fn::Not object requires one boolean parameter.")
            return not _holds(argument[0], scope, asked)
        if name in ("Fn::And", "Fn::Or"):
            if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
                raise TemplateError(
                    f"Template error: every {name} object requires a list of at least 2 and at most 10 boolean "
                    "parameters."
                )
            held = [_holds(one, scope, asked) for one in argument]
            return all(held) if name == "Fn::And" else any(held)
    found = evaluate(written, scope)
    if isinstance(found, bool):
        return found
    if found in ("true", "false"):
        return bool(found == "true")
    raise TemplateError(
        f"Template format error: Every Conditions member must be a condition function; found {spelt(found)!r}."
    )


def _ref(name: Any, scope: Scope) -> Any:
    if not isinstance(name, str):
        raise TemplateError("Template error: every Ref object must have a single String value.")
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in scope.values:
        return scope.values[name]
    return scope.reference(name)


def _get_att(argument: Any, scope: Scope) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) != 2 or not isinstance(parts[0], str):
        raise TemplateError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
            "resource attribute"
        )
    attribute = evaluate(parts[1], scope)
    return scope.attribute(parts[0], _text(attribute, "Fn::GetAtt"))


def _sub(argument: Any, scope: Scope) -> Any:
    text, own = argument, {}
    if isinstance(argument, list):
        if len(argument) != 2 or not isinstance(argument[1], dict):
            raise _malformed_sub()
        text, own = argument
    if not isinstance(text, str):
        raise _malformed_sub()

    def put(found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("!"):  # AWS: "${!Literal}" resolves to "${Literal}"
            return "${" + name[1:] + "}"
        name = name.strip()
        if not _NAME.fullmatch(name) or not name:
            raise TemplateError(
                f"Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, "
                f"underscores, periods, and colons; found {name!r}"
            )
        if name in own:
            return _text(evaluate(own[name], scope), "Fn::Sub")
        resource, dot, attribute = name.partition(".")
        value = scope.attribute(resource, attribute) if dot else _ref(name, scope)
        return _text(value, "Fn::Sub")

    return PLACEHOLDER.sub(put, text)


def _malformed_sub() -> TemplateError:
    return TemplateError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string "
        "as first argument, and an optional second argument to specify a mapping of values to replace in the string"
    )


def _join(argument: Any, scope: Scope) -> str:
    problem = TemplateError(
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
        "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    )
    if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
        raise problem
    parts = evaluate(argument[1], scope)
    if not isinstance(parts, list):
        raise problem
    return argument[0].join(_text(one, "Fn::Join") for one in parts)


def _select(argument: Any, scope: Scope) -> Any:
    problem = TemplateError(
        "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
    )
    if not isinstance(argument, list) or len(argument) != 2:
        raise problem
    index, choices = evaluate(argument[0], scope), evaluate(argument[1], scope)
    if not isinstance(choices, list) or not re.fullmatch(r"-?[0-9]{1,9}", spelt(index)):
        raise problem
    number = int(spelt(index))
    if not 0 <= number < len(choices):
        raise TemplateError(f"Template error: Fn::Select  cannot select nonexistent value at index {number}")
    return choices[number]


def _split(argument: Any, scope: Scope) -> list[str]:
    problem = TemplateError(
        "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to "
        "be split or a function that returns a string to be split."
    )
    if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str) or not argument[0]:
        raise problem
    text = evaluate(argument[1], scope)
    if not isinstance(text, str | int | float):
        raise problem
    return spelt(text).split(argument[0])


def _find_in_map(argument: Any, scope: Scope) -> Any:
    extended = isinstance(argument, list) and len(argument) == 4 and scope.extended
    if not isinstance(argument, list) or (len(argument) != 3 and not extended):
        raise TemplateError(
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
            "attribute for return value"
        )
    names = [_text(evaluate(one, scope), "Fn::FindInMap") for one in argument[:3]]
    name, first, second = names
    try:
        return scope.mappings[name][first][second]
    except (KeyError, TypeError):
        default = argument[3] if extended else None
        if isinstance(default, dict) and set(default) == {"DefaultValue"}:
            return evaluate(default["DefaultValue"], scope)
        if name not in scope.mappings:
            raise TemplateError(
                f"Template format error: Mapping named '{name}' is not present in the 'Mappings' section of template."
            ) from None
        raise TemplateError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


def _if(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
        raise TemplateError(MALFORMED_IF)
    return evaluate(argument[1 if condition(argument[0], scope) else 2], scope)


def _equals(argument: Any, scope: Scope) -> bool:
    if not isinstance(argument, list) or len(argument) != 2:
        raise TemplateError("Template error: every Fn::Equals object requires a list of 2 string parameters.")
    first, second = (evaluate(one, scope) for one in argument)
    if isinstance(first, dict | list) or isinstance(second, dict | list):
        return bool(first == second)
    return spelt(first) == spelt(second)


def _logical(name: str) -> Callable[[Any, Scope], bool]:
    return lambda argument, scope: _holds({name: argument}, scope, ())


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(_text(evaluate(argument, scope), "Fn::Base64").encode()).decode()


def _cidr(argument: Any, scope: Scope) -> list[str]:
    found = evaluate(argument, scope)
    if not isinstance(found, list) or not 2 <= len(found) <= 3:
        raise TemplateError(
            "Template error: every Fn::Cidr object requires two or three parameters, (1) the ipBlock, (2) the count "
            "and optionally (3) the cidrBits"
        )
    block, *numbers = (spelt(one) for one in found)
    if not all(number.isdecimal() and len(number) < 4 for number in numbers):
        raise TemplateError("Template error: count and cidrBits of Fn::Cidr must be integers.")
    count, bits = int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 8
    try:
        network = ipaddress.ip_network(block)
    except ValueError:
        raise TemplateError(f"Template error: Fn::Cidr: {block} is not a valid CIDR block.") from None
    if not 1 <= count <= 256:
        raise TemplateError("Template error: the count of Fn::Cidr must be between 1 and 256.")
    length = network.max_prefixlen - bits
    if bits < 1 or length < network.prefixlen or count > 2 ** (length - network.prefixlen):
        raise TemplateError(f"Template error: Fn::Cidr cannot make {count} blocks of {bits} bits out of {block}.")
    start, step = int(network.network_address), 2**bits
    address = type(network.network_address)
    return [f"{address(start + number * step)}/{length}" for number in range(count)]


def _zones(argument: Any, scope: Scope) -> list[str]:
    return list(scope.zones(_text(evaluate(argument, scope), "Fn::GetAZs")))


def _import(argument: Any, scope: Scope) -> str:
    return scope.imported(_text(evaluate(argument, scope), "Fn::ImportValue"))


def _length(argument: Any, scope: Scope) -> int:
    found = evaluate(argument, scope)
    if not scope.extended or not isinstance(found, list):
        raise TemplateError("Template error: Fn::Length takes a list, and needs the transform AWS::LanguageExtensions")
    return len(found)


def _to_json(argument: Any, scope: Scope) -> str:
    found = evaluate(argument, scope)
    if not scope.extended or not isinstance(found, dict | list):
        raise TemplateError(
            "Template error: Fn::ToJsonString takes an object or a list, and needs the transform "
            "AWS::LanguageExtensions"
        )
    return json.dumps(found, separators=(",", ":"))


def spelt(value: Any) -> str:
    """A scalar as a string property has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _text(value: Any, function: str) -> str:
    if isinstance(value, dict | list | NoValue):
        raise TemplateError(f"Template error: {function} takes strings; found {type(value).__name__}.")
    return spelt(value)


_CARRIED_OUT: dict[str, Callable[[Any, Scope], Any]] = {
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Equals": _equals,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::GetAZs": _zones,
    "Fn::If": _if,
    "Fn::ImportValue": _import,
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": _to_json,
} | {name: _logical(name) for name in ("Fn::And", "Fn::Or", "Fn::Not")}
