"""Which service a request means, and in which protocol it speaks.

Told, in this order, by: the target header, the path of Smithy's RPC, the service in the credential scope, the host,
and the `Action` and `Version` of a form.  Several services may share a name (elb and elbv2, rds and neptune); then
the one that knows the version, the action or the path is meant.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from botocore.model import ServiceModel

from aftershock.aws.errors import AwsError
from aftershock.wire import cbor, flat, refusals, sigv2, uris
from aftershock.wire.message import HttpRequest
from aftershock.wire.models import Models, protocols, signing_name
from aftershock.wire.refusals import Family, family_of
from aftershock.wire.scalars import Malformed

_CREDENTIAL = re.compile(r"Credential=[^\s/,]{1,128}/\d{8}/[^\s/,]{0,64}/([^\s/,]{1,64})/aws4_request")
_RPC = ("query", "ec2")


@dataclass(frozen=True, slots=True)
class _Directory:
    """The services of the region under all the names a request may call them by."""

    services: tuple[ServiceModel, ...]
    by_target: dict[str, ServiceModel]
    by_name: dict[str, list[ServiceModel]]


@lru_cache(maxsize=8)
def _directory(models: Models, known: frozenset[str]) -> _Directory:
    services = tuple(models.service(name) for name in sorted(known))
    by_target, by_name = {}, dict[str, list[ServiceModel]]()
    for service in services:
        if prefix := service.metadata.get("targetPrefix"):
            by_target[prefix] = service
        for name in {service.service_name, service.metadata["endpointPrefix"], signing_name(service)}:
            by_name.setdefault(name, []).append(service)
    return _Directory(services, by_target, by_name)


def route(request: HttpRequest, known: Collection[str], models: Models) -> tuple[str, str]:
    """The service, by botocore's name for it, and the protocol.

    Raises AwsError `UnknownService` if the request names a service that is not known here, and
    `MissingAuthenticationToken` if it names none at all.
    """
    directory = _directory(models, frozenset(known))
    service = _targeted(request, directory) or _named(request, directory)
    return service.service_name, _protocol(request, service)


def scope_of(request: HttpRequest) -> str | None:
    """The service a request is signed for."""
    if found := _CREDENTIAL.search(request.headers.get("authorization", "")):
        return found[1]
    if sigv2.is_presigned(request):  # nobody but S3 takes these
        return "s3"
    credential = dict(parse_qsl(request.query)).get("X-Amz-Credential", "").split("/")
    return credential[-2] if len(credential) >= 5 else None


def _targeted(request: HttpRequest, directory: _Directory) -> ServiceModel | None:
    target = request.headers.get("x-amz-target", "")
    named = cbor.target(request)
    prefix = named[0] if named else target.rpartition(".")[0]
    service = directory.by_target.get(prefix)
    return service if service and ("json" in protocols(service) or named) else None


def _named(request: HttpRequest, directory: _Directory) -> ServiceModel:
    scope = scope_of(request)
    candidates = directory.by_name.get(scope or "") or []
    if scope and not candidates:
        raise _unknown_service(scope)
    hosted = _hosted(request, directory)
    candidates = [service for service in hosted if service in candidates] or candidates or hosted
    if not candidates:
        candidates = [service for service in directory.services if _knows_action(request, service)]
    if not candidates:
        if target := request.headers.get("x-amz-target"):
            raise _unknown_service(target.rpartition(".")[0] or target)
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", status=403)
    if len(candidates) == 1:
        return candidates[0]
    return max(candidates, key=lambda service: _fitness(request, service, scope))


def _unknown_service(name: str) -> AwsError:
    return AwsError("UnknownService", f"The service {name[:100]!r} is not available in this region.", status=404)


def _hosted(request: HttpRequest, directory: _Directory) -> list[ServiceModel]:
    """The services whose endpoint the host is, such as `api.ecr.us-east-1.amazonaws.com` or `bucket.s3.localhost`."""
    labels = request.headers.get("host", "").partition(":")[0].lower().split(".")
    # A bucket may be called `ec2`, and S3 alone has names of its users before its own.
    if "s3" in labels[1:] and (s3 := directory.by_name.get("s3")):
        return s3
    return next((found for name in _endings(labels) if (found := directory.by_name.get(name))), [])


def _endings(labels: list[str]) -> Iterator[str]:
    for start in range(min(len(labels) - 1, 3)):
        for end in (start + 2, start + 1):
            yield ".".join(labels[start:end])


def _fitness(request: HttpRequest, service: ServiceModel, scope: str | None) -> tuple[bool, ...]:
    return (
        _knows_action(request, service) or _knows_path(request, service),
        service.service_name == scope,
        service.metadata["endpointPrefix"] == scope,
    )


def _knows_action(request: HttpRequest, service: ServiceModel) -> bool:
    if not any(protocol in _RPC for protocol in protocols(service)):
        return False
    try:
        fields = flat.form(request)
    except Malformed:
        return False
    return fields.get("Version") == service.api_version and fields.get("Action") in service.operation_names


def _knows_path(request: HttpRequest, service: ServiceModel) -> bool:
    return protocols(service)[0].startswith("rest-") and uris.match(request, service) is not None


def _protocol(request: HttpRequest, service: ServiceModel) -> str:
    heard = protocols(service)
    if cbor.target(request) and "smithy-rpc-v2-cbor" in heard:
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in request.headers and "json" in heard:
        return "json"
    forms = [protocol for protocol in heard if protocol in _RPC]
    if forms and (len(forms) == len(heard) or _has_action(request, family_of(service, forms[0]))):
        return _form_protocol(request, forms[0])
    return next((protocol for protocol in heard if protocol != "smithy-rpc-v2-cbor" and protocol not in _RPC), heard[0])


def _form_protocol(request: HttpRequest, protocol: str) -> str:
    try:
        wants_json = protocol == "query" and flat.form(request).get("ContentType") == "JSON"
    except Malformed:
        return protocol  # it is refused where it is read
    return "query-json" if wants_json else protocol


def _has_action(request: HttpRequest, family: Family) -> bool:
    try:
        return "Action" in flat.form(request)
    except Malformed as error:
        raise refusals.malformed(family, error) from error


def guessed_protocol(request: HttpRequest) -> str:
    """How to answer a request of which not even the service is known: in the way it seems to speak."""
    if cbor.target(request):
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in request.headers:
        return "json"
    return "rest-json" if "json" in request.headers.get("content-type", "") else "query"
