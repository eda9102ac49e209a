"""The `smithy-rpc-v2-cbor` protocol: the operation in the path, CBOR both ways."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import cbor2
from botocore.model import OperationModel, ServiceModel, Shape

from aftershock.wire import cbor_items, refusals, scalars
from aftershock.wire.bodies import plain_body
from aftershock.wire.message import HttpRequest
from aftershock.wire.protocol import Answer, Refusal
from aftershock.wire.trees import TreeReaders, TreeWriters, cannot_convert, params_of, result_tree

_HEADERS = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
_PATH = re.compile(r".*/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)/?")
_SECONDS_SINCE_1970 = 1  # the tag, RFC 8949 §3.4.2


def target(request: HttpRequest) -> tuple[str, str] | None:
    """The names of service and operation, if the request speaks this protocol."""
    found = _PATH.fullmatch(request.path)
    if found is None or request.headers.get("smithy-protocol") != "rpc-v2-cbor":
        return None
    return found["service"], found["operation"]


def operation(request: HttpRequest, service: ServiceModel) -> OperationModel:
    named = target(request)
    if named is None or named[1] not in service.operation_names:
        raise refusals.unknown_operation()
    return service.operation_model(named[1])


def read(request: HttpRequest, operation: OperationModel) -> dict[str, Any]:
    body = plain_body(request)
    tree = cbor_items.load(body) if body else {}
    return params_of(_Readers.for_service(operation.service_model), operation.input_shape, tree)


def write(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer:
    tree = result_tree(_Writers.for_service(operation.service_model), operation.output_shape, result)
    return Answer(200, dict(_HEADERS), cbor2.dumps(tree))


def write_error(refusal: Refusal) -> Answer:
    return Answer(refusal.status, _HEADERS | refusal.query_error(), cbor2.dumps(refusal.tree()))


class _Readers(TreeReaders):
    def scalar(self, shape: Shape) -> Callable[[Any], Any]:
        kinds = {"boolean": (bool,), "blob": (bytes,), "timestamp": (datetime,), "float": (float, int)}
        kinds |= {"double": (float, int), "integer": (int,), "long": (int,)}
        allowed = kinds.get(shape.type_name, (str,))
        is_integer, is_float = shape.type_name in scalars.BITS, float in allowed

        def read_scalar(value: Any) -> Any:
            if type(value) not in allowed:
                raise cannot_convert(value, shape)
            if is_integer:
                return scalars.integer_within(value, shape.type_name)
            return float(value) if is_float else value

        return read_scalar


class _Writers(TreeWriters):
    def scalar(self, shape: Shape) -> Callable[[Any], Any]:
        match shape.type_name:
            case "float" | "double":
                check = scalars.plain(shape)
                return lambda value: float(check(value))
            case "timestamp":
                return lambda value: cbor2.CBORTag(
                    _SECONDS_SINCE_1970, scalars.timestamp_value(shape, value, "unixTimestamp")
                )
            case "blob":
                return lambda value: scalars.blob_bytes(shape, value)
            case "string":
                check = scalars.plain(shape)
                # UTF-8 cannot spell a lone surrogate.
                return lambda value: check(value).encode("utf-8", "replace").decode()
        return scalars.plain(shape)
