"""Values as JSON, for the two protocols that carry it."""

import json
import math
from collections.abc import Callable
from typing import Any

from botocore.model import Shape

from aftershock.wire import scalars
from aftershock.wire.scalars import Malformed
from aftershock.wire.trees import TreeReaders, TreeWriters, cannot_convert

_TIMESTAMP = "unixTimestamp"


class JsonReaders(TreeReaders):
    def scalar(self, shape: Shape) -> Callable[[Any], Any]:
        match shape.type_name:
            case "integer" | "long":
                return lambda value: _integer(value, shape)
            case "float" | "double":
                return lambda value: _float(value, shape)
            case "boolean":
                return lambda value: _of_type(value, bool, shape)
            case "timestamp":
                return _timestamp(shape)
            case "blob":
                return lambda value: scalars.blob(_of_type(value, str, shape))
        return lambda value: _of_type(value, str, shape)


class JsonWriters(TreeWriters):
    def scalar(self, shape: Shape) -> Callable[[Any], Any]:
        match shape.type_name:
            case "float" | "double":
                check = scalars.plain(shape)
                # JSON has no number that is not finite.
                return lambda value: value if math.isfinite(check(value)) else scalars.float_text(value)
            case "timestamp":
                wanted = shape.serialization.get("timestampFormat", _TIMESTAMP)
                return lambda value: scalars.timestamp_value(shape, value, wanted)
            case "blob":
                return lambda value: scalars.blob_text(shape, value)
        return scalars.plain(shape)


def _of_type(value: Any, kind: type, shape: Shape) -> Any:
    if type(value) is not kind:
        raise cannot_convert(value, shape)
    return value


def _integer(value: Any, shape: Shape) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    return scalars.integer_within(_of_type(value, int, shape), shape.type_name)


def _float(value: Any, shape: Shape) -> float:
    try:
        number = scalars.number_of(value)
    except OverflowError:
        number = None
    if number is None:
        raise cannot_convert(value, shape)
    return number


def _timestamp(shape: Shape) -> Callable[[Any], Any]:
    wanted = shape.serialization.get("timestampFormat", _TIMESTAMP)
    if wanted.lower() == "unixtimestamp":
        return lambda value: scalars.moment(_float(value, shape))
    return lambda value: scalars.timestamp(_of_type(value, str, shape), wanted)


def load(body: bytes) -> Any:
    """The parsed body; an empty one is an empty object."""
    if not body:
        return {}
    try:
        return json.loads(body.decode(), parse_constant=_no_constants)
    except (ValueError, RecursionError):
        raise Malformed("The request body is not valid JSON") from None


def _no_constants(name: str) -> Any:
    raise ValueError(name)


def dump(tree: Any) -> bytes:
    return json.dumps(tree, separators=(",", ":")).encode()
