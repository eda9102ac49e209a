"""The `rest-json` protocol: resources in the path, JSON in the body."""

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

from aftershock.wire import json_values, refusals, rest, uris
from aftershock.wire.json_values import JsonReaders, JsonWriters
from aftershock.wire.message import HttpRequest
from aftershock.wire.protocol import Answer, Refusal
from aftershock.wire.trees import result_tree

_TYPE = "application/json"


def operation(request: HttpRequest, service: ServiceModel) -> OperationModel:
    found = uris.match(request, service)
    if found is None:
        raise refusals.no_resource(request)
    return found


def read(request: HttpRequest, operation: OperationModel) -> dict[str, Any]:
    readers = JsonReaders.for_service(operation.service_model)

    def read_body(shape: Shape, body: bytes) -> Any:
        return readers.of(shape)(json_values.load(body))

    return rest.read(request, operation, read_body)


def write(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer:
    status, headers, left = rest.head(operation, result)
    shape = operation.output_shape
    body = rest.raw_payload(shape, left)
    if body is not None:
        return Answer(status, headers, body)
    writers = JsonWriters.for_service(operation.service_model)
    payload = shape.serialization.get("payload") if shape is not None else None
    if shape is not None and payload is not None:
        tree = writers.of(shape.members[payload])(left[payload]) if payload in left else {}
    else:
        tree = result_tree(writers, shape, left)
    return Answer(status, {"Content-Type": _TYPE} | headers, b"" if status == 204 else json_values.dump(tree))


def write_error(refusal: Refusal) -> Answer:
    tree = refusal.tree()
    headers = {"Content-Type": _TYPE, "x-amzn-ErrorType": rest.header_safe(tree.pop("__type"))}
    return Answer(refusal.status, headers, json_values.dump(tree))
