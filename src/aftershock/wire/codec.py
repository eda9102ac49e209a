"""Requests in, answers and errors out: the door of this room, which leads to the protocol the request speaks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from botocore.model import OperationModel, ServiceModel, StructureShape
from botocore.validate import ParamValidator

from aftershock.aws.errors import AwsError
from aftershock.wire import (
    cbor,
    ec2,
    json_rpc,
    query,
    query_errors,
    query_json,
    refusals,
    rest_json,
    rest_xml,
    validation,
)
from aftershock.wire.message import HttpRequest, HttpResponse, Request
from aftershock.wire.models import Models
from aftershock.wire.protocol import Answer, Refusal, WireProtocol
from aftershock.wire.refusals import Family, family_of
from aftershock.wire.routing import guessed_protocol, route
from aftershock.wire.scalars import Malformed

_PROTOCOLS: Mapping[str, WireProtocol] = {
    "query": query,
    query_json.NAME: query_json,
    "ec2": ec2,
    "json": json_rpc,
    "rest-json": rest_json,
    "rest-xml": rest_xml,
    "smithy-rpc-v2-cbor": cbor,
}
_NO_BODY_STATUSES = (204, 304)


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """As much as could be told of a request, so that its error can be answered in the service's own format."""

    protocol: str
    service: ServiceModel | None = None
    operation: OperationModel | None = None

    @property
    def family(self) -> Family:
        return family_of(self.service, self.protocol)


def parse(request: HttpRequest, models: Models, known: Collection[str], context: ErrorContext | None = None) -> Request:
    """Understand a request, and check it against its model.  What `error_context` found is not looked for again.

    Raises:
        AwsError: it cannot be understood or breaks the model, in the words of the service it was meant for.
    """
    if context is not None and context.service is not None:
        service, protocol = context.service, context.protocol
        found = context.operation
    else:
        service_name, protocol = route(request, known, models)
        service, found = models.service(service_name), None
    family = family_of(service, protocol)
    try:
        operation = found or _PROTOCOLS[protocol].operation(request, service)
        params = _PROTOCOLS[protocol].read(request, operation)
        validation.check(operation, params, family)
    except Malformed as error:
        raise refusals.malformed(family, error) from error
    except RecursionError:  # a shape that contains itself, sent hundreds of levels deep
        raise refusals.malformed(family, Malformed("The request is nested too deeply")) from None
    return Request(service.service_name, operation, protocol, params)


def check(operation: OperationModel, params: dict[str, Any]) -> None:
    """Check parameters that came by no wire as `parse` checks those that did, their types too.

    Raises:
        AwsError: they break the model: in botocore's words if a client would not even have sent them, or else in
            those of the service.
    """
    shape = operation.input_shape
    if shape is not None and (report := ParamValidator().validate(params, shape)).has_errors():
        raise AwsError("ValidationError", f"{operation.name}: {report.generate_report()}")
    service = operation.service_model
    validation.check(operation, params, family_of(service, service.metadata["protocol"]))


def error_context(request: HttpRequest, models: Models, known: Collection[str]) -> ErrorContext:
    """What is needed to answer a request with an error, whatever is wrong with the request.  Never raises."""
    try:
        service_name, protocol = route(request, known, models)
    except AwsError:
        return ErrorContext(guessed_protocol(request))
    service = models.service(service_name)
    try:
        return ErrorContext(protocol, service, _PROTOCOLS[protocol].operation(request, service))
    except (AwsError, Malformed):
        return ErrorContext(protocol, service)


def expects_stream(request: HttpRequest, models: Models, known: Collection[str]) -> ErrorContext | None:
    """What is known of a request whose body is data of any size; None if its body is to be read and parsed whole.

    Told without the body.
    """
    if request.method != "PUT":  # every operation that takes a stream is one
        return None
    context = error_context(request, models, known)
    return context if context.operation is not None and context.operation.has_streaming_input else None


def serialize(parsed: Request, result: Mapping[str, Any], request_id: str, now: datetime) -> HttpResponse:
    """The answer to a request.  Members that are None are left out.

    Raises:
        ResultError: the result has a member, or a type, that the model of the operation does not know.
    """
    operation = parsed.operation
    answer = _PROTOCOLS[parsed.protocol].write(operation, result, request_id)
    return _response(answer, operation.service_model, request_id, now, method=operation.http.get("method", ""))


def serialize_error(
    error: AwsError,
    *,
    protocol: str,
    operation: OperationModel | None,
    service: ServiceModel | None,
    request_id: str,
    now: datetime,
    method: str = "",
    path: str = "",
) -> HttpResponse:
    """The answer to a request that was refused; `method` and `path` are the request's, where no operation tells it.

    The status is the one of the error's shape in the model, or else the error's own.
    """
    shape = _error_shape(error.code, operation, service)
    code, status = error.code, error.status
    if service is not None and shape is not None:
        code = query_errors.code_of(service.service_name, shape)
        status = query_errors.status_of(service.service_name, shape) or status
    refusal = Refusal(
        code=code,
        message=error.message,
        status=status,
        fault="Sender" if status < 500 else "Receiver",
        request_id=request_id,
        service=service,
        shape=shape,
        details=error.details | ({"Resource": path} if path else {}),
    )
    method = method or (operation.http.get("method", "") if operation is not None else "")
    answer = _PROTOCOLS[protocol].write_error(refusal)
    answer.headers.update(error.headers)
    return _response(answer, service, request_id, now, method=method)


def _error_shape(code: str, operation: OperationModel | None, service: ServiceModel | None) -> StructureShape | None:
    """The error the code means: one of the operation's own, if it can be, for services share codes among shapes."""
    if service is None:
        return None
    own = operation.error_shapes if operation is not None else []
    everywhere = sorted(service.error_shapes, key=lambda shape: shape.name != code)
    meant = (
        shape
        for shape in (*own, *everywhere)
        if code in (shape.name, query_errors.code_of(service.service_name, shape))
    )
    return next(meant, None)


def _response(
    answer: Answer, service: ServiceModel | None, request_id: str, now: datetime, *, method: str
) -> HttpResponse:
    headers = {"x-amzn-RequestId": request_id, "Date": format_datetime(now.astimezone(UTC), usegmt=True)}
    if service is not None and family_of(service, service.metadata["protocol"]) is Family.S3:
        headers |= {"x-amz-request-id": request_id, "x-amz-id-2": request_id}
    bodiless = method == "HEAD" or answer.status in _NO_BODY_STATUSES
    return HttpResponse(answer.status, headers | answer.headers, b"" if bodiless else answer.body)
