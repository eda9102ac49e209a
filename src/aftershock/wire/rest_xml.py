"""The `rest-xml` protocol: resources in the path, XML in the body.  S3 spells errors and one answer its own way."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

from aftershock.aws.errors import AwsError
from aftershock.wire import refusals, rest, uris, xml_reader
from aftershock.wire.message import HttpRequest
from aftershock.wire.protocol import Answer, Refusal
from aftershock.wire.query import error_document
from aftershock.wire.refusals import Family
from aftershock.wire.xml_reader import XmlReaders
from aftershock.wire.xml_writer import DECLARATION, XmlWriters, escape

_TYPE = "application/xml"
# Smithy: `aws.customizations#s3UnwrappedXmlOutput`, which botocore's model leaves out and its handlers know by name.
_UNWRAPPED = frozenset({"GetBucketLocation"})


def operation(request: HttpRequest, service: ServiceModel) -> OperationModel:
    found = uris.match(request, service)
    if found is not None:
        return found
    if refusals.family_of(service, "rest-xml") is Family.S3:
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", status=405)
    raise refusals.no_resource(request)


def read(request: HttpRequest, operation: OperationModel) -> dict[str, Any]:
    readers = XmlReaders.for_service(operation.service_model)

    def read_body(shape: Shape, body: bytes) -> Any:
        return readers.of(shape)([xml_reader.load(body)]) if body else {}

    return rest.read(request, operation, read_body)


def write(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer:
    status, headers, left = rest.head(operation, result)
    shape = operation.output_shape
    body = rest.raw_payload(shape, left)
    if body is not None:
        # RFC 9110 §15.3.7: a part of what there is, which S3's model does not say.
        return Answer(206 if "Content-Range" in headers else status, headers, body)
    if shape is None or status == 204 or not _has_body(operation):
        return Answer(status, headers, b"")
    writers = XmlWriters.for_service(operation.service_model)
    out = [DECLARATION]
    payload = shape.serialization.get("payload")
    if payload is not None:
        if payload not in left:
            return Answer(status, headers, b"")
        member = shape.members[payload]
        writers.element(member, member.serialization.get("name", member.name), left[payload], out)
    elif operation.name in _UNWRAPPED:
        (name, member), *_ = shape.members.items()
        out.append(_document(operation, name, [escape(left.get(name) or "")]))
    else:
        inner: list[str] = []
        writers.content(shape, left, inner)
        out.append(_document(operation, shape.serialization.get("name", shape.name), inner))
    return Answer(status, {"Content-Type": _TYPE} | headers, "".join(out).encode())


def _has_body(operation: OperationModel) -> bool:
    members = operation.output_shape.members.values() if operation.output_shape is not None else ()
    return operation.http.get("method") != "HEAD" and any("location" not in m.serialization for m in members)


def _document(operation: OperationModel, root: str, inner: list[str]) -> str:
    return f'<{root} xmlns="{_namespace(operation.service_model)}">{"".join(inner)}</{root}>'


@cache
def _namespace(service: ServiceModel) -> str:
    """The namespace of a service's documents, which the model states only with its inputs."""
    for name in service.operation_names:
        shape = service.operation_model(name).input_shape
        namespace = shape.serialization.get("xmlNamespace") if shape is not None else None
        if namespace:
            return str(namespace["uri"])
    return ""


def write_error(refusal: Refusal) -> Answer:
    headers = {"Content-Type": _TYPE}
    if refusals.family_of(refusal.service, "rest-xml") is not Family.S3:
        namespace = _namespace(refusal.service) if refusal.service else ""
        return Answer(refusal.status, headers, error_document(refusal, namespace))
    details = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in refusal.details.items())
    text = (
        f"{DECLARATION}<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>{details}"
        f"<RequestId>{escape(refusal.request_id)}</RequestId><HostId>{escape(refusal.request_id)}</HostId></Error>"
    )
    return Answer(refusal.status, headers, text.encode())
