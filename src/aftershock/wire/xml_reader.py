"""XML in, for the `rest-xml` protocol: parsed without entities or DTD, to a limited depth, then read by shape."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from botocore.model import ListShape, MapShape, Shape, StructureShape

from aftershock.wire import scalars
from aftershock.wire.scalars import Malformed
from aftershock.wire.shapes import ShapeTable, body_members, wire_name

_DEPTH = 64
_NOT_WELL_FORMED = "The XML you provided was not well-formed or did not validate against our published schema"
_NAMESPACE = re.compile(r".*\|")


def load(body: bytes) -> Element:
    """The root element, names without their namespaces."""
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH:
            raise Malformed(_NOT_WELL_FORMED)
        builder.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(name))

    def refuse(*_: Any) -> None:
        raise Malformed(_NOT_WELL_FORMED)

    parser = expat.ParserCreate(namespace_separator="|")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError, AssertionError):  # the last: an encoding Python lacks
        raise Malformed(_NOT_WELL_FORMED) from None


def _local(name: str) -> str:
    return _NAMESPACE.sub("", name)


class XmlReaders(ShapeTable):
    """Readers of elements.  Elements the shape does not know are ignored."""

    def make(self, shape: Shape, *how: Any) -> Callable[[Any], Any]:
        match shape:
            case StructureShape():
                return self._structure(shape)
            case ListShape():
                return self._list(shape)
            case MapShape():
                return self._map(shape)
        read = scalars.reader(shape, "iso8601")
        return lambda nodes: read(_text(nodes[-1]))

    def _structure(self, shape: StructureShape) -> Callable[[list[Element]], dict[str, Any]]:
        members: dict[str, tuple[str, Callable[[Any], Any]]] = {}
        attributes: dict[str, str] = {}
        for name, member in body_members(shape).items():
            if member.serialization.get("xmlAttribute"):
                attributes[wire_name(name, member).rpartition(":")[2]] = name
            else:
                members[wire_name(name, member)] = (name, self.of(member))

        def read_structure(nodes: list[Element]) -> dict[str, Any]:
            node = nodes[-1]
            result: dict[str, Any] = {
                name: node.attrib[attribute] for attribute, name in attributes.items() if attribute in node.attrib
            }
            for tag, children in _by_tag(node).items():
                if (member := members.get(tag)) is None:
                    continue
                try:
                    result[member[0]] = member[1](children)
                except Malformed as error:
                    error.under(tag)
                    raise
            return result

        return read_structure

    def _list(self, shape: ListShape) -> Callable[[list[Element]], list[Any]]:
        read, flattened = self.of(shape.member), shape.serialization.get("flattened")
        return lambda nodes: [read([item]) for item in (nodes if flattened else nodes[-1])]

    def _map(self, shape: MapShape) -> Callable[[list[Element]], dict[str, Any]]:
        flattened = shape.serialization.get("flattened")
        key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        read_value = self.of(shape.value)

        def read_map(nodes: list[Element]) -> dict[str, Any]:
            result = {}
            for entry in nodes if flattened else nodes[-1]:
                parts = _by_tag(entry)
                if key not in parts or value not in parts:
                    raise Malformed(_NOT_WELL_FORMED)
                result[_text(parts[key][-1])] = read_value(parts[value])
            return result

        return read_map


def _by_tag(node: Element) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for child in node:
        found.setdefault(child.tag, []).append(child)
    return found


def _text(node: Element) -> str:
    if len(node):
        raise Malformed(_NOT_WELL_FORMED)
    return node.text or ""
