"""A template as the checks read it: resources with their properties, and the lines on which they stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfnlint.decode.decode import decode_str  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Resource:
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    line: int | None


@dataclass(frozen=True, slots=True)
class Template:
    body: str
    parameters: Mapping[str, Mapping[str, Any]]
    resources: tuple[Resource, ...]  # one more than once where a condition chooses all its properties

    def of(self, kind: str) -> Iterator[Resource]:
        return (one for one in self.resources if one.type == kind)

    def get(self, logical_id: str | None) -> Resource | None:
        return next((one for one in self.resources if one.logical_id == logical_id), None)


class Unreadable(ValueError):
    """It is no template; the message says why, with the line."""


def read(body: str) -> Template:
    """
    Raises:
        Unreadable
    """
    decoded, errors = decode_str(body)
    if errors:
        raise Unreadable("; ".join(f"line {one.linenumber}: {one.message}" for one in errors))
    if not isinstance(decoded, Mapping) or not isinstance(decoded.get("Resources"), Mapping):
        raise Unreadable("it has no resources")
    resources = []
    for name, one in decoded["Resources"].items():
        if isinstance(one, Mapping) and isinstance(one.get("Type"), str):
            mark = getattr(name, "start_mark", None)
            line = mark.line + 1 if mark else None
            resources += [
                Resource(str(name), str(one["Type"]), each, line) for each in _branches(one.get("Properties"))
            ]
    parameters = decoded.get("Parameters", {})
    return Template(body, parameters if isinstance(parameters, Mapping) else {}, tuple(resources))


def _branches(properties: Any) -> Iterator[Mapping[str, Any]]:
    """Where a condition chooses all properties of a resource, each of what they may be."""
    if not isinstance(properties, Mapping):
        yield {}
    elif set(properties) == {"Fn::If"} and isinstance(properties["Fn::If"], list):
        for branch in properties["Fn::If"][1:]:
            yield from _branches(branch)
    else:
        yield properties


def reference(value: Any) -> str | None:
    """The logical id that a `Ref` or a `GetAtt` names; None for anything else."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((function, what),) = value.items()
    if function == "Ref" and isinstance(what, str):
        return what
    if function == "Fn::GetAtt":
        name = what.partition(".")[0] if isinstance(what, str) else what[0] if what else None
        return str(name) if name else None
    return None


def everywhere(value: Any) -> Iterator[tuple[str, Any]]:
    """Each key with its value, at any depth."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key), inner
            yield from everywhere(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from everywhere(inner)
