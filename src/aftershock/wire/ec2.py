"""The `ec2` protocol: the query protocol's cousin, with capitalised names, plain lists and a tongue of its own."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, OperationModel, ServiceModel, Shape

from aftershock.wire import flat
from aftershock.wire.message import HttpRequest
from aftershock.wire.protocol import Answer, Refusal
from aftershock.wire.refusals import Family
from aftershock.wire.xml_writer import DECLARATION, XmlWriters, escape

_HEADERS = {"Content-Type": "text/xml;charset=UTF-8"}


def query_name(name: str, shape: Shape) -> str:
    """What a member is called in a request: `queryName`, or its name in answers with a capital, or its own."""
    serialization = shape.serialization
    if "queryName" in serialization:
        return str(serialization["queryName"])
    wire = serialization.get("name")
    return wire[0].upper() + wire[1:] if wire else name


class _Readers(flat.FlatReaders):
    def member_key(self, name: str, shape: Shape) -> str:
        return query_name(name, shape)

    def items(self, shape: ListShape) -> Callable[[flat.Tree], flat.Tree]:
        return lambda node: node

    def unknown(self, node: Any) -> None:
        raise flat.unrecognized(node)


def operation(request: HttpRequest, service: ServiceModel) -> OperationModel:
    return flat.operation(request, service, Family.EC2)


def read(request: HttpRequest, operation: OperationModel) -> dict[str, Any]:
    return flat.read(request, operation, _Readers.for_service(operation.service_model))


def write(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer:
    tag = f"{operation.name}Response"
    namespace = operation.metadata.get("xmlNamespace", "")
    out = [DECLARATION, f'<{tag} xmlns="{namespace}/"><requestId>{escape(request_id)}</requestId>']
    XmlWriters.for_service(operation.service_model).content(operation.output_shape, result, out)
    out.append(f"</{tag}>")
    return Answer(200, dict(_HEADERS), "".join(out).encode())


def write_error(refusal: Refusal) -> Answer:
    text = (
        f"{DECLARATION}<Response><Errors><Error><Code>{escape(refusal.code)}</Code>"
        f"<Message>{escape(refusal.message)}</Message></Error></Errors>"
        f"<RequestID>{escape(refusal.request_id)}</RequestID></Response>"
    )
    return Answer(refusal.status, dict(_HEADERS), text.encode())
