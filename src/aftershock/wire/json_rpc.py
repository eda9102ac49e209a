"""The `json` protocol, versions 1.0 and 1.1: the operation in `X-Amz-Target`, JSON both ways."""

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel

from aftershock.wire import json_values, refusals
from aftershock.wire.bodies import plain_body
from aftershock.wire.json_values import JsonReaders, JsonWriters
from aftershock.wire.message import HttpRequest
from aftershock.wire.protocol import Answer, Refusal
from aftershock.wire.trees import params_of, result_tree


def operation(request: HttpRequest, service: ServiceModel) -> OperationModel:
    name = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if name not in service.operation_names:
        raise refusals.unknown_operation()
    return service.operation_model(name)


def read(request: HttpRequest, operation: OperationModel) -> dict[str, Any]:
    tree = json_values.load(plain_body(request))
    return params_of(JsonReaders.for_service(operation.service_model), operation.input_shape, tree)


def write(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer:
    tree = result_tree(JsonWriters.for_service(operation.service_model), operation.output_shape, result)
    return Answer(200, _headers(operation.service_model), json_values.dump(tree))


def write_error(refusal: Refusal) -> Answer:
    return Answer(refusal.status, _headers(refusal.service) | refusal.query_error(), json_values.dump(refusal.tree()))


def _headers(service: ServiceModel | None) -> dict[str, str]:
    version = service.metadata.get("jsonVersion", "1.1") if service else "1.1"
    return {"Content-Type": f"application/x-amz-json-{version}"}
