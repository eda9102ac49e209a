"""From a template's text to plain values: JSON, or YAML with CloudFormation's short forms.

The text is a stranger's.  YAML is read event by event, so that nothing is built that was not written: there are no
aliases (AWS refuses them, which is also what stops "billion laughs"), no tags but CloudFormation's own, no key
twice, no nesting without end.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from .errors import TemplateError

MAX_BODY_BYTES = 51_200  # AWS: "Template body size in a request"
MAX_OBJECT_BYTES = 1_048_576  # AWS: "Template body size in an S3 object"
MAX_DEPTH = 100  # levels; generated templates have some 30, and every reader of a template may recurse

Path = tuple[str | int, ...]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
SHORT_FORMS = {
    "!" + name: f"Fn::{name}"
    for name in [
        "Base64",
        "Cidr",
        "FindInMap",
        "GetAtt",
        "GetAZs",
        "ImportValue",
        "Join",
        "Select",
        "Split",
        "Sub",
        "Transform",
        "And",
        "Equals",
        "If",
        "Not",
        "Or",
        "Length",
        "ToJsonString",
        "Contains",
        "EachMemberEquals",
        "EachMemberIn",
    ]
} | {"!Ref": "Ref", "!Condition": "Condition"}

_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})  # YAML 1.1
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_STANDARD = "tag:yaml.org,2002:"
_PLAIN = frozenset(_STANDARD + name for name in ("bool", "float", "int", "map", "seq", "str"))
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Loaded:
    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)  # of each member's key, counted from 1

    def line(self, *path: str | int) -> int | None:
        """The line of the nearest thing on this path that has one."""
        for length in range(len(path), 0, -1):
            if (found := self.lines.get(path[:length])) is not None:
                return found
        return None


def load(text: str) -> Loaded:
    """
    Raises:
        TemplateError: it is no JSON or YAML, or has what a template may not have; names line and column
    """
    loaded = _json(text) if text.lstrip().startswith("{") else _yaml(text)
    if not isinstance(loaded.value, dict):
        raise TemplateError("Template format error: unsupported structure.")
    _no_nulls(loaded.value, ())
    return loaded


def _json(text: str) -> Loaded:
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in pairs:
            if name in made:
                raise TemplateError(f"Template format error: JSON not well-formed. Duplicate key {name!r}")
            made[name] = value
        return made

    def constant(name: str) -> Any:
        raise ValueError(name)

    try:
        value = json.loads(text, object_pairs_hook=members, parse_constant=constant)
    except json.JSONDecodeError as error:
        where = f"(line {error.lineno}, column {error.colno})"
        raise TemplateError(f"Template format error: JSON not well-formed. {where}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise TemplateError("Template format error: JSON not well-formed.") from None
    _check_depth(value)
    return Loaded(value, _json_lines(text, value))


def _json_lines(text: str, value: Any) -> dict[Path, int]:
    """Where the sections' members begin; the decoder does not say, so their keys are looked for in their order."""
    lines: dict[Path, int] = {}
    if not isinstance(value, dict):
        return lines
    for section, members in value.items():
        at = text.find(json.dumps(section))
        if at < 0:
            continue
        lines[section,] = text.count("\n", 0, at) + 1
        for name in members if isinstance(members, dict) else ():
            key = re.compile(re.escape(json.dumps(name)) + r"\s*:")
            if found := key.search(text, at):
                at = found.start()
                lines[section, name] = text.count("\n", 0, at) + 1
    return lines


