"""Parameters spelled `Filter.1.Name=x`: what the query protocol and EC2's have in common.

The flat keys become a tree once, in time and memory that follow the size of the message and not the numbers in it;
shapes are then read from the tree.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from aftershock.wire import refusals, scalars
from aftershock.wire.bodies import plain_body
from aftershock.wire.message import HttpRequest
from aftershock.wire.refusals import Family
from aftershock.wire.scalars import Malformed, Unrecognized
from aftershock.wire.shapes import ShapeTable

Tree = dict[str, Any]  # name or number → a text, or another tree
_DEPTH = 64  # the deepest shape of any query service nests 12 names
_NUMBER_DIGITS = 9
_NOT_PARAMETERS = frozenset(
    {
        *("Action", "Version", "AWSAccessKeyId", "SecurityToken", "Timestamp", "Expires"),
        "ContentType",  # of the answer
        *("Signature", "SignatureMethod", "SignatureVersion"),
    }
)


def form(request: HttpRequest) -> dict[str, str]:
    """The fields of a form, from the query string and, of a POST, the body.  The last of equal names counts."""
    is_form = "x-www-form-urlencoded" in request.headers.get("content-type", "x-www-form-urlencoded")
    body = plain_body(request) if request.method == "POST" and is_form else b""
    return _form(request.query, body)


@lru_cache(maxsize=4)  # routing, finding the operation and reading it all look at the same form
def _form(query: str, body: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    try:
        for text in (query, body.decode()):
            fields.update(parse_qsl(text, keep_blank_values=True, errors="strict"))
    except ValueError:
        raise Malformed("The form is not text in UTF-8") from None
    return fields


def operation(request: HttpRequest, service: ServiceModel, family: Family) -> OperationModel:
    fields = form(request)
    action = fields.get("Action")
    if not action:
        raise refusals.no_action()
    if action not in service.operation_names:
        raise refusals.unknown_action(family, action, fields.get("Version", service.api_version))
    return service.operation_model(action)


def read(request: HttpRequest, operation: OperationModel, readers: "FlatReaders") -> dict[str, Any]:
    if operation.input_shape is None:
        return {}
    parameters = tree(
        pair
        for pair in form(request).items()
        if pair[0] not in _NOT_PARAMETERS and not pair[0].lower().startswith("x-amz-")
    )
    params: dict[str, Any] = readers.of(operation.input_shape)(parameters)
    return params


def tree(pairs: Iterable[tuple[str, str]]) -> Tree:
    root: Tree = {}
    for key, value in pairs:
        *steps, last = key.split(".", _DEPTH)
        if len(steps) == _DEPTH:
            raise Unrecognized(key[:100])
        node = root
        for step in steps:
            child = node.get(step)
            if not child:  # nothing yet, or "", which spells an empty list
                child = node[step] = {}
            elif isinstance(child, str):
                raise Unrecognized(key)
            node = child
        if node.get(last):
            raise Unrecognized(key)
        node.setdefault(last, value)
    return root


class FlatReaders(ShapeTable):
    """Readers of shapes from such a tree; the two protocols differ in names, and in minding what they do not know."""

    def member_key(self, name: str, shape: Shape) -> str:
        raise NotImplementedError

    def items(self, shape: ListShape) -> Callable[[Tree], Tree]:
        """Where in the tree of a list its numbered items are."""
        raise NotImplementedError

    def unknown(self, node: Any) -> None:
        """A name or number was met that the shape has no place for."""

    def make(self, shape: Shape, *how: Any) -> Callable[[Any], Any]:
        match shape:
            case StructureShape():
                return self._structure(shape)
            case ListShape():
                return self._list(shape)
            case MapShape():
                return self._map(shape)
        return self._scalar(shape)

    def _scalar(self, shape: Shape) -> Callable[[Any], Any]:
        read = scalars.reader(shape, "iso8601")

        def read_scalar(node: Any) -> Any:
            if isinstance(node, dict):
                raise _first_leaf(node, "Start of structure or map found where not expected")
            return read(node)

        return read_scalar

    def _structure(self, shape: StructureShape) -> Callable[[Any], dict[str, Any]]:
        members = {self.member_key(name, member): (name, self.of(member)) for name, member in shape.members.items()}

        def read_structure(node: Any) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for key, child in branches(node).items():
                member = members.get(key)
                try:
                    if member is None:
                        self.unknown(child)
                    else:
                        result[member[0]] = member[1](child)
                except Malformed as error:
                    error.under(key)
                    raise
            return result

        return read_structure

    def _list(self, shape: ListShape) -> Callable[[Any], list[Any]]:
        items, read = self.items(shape), self.of(shape.member)
        return lambda node: [item for _, item in self._numbered(items(branches(node)), read)]

    def _map(self, shape: MapShape) -> Callable[[Any], dict[str, Any]]:
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        read_key, read_value = self.of(shape.key), self.of(shape.value)
        flattened = bool(shape.serialization.get("flattened"))

        def read_entry(node: Any) -> tuple[str, Any]:
            entry = branches(node)
            if key_name not in entry or value_name not in entry:
                raise Malformed("A map entry needs a key and a value")
            return read_key(entry[key_name]), read_value(entry[value_name])

        def read_map(node: Any) -> dict[str, Any]:
            entries = branches(node)
            numbered = self._numbered(entries if flattened else branches(entries.get("entry", {})), read_entry)
            return dict(entry for _, entry in numbered)

        return read_map

    def _numbered(self, node: Tree, read: Callable[[Any], Any]) -> list[tuple[int, Any]]:
        """Items in the order of their numbers, as AWS takes them; gaps do not matter."""
        items = []
        for key, child in node.items():
            try:
                if key.isascii() and key.isdigit() and len(key) <= _NUMBER_DIGITS:
                    items.append((int(key), read(child)))
                else:
                    self.unknown(child)
            except Malformed as error:
                error.under(key)
                raise
        items.sort(key=itemgetter(0))
        return items


def branches(node: Any) -> Tree:
    if isinstance(node, dict):
        return node
    if node:
        raise Malformed("Unexpected complex element termination")
    return {}


def _first_leaf(node: Any, problem: str) -> Malformed:
    error = Malformed(problem)
    steps = []
    while isinstance(node, dict) and node:
        step, node = next(iter(node.items()))
        steps.append(step)
    error.path = tuple(steps)
    return error


def unrecognized(node: Any) -> Malformed:
    leaf = _first_leaf(node, "")
    error = Unrecognized("")
    error.path = leaf.path
    return error
