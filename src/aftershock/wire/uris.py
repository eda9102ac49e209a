"""Which operation of a REST service a method, a path and a query mean.

Where several fit, the more literal one is meant: S3 tells PutObject from CopyObject and UploadPart only by
the header or the parameters that the more special one requires.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote
from weakref import WeakKeyDictionary

from botocore.model import OperationModel, ServiceModel

from aftershock.aws.errors import AwsError
from aftershock.wire.message import HttpRequest

_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")
# A bucket's name may have dots, and labels like "s3" among them: the endpoint is what follows the last of those.
_ENDPOINT = r"s3(?:-[a-z0-9-]{1,63})?(?:\.(?!s3[.-])[a-z0-9-]{1,63}){0,3}\.(?:amazonaws\.com|localhost)"
_VIRTUAL_HOST = re.compile(rf"(?P<bucket>.{{1,255}})\.{_ENDPOINT}(?::\d+)?", re.IGNORECASE)
# Clients that are told of an endpoint called localhost put the bucket's name before that.
_LOCAL_BUCKET = re.compile(rf"(?!{_ENDPOINT})(?P<bucket>.{{1,255}})\.localhost(?::\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Template:
    operation: str
    method: str
    path: re.Pattern[str]
    labels: tuple[str, ...]  # the names of the groups of `path`, in order
    literals: tuple[bool, ...]  # per segment of the path: whether it is spelled out
    query: tuple[tuple[str, str], ...]  # what must stand in the query, a value of "" meaning any
    required: tuple[tuple[str, str], ...]  # (location, name) of the required members outside the path
    deprecated: bool


_templates: WeakKeyDictionary[ServiceModel, Sequence[_Template]] = WeakKeyDictionary()


def path_of(request: HttpRequest, service: ServiceModel) -> str:
    """The path of the resource.  S3 also takes a bucket's name from the host: bucket.s3.us-east-1.amazonaws.com."""
    return bucket_path(request) if service.service_name == "s3" else request.path


def bucket_path(request: HttpRequest) -> str:
    """The path that begins with the bucket, wherever its name stood."""
    host = request.headers.get("host", "")
    found = _VIRTUAL_HOST.fullmatch(host) or _LOCAL_BUCKET.fullmatch(host)
    return f"/{found['bucket']}{request.path}" if found else request.path


def query_of(request: HttpRequest) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return fields


def match(request: HttpRequest, service: ServiceModel) -> OperationModel | None:
    path, query = path_of(request, service), query_of(request)
    asked = query.get("x-id", [""])[0]  # Smithy's newer clients name the operation where the path does not

    def rank(template: _Template) -> tuple[object, ...]:
        present = [_is_present(where, name, query, request.headers) for where, name in template.required]
        return (
            template.literals,
            len(template.query),
            all(present),
            template.operation == asked,
            sum(present),
            not template.deprecated,
        )

    fitting = [
        template
        for template in _of_service(service)
        if template.method == request.method
        and template.path.fullmatch(path)
        and all(name in query and (not value or value in query[name]) for name, value in template.query)
    ]
    return service.operation_model(max(fitting, key=rank).operation) if fitting else None


def labels(request: HttpRequest, operation: OperationModel) -> Mapping[str, str]:
    """What stands in the path where the operation's template has labels, decoded."""
    for template in _of_service(operation.service_model):
        if template.operation == operation.name:
            found = template.path.fullmatch(path_of(request, operation.service_model))
            return dict(zip(template.labels, map(_decoded, found.groups()), strict=True)) if found else {}
    return {}


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise AwsError("InvalidURI", "Couldn't parse the specified URI.") from None


def _is_present(where: str, name: str, query: Mapping[str, object], headers: Mapping[str, str]) -> bool:
    return name in query if where == "querystring" else name.lower() in headers


def _of_service(service: ServiceModel) -> Sequence[_Template]:
    known = _templates.get(service)
    if known is None:
        known = [_template(service.operation_model(name)) for name in service.operation_names]
        _templates[service] = known
    return known


def _template(operation: OperationModel) -> _Template:
    path, _, query = operation.http["requestUri"].partition("?")
    required = []
    if operation.input_shape is not None:
        for name in operation.input_shape.required_members:
            serialization = operation.input_shape.members[name].serialization
            if serialization.get("location") in ("querystring", "header"):
                required.append((serialization["location"], serialization.get("name", name)))
    return _Template(
        operation=operation.name,
        method=operation.http.get("method", "POST"),
        path=re.compile(_expression(path), re.DOTALL),
        labels=tuple(found[1] for found in _LABEL.finditer(path)),
        literals=tuple(not _LABEL.search(segment) for segment in path.strip("/").split("/")),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        required=tuple(required),
        deprecated=bool(operation.deprecated),
    )


def _expression(path: str) -> str:
    expression, at = "", 0
    trimmed = path.rstrip("/")
    for found in _LABEL.finditer(trimmed):
        expression += re.escape(trimmed[at : found.start()]) + ("(.+)" if found[2] else "([^/]+)")
        at = found.end()
    expression += re.escape(trimmed[at:])
    return expression if trimmed.endswith("+}") else f"{expression}/?"