def _yaml(text: str) -> Loaded:
    try:
        return _Yaml(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"(line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise TemplateError(f"Template format error: YAML not well-formed. {where}".rstrip()) from None
    except (yaml.YAMLError, ValueError):  # a character that YAML does not have, such as a lone surrogate
        raise TemplateError("Template format error: YAML not well-formed.") from None


class _Yaml:
    def __init__(self, text: str) -> None:
        self._loader = _Parser(text)
        self.lines: dict[Path, int] = {}

    def document(self) -> Loaded:
        try:
            self._expect(yaml.StreamStartEvent)
            if self._loader.check_event(yaml.StreamEndEvent):
                return Loaded(None)
            self._expect(yaml.DocumentStartEvent)
            value = self._node((), 0)
            self._expect(yaml.DocumentEndEvent)
            if not self._loader.check_event(yaml.StreamEndEvent):
                raise _at("YAML not well-formed.", self._loader.peek_event())
        finally:
            self._loader.dispose()
        return Loaded(value, self.lines)

    def _expect(self, kind: type) -> None:
        if not self._loader.check_event(kind):
            raise _at("YAML not well-formed.", self._loader.peek_event())
        self._loader.get_event()

    def _node(self, path: Path, depth: int) -> Any:
        event = self._loader.get_event()
        if isinstance(event, yaml.AliasEvent):
            raise TemplateError("Template error: YAML aliases are not allowed in CloudFormation templates")
        if depth > MAX_DEPTH:
            raise _too_deep()
        function = self._function(event)
        inside = (*path, function) if function else path
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = event.value if function else _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not self._loader.check_event(yaml.SequenceEndEvent):
                here = (*inside, len(value))
                self.lines[here] = self._loader.peek_event().start_mark.line + 1
                value.append(self._node(here, depth + 1))
            self._loader.get_event()
        else:
            value = self._members(inside, depth)
        if function is None:
            return value
        return {function: _attribute(value) if function == "Fn::GetAtt" else value}

    def _members(self, path: Path, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not self._loader.check_event(yaml.MappingEndEvent):
            key = self._loader.get_event()
            if not isinstance(key, yaml.ScalarEvent):
                raise _at("YAML not well-formed. A key has to be a string.", key)
            if key.implicit[0] and (_INTEGER.fullmatch(key.value) or _DECIMAL.fullmatch(key.value)):
                where = "/" + "/".join(map(str, path))
                raise TemplateError(
                    f"Template format error: [{where}] map keys must be strings; received numeric [{key.value}] instead"
                )
            if key.value in made:
                raise _at(f"YAML not well-formed. Duplicate key {key.value!r}", key)
            here = (*path, key.value)
            self.lines[here] = key.start_mark.line + 1
            made[key.value] = self._node(here, depth + 1)
        self._loader.get_event()
        return made

    def _function(self, event: Any) -> str | None:
        tag = event.tag
        if tag is None or tag == "!" or tag in _PLAIN:
            return None
        if tag not in SHORT_FORMS:
            mark = event.start_mark
            raise TemplateError(
                f"Template format error: Unresolved tag: {tag} (line {mark.line + 1}, column {mark.column + 1})"
            )
        return SHORT_FORMS[tag]


def _attribute(value: Any) -> Any:
    """`!GetAtt Web.PublicIp` is the list that the long form takes."""
    return list(value.split(".", 1)) if isinstance(value, str) and "." in value else value


def _scalar(event: Any) -> Any:
    """Booleans and plain numbers; whatever a number's text says beyond its value (012, 1_0, 1e3) stays text."""
    text: str = event.value
    if not event.implicit[0] and event.tag != _STANDARD + "bool":
        return text
    folded = text.lower()
    if folded in _TRUE or folded in _FALSE:
        return folded in _TRUE
    if folded in ("", "~", "null"):
        return None
    if _INTEGER.fullmatch(text) and text != "-0":
        return int(text)
    # Only a number that is written as Python writes it comes back as it was.
    if _DECIMAL.fullmatch(text) and repr(float(text)) == text:
        return float(text)
    return text


def _no_nulls(value: Any, path: Path) -> None:
    if value is None:
        where = "/" + "/".join(map(str, path))
        raise TemplateError(f"Template format error: [{where}] 'null' values are not allowed in templates")
    if isinstance(value, dict):
        for name, inner in value.items():
            _no_nulls(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _no_nulls(inner, (*path, number))


def _check_depth(value: Any) -> None:
    level, left = [value], MAX_DEPTH
    while level:
        if left < 0:
            raise _too_deep()
        left -= 1
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]


def _too_deep() -> TemplateError:
    return TemplateError(f"Template format error: it is nested deeper than {MAX_DEPTH} levels.")


def _at(problem: str, event: Any) -> TemplateError:
    mark = event.start_mark
    return TemplateError(f"Template format error: {problem} (line {mark.line + 1}, column {mark.column + 1})")
