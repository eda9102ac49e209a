"""XML out: a shape becomes closures that append text to a list.  No document is ever built."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from aftershock.wire import scalars
from aftershock.wire.shapes import ResultError, ShapeTable, body_members, unknown_member, wire_name

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
Write = Callable[[Any, list[str]], None]

# XML 1.0 has no spelling at all for most control characters and for lone surrogates; they become U+FFFD.
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_SPELLED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"}


def escape(text: str) -> str:
    return _SPECIAL.sub(_spell, text)


def _spell(found: re.Match[str]) -> str:
    return _SPELLED.get(found[0], "\ufffd")


class XmlWriters(ShapeTable):
    """Writers of elements; members bound to headers and the like are left to the caller."""

    def content(self, shape: StructureShape | None, value: Mapping[str, Any], out: list[str]) -> None:
        """Write the members of a structure, without an element around them."""
        if shape is not None:
            self.of(shape, None)(value, out)
        elif value:
            raise ResultError(f"there is no result to hold {', '.join(value)}")

    def element(self, shape: Shape, tag: str, value: Any, out: list[str]) -> None:
        self.of(shape, tag)(value, out)

    def make(self, shape: Shape, *how: Any) -> Write:
        (tag,) = how
        match shape:
            case StructureShape():
                return self._members(shape) if tag is None else self._structure(shape, tag)
            case ListShape():
                return self._list(shape, tag)
            case MapShape():
                return self._map(shape, tag)
        return self._scalar(shape, tag)

    def _scalar(self, shape: Shape, tag: str) -> Write:
        text = scalars.writer(shape, "iso8601")
        start, end = f"<{tag}{_namespace(shape)}>", f"</{tag}>"
        if shape.type_name != "string":
            return lambda value, out: out.append(f"{start}{text(value)}{end}")
        special, spell = _SPECIAL.search, escape

        def write_text(value: Any, out: list[str]) -> None:
            if not isinstance(value, str):
                text(value)
            out.append(f"{start}{spell(value) if special(value) else value}{end}")

        return write_text

    def _structure(self, shape: StructureShape, tag: str) -> Write:
        attributes = {
            name: wire_name(name, member)
            for name, member in shape.members.items()
            if member.serialization.get("xmlAttribute")
        }
        members = self.of(shape, None)
        start, end = f"<{tag}{_namespace(shape)}", f"</{tag}>"

        def write_structure(value: Any, out: list[str]) -> None:
            out.append(f"{start}>")
            members(value, out)
            out.append(end)

        def write_with_attributes(value: Any, out: list[str]) -> None:
            given = ((wire, value[name]) for name, wire in attributes.items() if value.get(name) is not None)
            out.append("".join([start, *(f' {wire}="{escape(text)}"' for wire, text in given), ">"]))
            members({name: inner for name, inner in value.items() if name not in attributes}, out)
            out.append(end)

        return write_with_attributes if attributes else write_structure

    def _members(self, shape: StructureShape) -> Write:
        members = {name: self.of(member, _tag(name, member)) for name, member in body_members(shape).items()}

        def write_members(value: Any, out: list[str]) -> None:
            if not isinstance(value, Mapping):
                raise ResultError(f"{shape.name}: {value!r} is not a structure")
            for name, inner in value.items():
                if inner is None:
                    continue
                write = members.get(name)
                if write is None:
                    raise unknown_member(shape, name)
                write(inner, out)

        return write_members

    def _list(self, shape: ListShape, tag: str) -> Write:
        flattened = shape.serialization.get("flattened")
        write = self.of(shape.member, tag if flattened else shape.member.serialization.get("name", "member"))
        start, end = ("", "") if flattened else (f"<{tag}{_namespace(shape)}>", f"</{tag}>")

        def write_list(value: Any, out: list[str]) -> None:
            if isinstance(value, str | bytes | Mapping):
                raise ResultError(f"{shape.name}: {value!r} is not a list")
            out.append(start)
            for inner in value:
                write(inner, out)
            out.append(end)

        return write_list

    def _map(self, shape: MapShape, tag: str) -> Write:
        flattened = shape.serialization.get("flattened")
        write_key = self.of(shape.key, shape.key.serialization.get("name", "key"))
        write_value = self.of(shape.value, shape.value.serialization.get("name", "value"))
        entry = tag if flattened else "entry"
        start, end = ("", "") if flattened else (f"<{tag}{_namespace(shape)}>", f"</{tag}>")

        def write_map(value: Any, out: list[str]) -> None:
            out.append(start)
            for key, inner in value.items():
                out.append(f"<{entry}>")
                write_key(key, out)
                write_value(inner, out)
                out.append(f"</{entry}>")
            out.append(end)

        return write_map


def _tag(name: str, shape: Shape) -> str:
    """A flattened list has no element of its own, so its items carry the name."""
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return str(shape.member.serialization.get("name") or wire_name(name, shape))
    return wire_name(name, shape)


def _namespace(shape: Shape) -> str:
    namespace = shape.serialization.get("xmlNamespace")
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{namespace}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{namespace["uri"]}"'
