"""What the properties of a resource type may be, and what changing them needs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from .functions import NO_VALUE, spelt


class Need(IntEnum):
    """What an update of a property does to the resource; the greatest of all that change counts."""

    NOTHING = 0
    INTERRUPTION = 1
    REPLACEMENT = 2


@dataclass(frozen=True, slots=True)
class Kind:
    """A property's type: a scalar's name, "List", "Map", "Json", or "Object" with members."""

    name: str
    member: "Kind | None" = None
    members: "Mapping[str, Kind] | None" = None
    required: frozenset[str] = frozenset()

    @property
    def shown(self) -> str:
        if self.name == "List" and self.member is not None and self.member.name != "Object":
            return f"List of {self.member.name}"
        return self.name


STRING, INTEGER, DOUBLE = Kind("String"), Kind("Integer"), Kind("Double")
BOOLEAN, JSON = Kind("Boolean"), Kind("Json")


def many(member: Kind) -> Kind:
    return Kind("List", member=member)


def mapping(member: Kind = STRING) -> Kind:
    return Kind("Map", member=member)


def members(required: str = "", /, **kinds: Kind) -> Kind:
    """An object; `required` names members separated by blanks."""
    return Kind("Object", members=kinds, required=frozenset(required.split()))


STRINGS = many(STRING)
TAGS = many(members("Key Value", Key=STRING, Value=STRING))


@dataclass(frozen=True, slots=True)
class Property:
    kind: Kind
    need: Need = Need.NOTHING
    required: bool = False


def fixed(kind: Kind, *, required: bool = False) -> Property:
    """A property whose change needs another resource."""
    return Property(kind, Need.REPLACEMENT, required)


def changing(kind: Kind, *, required: bool = False) -> Property:
    """A property that is changed in place, without interruption."""
    return Property(kind, Need.NOTHING, required)


def interrupting(kind: Kind, *, required: bool = False) -> Property:
    """A property that is changed in place, with an interruption."""
    return Property(kind, Need.INTERRUPTION, required)


Properties = Mapping[str, Property]


def problems(schema: Properties, written: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with properties as a template has them; what functions will give is not known yet."""
    for name in written:
        if name not in schema:
            yield f"Encountered unsupported property {name}"
    for name, one in schema.items():
        if one.required and name not in written:
            yield f"Property {name} cannot be empty."
        elif name in written:
            yield from _problems(one.kind, written[name], name)


def _problems(kind: Kind, value: Any, path: str) -> Iterator[str]:
    if kind.name == "Json":
        return
    if is_function(value):
        ((name, argument),) = value.items()
        if name == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
            for branch in argument[1:]:
                yield from _problems(kind, branch, path)
        return
    match kind.name:
        case "List":
            if not isinstance(value, list):
                yield f"Value of property {path} must be of type {kind.shown}"
                return
            assert kind.member is not None
            for one in value:
                yield from _problems(kind.member, one, path)
        case "Map":
            if not isinstance(value, dict):
                yield f"Value of property {path} must be an object"
                return
            assert kind.member is not None
            wrong = [one for name, inner in value.items() for one in _problems(kind.member, inner, f"{path}.{name}")]
            if kind.member.name == "String" and wrong:
                yield f"Value of property {path} must be an object with String (or simple type) properties"
            else:
                yield from wrong
        case "Object":
            yield from _object_problems(kind, value, path)
        case _:
            if value is not NO_VALUE and not _fits(kind, value):
                yield f"Value of property {path} must be of type {kind.name}"


def _object_problems(kind: Kind, value: Any, path: str) -> Iterator[str]:
    assert kind.members is not None
    if not isinstance(value, dict):
        yield f"Value of property {path} must be an object"
        return
    for name in value:
        if name not in kind.members:
            yield (
                f"Encountered unsupported property {path}.{name}"
                if path
                else f"Encountered unsupported property {name}"
            )
    for name, inner in kind.members.items():
        if name in value:
            yield from _problems(inner, value[name], f"{path}.{name}")
        elif name in kind.required:
            yield f"Property {path}.{name} cannot be empty."


def is_function(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (name,) = value
    return name == "Ref" or (isinstance(name, str) and name.startswith("Fn::"))


def _fits(kind: Kind, value: Any) -> bool:
    if isinstance(value, dict | list):
        return False
    text = spelt(value)
    match kind.name:
        case "Boolean":
            return text.lower() in ("true", "false")
        case "Integer":
            digits = text.removeprefix("-")
            return digits.isascii() and digits.isdecimal() and len(digits) < 19
        case "Double":
            try:
                return float(text) == float(text)
            except ValueError:
                return False
    return True


def coerced(schema: Properties, values: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluated properties in the types that the schema names; call it with what has no `problems`."""
    return {name: _coerced(schema[name].kind, value) for name, value in values.items()}


def _coerced(kind: Kind, value: Any) -> Any:
    match kind.name:
        case "List":
            assert kind.member is not None
            return [_coerced(kind.member, one) for one in value]
        case "Map":
            assert kind.member is not None
            return {name: _coerced(kind.member, one) for name, one in value.items()}
        case "Object":
            assert kind.members is not None
            return {name: _coerced(kind.members[name], one) for name, one in value.items()}
        case "Boolean":
            return spelt(value).lower() == "true"
        case "Integer":
            return int(spelt(value))
        case "Double":
            return float(spelt(value))
        case "String":
            return spelt(value)
    return value


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of the properties that differ, sorted."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def need(schema: Properties, names: Iterable[str]) -> Need:
    return max((schema[name].need if name in schema else Need.NOTHING for name in names), default=Need.NOTHING)
