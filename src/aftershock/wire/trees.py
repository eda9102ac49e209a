"""Values that travel as trees of names and values: what JSON and CBOR have in common.

The two differ in how timestamps and blobs look; subclasses say that.
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from aftershock.wire.scalars import Malformed
from aftershock.wire.shapes import ResultError, ShapeTable, body_members, itself, unknown_member, wire_name

# What AWS calls the tokens of a parser in `SerializationException` (Java's Jackson, of which it is made).
_TOKENS = {bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", str: "STRING_VALUE"}
_KINDS = {
    "integer": "Integer",
    "long": "Long",
    "float": "Float",
    "double": "Double",
    "boolean": "Boolean",
    "string": "String",
    "blob": "ByteBuffer",
    "timestamp": "Timestamp",
}


def cannot_convert(value: Any, shape: Shape) -> Malformed:
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Malformed("Start of list found where not expected")
    token = _TOKENS.get(type(value), "VALUE")
    return Malformed(f"{token} can not be converted to {_KINDS.get(shape.type_name, shape.type_name)}")


class _Trees(ShapeTable):
    """What is made for a shape, by its kind."""

    def make(self, shape: Shape, *how: Any) -> Callable[[Any], Any]:
        match shape:
            case StructureShape():
                return itself if shape.is_document_type else self._structure(shape)
            case ListShape():
                return self._list(shape)
            case MapShape():
                return self._map(shape)
        return self.scalar(shape)

    def scalar(self, shape: Shape) -> Callable[[Any], Any]:
        raise NotImplementedError

    def _structure(self, shape: StructureShape) -> Callable[[Any], Any]:
        raise NotImplementedError

    def _list(self, shape: ListShape) -> Callable[[Any], Any]:
        raise NotImplementedError

    def _map(self, shape: MapShape) -> Callable[[Any], Any]:
        raise NotImplementedError


class TreeReaders(_Trees):
    """From a parsed tree to parameters.  Names the shape does not have are ignored, as AWS ignores them."""

    def _structure(self, shape: StructureShape) -> Callable[[Any], dict[str, Any]]:
        members = {wire_name(name, member): (name, self.of(member)) for name, member in body_members(shape).items()}

        def read_structure(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise cannot_convert(value, shape)
            result = {}
            for key, inner in value.items():
                member = members.get(key)
                if member is None or inner is None:
                    continue
                try:
                    result[member[0]] = member[1](inner)
                except Malformed as error:
                    error.under(key)
                    raise
            return result

        return read_structure

    def _list(self, shape: ListShape) -> Callable[[Any], list[Any]]:
        read = self.of(shape.member)

        def read_list(value: Any) -> list[Any]:
            if not isinstance(value, list):
                raise cannot_convert(value, shape)
            # A null item stays: whether it may be there is for validation to say.
            return [None if inner is None else read(inner) for inner in value]

        return read_list

    def _map(self, shape: MapShape) -> Callable[[Any], dict[str, Any]]:
        read = self.of(shape.value)

        def read_map(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
                raise cannot_convert(value, shape)
            return {key: None if inner is None else read(inner) for key, inner in value.items()}

        return read_map


class TreeWriters(_Trees):
    """From a result to a tree that a JSON or CBOR encoder takes."""

    def _structure(self, shape: StructureShape) -> Callable[[Any], dict[str, Any]]:
        members = {name: (wire_name(name, member), self.of(member)) for name, member in body_members(shape).items()}

        def write_structure(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping):
                raise ResultError(f"{shape.name}: {value!r} is not a structure")
            tree = {}
            for name, inner in value.items():
                if inner is None:
                    continue
                member = members.get(name)
                if member is None:
                    raise unknown_member(shape, name)
                tree[member[0]] = member[1](inner)
            return tree

        return write_structure

    def _list(self, shape: ListShape) -> Callable[[Any], list[Any]]:
        write = self.of(shape.member)

        def write_list(value: Any) -> list[Any]:
            if isinstance(value, str | bytes | Mapping):
                raise ResultError(f"{shape.name}: {value!r} is not a list")
            return [None if inner is None else write(inner) for inner in value]

        return write_list

    def _map(self, shape: MapShape) -> Callable[[Any], dict[str, Any]]:
        write = self.of(shape.value)

        def write_map(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping):
                raise ResultError(f"{shape.name}: {value!r} is not a map")
            return {key: None if inner is None else write(inner) for key, inner in value.items()}

        return write_map


def params_of(readers: TreeReaders, shape: StructureShape | None, tree: Any) -> dict[str, Any]:
    params: dict[str, Any] = {} if shape is None else readers.of(shape)(tree)
    return params


def result_tree(writers: TreeWriters, shape: StructureShape | None, result: Mapping[str, Any]) -> Any:
    if shape is None:
        if result:
            raise ResultError(f"there is no result to hold {', '.join(result)}")
        return {}
    return writers.of(shape)(result)
