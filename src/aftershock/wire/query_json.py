"""The `query` protocol of a client that asks for `ContentType=JSON`, as AWS's programs on instances do: JSON out."""

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel

from aftershock.wire import json_values
from aftershock.wire.json_values import JsonWriters
from aftershock.wire.protocol import Answer, Refusal
from aftershock.wire.query import operation, read
from aftershock.wire.trees import result_tree

__all__ = ["NAME", "operation", "read", "write", "write_error"]

NAME = "query-json"
_HEADERS = {"Content-Type": "application/json"}


def write(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer:
    answer: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
    if operation.output_shape is not None:
        wrapper = operation.output_shape.serialization.get("resultWrapper", f"{operation.name}Result")
        answer[wrapper] = result_tree(JsonWriters.for_service(operation.service_model), operation.output_shape, result)
    return Answer(200, dict(_HEADERS), json_values.dump({f"{operation.name}Response": answer}))


def write_error(refusal: Refusal) -> Answer:
    error = {"Type": refusal.fault, "Code": refusal.code, "Message": refusal.message}
    return Answer(refusal.status, dict(_HEADERS), json_values.dump({"Error": error, "RequestId": refusal.request_id}))
