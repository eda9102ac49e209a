"""Whether what was read satisfies its model: required members, lengths, ranges, enums and patterns.

Compiled per shape; a shape that constrains nothing costs nothing.  What a service checks beyond its model, such as
the names of filters, is the service's.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from aftershock.wire import patterns, refusals
from aftershock.wire.ec2 import query_name
from aftershock.wire.refusals import Family, Problem
from aftershock.wire.shapes import ShapeTable, itself

Check = Callable[[Any], Sequence[Problem]]
_SHOWN_CHARACTERS = 1024
# Shapes whose pattern AWS does not hold its callers to.  FIS has `[\S]+` for an action's parameters, and takes, in many
# published templates, the parameters of a document as JSON with spaces.
_NOT_HELD = frozenset({"ExperimentTemplateActionParameter"})


def check(operation: OperationModel, params: dict[str, Any], family: Family) -> None:
    """Raises AwsError, in the family's words, if the parameters break the model of the operation."""
    if operation.input_shape is None:
        return
    table = (_Ec2Checks if family is Family.EC2 else _Checks).for_service(operation.service_model)
    if problems := table.of(operation.input_shape)(params):
        raise refusals.invalid(family, problems)


def _nothing(_value: Any) -> Sequence[Problem]:
    return ()


class _Checks(ShapeTable):
    """Paths as most services spell them: `filters.1.member.name`."""

    not_null = "Member must not be null"

    def step(self, name: str, shape: Shape) -> str:
        return name[:1].lower() + name[1:]

    def index(self, number: int) -> str:
        return f"{number}.member"

    def make(self, shape: Shape, *how: Any) -> Check:
        match shape:
            case StructureShape():
                return _nothing if shape.is_document_type else self._structure(shape)
            case ListShape():
                return self._list(shape)
            case MapShape():
                return self._map(shape)
        return self._scalar(shape)

    def _structure(self, shape: StructureShape) -> Check:
        required = [(name, self.step(name, shape.members[name])) for name in shape.required_members]
        checks = [
            (name, self.step(name, member), check)
            for name, member in shape.members.items()
            if (check := self.of(member)) is not _nothing
        ]
        is_union = shape.is_tagged_union
        if not (required or checks or is_union):
            return _nothing

        def check_structure(value: dict[str, Any]) -> Sequence[Problem]:
            problems = [
                Problem((step,), self.not_null, missing=True) for name, step in required if value.get(name) is None
            ]
            if is_union and len(value) != 1:
                problems.append(Problem((), "Member must have exactly one member set", shown(value)))
            for name, step, check in checks:
                inner = value.get(name)
                if inner is not None and (found := check(inner)):
                    problems.extend(problem.under(step) for problem in found)
            return problems

        return check_structure

    def _list(self, shape: ListShape) -> Check:
        size, member = self._size(shape), self.of(shape.member)

        def check_list(value: list[Any]) -> Sequence[Problem]:
            problems = list(size(value))
            for number, inner in enumerate(value, 1):
                if inner is None:
                    problems.append(Problem((self.index(number),), self.not_null, missing=True))
                elif found := member(inner):
                    problems.extend(problem.under(self.index(number)) for problem in found)
            return problems

        return check_list

    def _map(self, shape: MapShape) -> Check:
        size, key, member = self._size(shape), self.of(shape.key), self.of(shape.value)

        def check_map(value: dict[str, Any]) -> Sequence[Problem]:
            problems = list(size(value))
            if broken := next((found for name in value if (found := key(name))), ()):
                # aws/boto3#2601: "Map keys must satisfy constraint: [..., ...]"
                constraints = ", ".join(problem.constraint for problem in broken)
                problems.append(Problem((), f"Map keys must satisfy constraint: [{constraints}]", shown(value)))
            for name, inner in value.items():
                if inner is None:
                    problems.append(Problem((f"{name}.member",), self.not_null, missing=True))
                elif found := member(inner):
                    problems.extend(problem.under(f"{name}.member") for problem in found)
            return problems

        return check_map

    def _scalar(self, shape: Shape) -> Check:
        sensitive = bool(shape.metadata.get("sensitive"))
        rules = [rule for rule in (_enum(shape), _bounds(shape), _pattern(shape)) if rule is not None]
        if not rules:
            return _nothing

        def check_scalar(value: Any) -> Sequence[Problem]:
            broken = [constraint for rule in rules if (constraint := rule(value))]
            return [Problem((), constraint, None if sensitive else shown(value)) for constraint in broken]

        return check_scalar

    def _size(self, shape: Shape) -> Check:
        bounds = _bounds(shape)

        def check_size(value: Any) -> Sequence[Problem]:
            constraint = bounds and bounds(value)
            return [Problem((), constraint, shown(value))] if constraint else ()

        return check_size


class _Ec2Checks(_Checks):
    """Paths as they were sent: `Filter.1.Name`."""

    def step(self, name: str, shape: Shape) -> str:
        return query_name(name, shape)

    def index(self, number: int) -> str:
        return str(number)


def _enum(shape: Shape) -> Callable[[Any], str] | None:
    allowed = shape.metadata.get("enum")
    if not allowed:
        return None
    known, text = frozenset(allowed), f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    return lambda value: "" if value in known else text


def _bounds(shape: Shape) -> Callable[[Any], str] | None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is None and high is None:
        return None
    measured: Callable[[Any], Any]
    if shape.type_name in ("integer", "long", "float", "double"):
        measured, what = itself, "value"
    else:
        measured, what = len, "length"

    def check_bounds(value: Any) -> str:
        measure = measured(value)
        if low is not None and not measure >= low:
            return f"Member must have {what} greater than or equal to {low}"
        if high is not None and not measure <= high:
            return f"Member must have {what} less than or equal to {high}"
        return ""

    return check_bounds


def _pattern(shape: Shape) -> Callable[[Any], str] | None:
    pattern = shape.metadata.get("pattern")
    if pattern is None or shape.type_name != "string" or shape.name in _NOT_HELD:
        return None
    high = shape.metadata.get("max")

    def check_pattern(value: str) -> str:
        # A text that is too long is refused for that; matching it could only take time.
        if (high is not None and len(value) > high) or patterns.satisfies(value, pattern):
            return ""
        return f"Member must satisfy regular expression pattern: {pattern}"

    return check_pattern


def shown(value: Any) -> str:
    """A value as AWS's messages show it, which is how Java does."""
    return "".join(_shown(value))[:_SHOWN_CHARACTERS]


def _shown(value: Any) -> Iterable[str]:
    match value:
        case dict():
            pairs = list(value.items())[:_SHOWN_CHARACTERS]
            return ("{", ", ".join(f"{name}={shown(inner)}" for name, inner in pairs), "}")
        case list():
            return ("[", ", ".join(shown(inner) for inner in value[:_SHOWN_CHARACTERS]), "]")
        case bool():
            return (str(value).lower(),)
        case datetime():
            return (value.isoformat(),)
        case bytes():
            return (f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]",)
    return (str(value),)
