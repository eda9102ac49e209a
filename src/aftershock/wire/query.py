"""The `query` protocol: form parameters in, XML out."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, OperationModel, ServiceModel, Shape

from aftershock.wire import flat
from aftershock.wire.message import HttpRequest
from aftershock.wire.protocol import Answer, Refusal
from aftershock.wire.refusals import Family
from aftershock.wire.shapes import wire_name
from aftershock.wire.xml_writer import DECLARATION, XmlWriters, escape

_HEADERS = {"Content-Type": "text/xml"}


class _Readers(flat.FlatReaders):
    def member_key(self, name: str, shape: Shape) -> str:
        if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
            return str(shape.member.serialization.get("name") or wire_name(name, shape))
        return wire_name(name, shape)

    def items(self, shape: ListShape) -> Callable[[flat.Tree], flat.Tree]:
        if shape.serialization.get("flattened"):
            return lambda node: node
        name = shape.member.serialization.get("name", "member")
        # AWS takes `member` whatever the model calls the items.
        return lambda node: flat.branches(node.get(name) or node.get("member") or {})


def operation(request: HttpRequest, service: ServiceModel) -> OperationModel:
    return flat.operation(request, service, Family.QUERY)


def read(request: HttpRequest, operation: OperationModel) -> dict[str, Any]:
    return flat.read(request, operation, _Readers.for_service(operation.service_model))


def write(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer:
    tag = f"{operation.name}Response"
    out = [DECLARATION, f'<{tag} xmlns="{operation.metadata.get("xmlNamespace", "")}">']
    if operation.output_shape is not None:
        wrapper = operation.output_shape.serialization.get("resultWrapper", f"{operation.name}Result")
        out.append(f"<{wrapper}>")
        XmlWriters.for_service(operation.service_model).content(operation.output_shape, result, out)
        out.append(f"</{wrapper}>")
    out.append(f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata></{tag}>")
    return Answer(200, dict(_HEADERS), "".join(out).encode())


def write_error(refusal: Refusal) -> Answer:
    namespace = refusal.service.metadata.get("xmlNamespace", "") if refusal.service else ""
    return Answer(refusal.status, dict(_HEADERS), error_document(refusal, namespace))


def error_document(refusal: Refusal, namespace: str) -> bytes:
    """`ErrorResponse`, as query services and most of the REST-XML ones send it."""
    xmlns = f' xmlns="{namespace}"' if namespace else ""
    text = (
        f"{DECLARATION}<ErrorResponse{xmlns}><Error><Type>{refusal.fault}</Type>"
        f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message></Error>"
        f"<RequestId>{escape(refusal.request_id)}</RequestId></ErrorResponse>"
    )
    return text.encode()
