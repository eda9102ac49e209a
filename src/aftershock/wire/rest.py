"""What the two REST protocols have in common: members in the path, the query, headers and the status.

The body is the protocol's own; each hands in how it reads and writes one.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from aftershock.wire import scalars, uris
from aftershock.wire.bodies import is_chunked, plain_body, unchunked
from aftershock.wire.message import HttpRequest, Stream
from aftershock.wire.scalars import Malformed
from aftershock.wire.shapes import ResultError, body_members, unknown_member, wire_name

ReadBody = Callable[[Shape, bytes], Any]
_DEFAULT_FORMATS = {"header": "rfc822", "querystring": "iso8601", "uri": "iso8601"}
_HEADER_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')
_HTTP_DATES = re.compile(r"[^,]+,[^,]+")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f]")


def read(request: HttpRequest, operation: OperationModel, read_body: ReadBody) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    request = _transported(request, operation)
    headers = request.headers
    params: dict[str, Any] = {}
    query, labels = uris.query_of(request), uris.labels(request, operation)
    for name, member in shape.members.items():
        where, key = member.serialization.get("location"), wire_name(name, member)
        try:
            match where:
                case "uri" if key in labels:
                    params[name] = scalars.reader(member, _DEFAULT_FORMATS["uri"])(labels[key])
                case "querystring":
                    _read_query(params, name, member, query, shape)
                case "header" if key.lower() in headers:
                    params[name] = _header_value(member, headers[key.lower()])
                case "headers":
                    if found := _prefixed(key.lower(), headers):
                        params[name] = found
        except Malformed as error:
            error.under(name)
            raise
    _read_payload(params, shape, request.body, read_body)
    return params


def _transported(request: HttpRequest, operation: OperationModel) -> HttpRequest:
    """The request as it was meant, before chunks and compression were put around its body."""
    if is_chunked(request):
        return unchunked(request)
    return replace(request, body=plain_body(request)) if operation.request_compression else request


def _read_query(
    params: dict[str, Any], name: str, member: Shape, query: Mapping[str, list[str]], shape: StructureShape
) -> None:
    default = _DEFAULT_FORMATS["querystring"]
    if isinstance(member, MapShape):
        bound = {
            wire_name(other, its)
            for other, its in shape.members.items()
            if its.serialization.get("location") == "querystring"
        }
        rest = {key: values for key, values in query.items() if key not in bound}
        if rest:
            lists = isinstance(member.value, ListShape)
            params[name] = {key: values if lists else values[-1] for key, values in rest.items()}
        return
    if (values := query.get(wire_name(name, member))) is None:
        return
    if isinstance(member, ListShape):
        read_item = scalars.reader(member.member, default)
        params[name] = [read_item(value) for value in values]
    else:
        params[name] = scalars.reader(member, default)(values[-1])


def _header_value(member: Shape, text: str) -> Any:
    if isinstance(member, ListShape):
        item = member.member
        read_item = scalars.reader(item, _DEFAULT_FORMATS["header"])
        return [read_item(part) for part in _header_items(item, text)]
    if member.serialization.get("jsonvalue"):
        try:
            return json.loads(scalars.blob(text))
        except (ValueError, RecursionError):
            raise Malformed("The header is not JSON in base64") from None
    return scalars.reader(member, _DEFAULT_FORMATS["header"])(text)


def _header_items(item: Shape, text: str) -> list[str]:
    # RFC 9110 §5.6.1; an HTTP date has a comma of its own.
    if item.type_name == "timestamp" and item.serialization.get("timestampFormat", "rfc822").lower() == "rfc822":
        return [date.strip() for date in _HTTP_DATES.findall(text)]
    items, at = [], 0
    while at < len(text):
        found = _HEADER_ITEM.match(text, at)
        if found is None:
            raise Malformed("The header is not a list of values")
        items.append(found[2].strip() if found[1] is None else re.sub(r"\\(.)", r"\1", found[1]))
        at = found.end()
    return items


def _prefixed(prefix: str, headers: Mapping[str, str]) -> dict[str, str]:
    return {name[len(prefix) :]: value for name, value in headers.items() if name.startswith(prefix)}


def _read_payload(params: dict[str, Any], shape: StructureShape, body: bytes, read_body: ReadBody) -> None:
    payload = shape.serialization.get("payload")
    if payload is None:
        if body_members(shape):
            params.update(read_body(shape, body))
        return
    member = shape.members[payload]
    if member.serialization.get("eventstream"):
        return
    if member.type_name == "blob":
        params[payload] = body
    elif not body:
        return
    elif member.type_name == "string":
        try:
            params[payload] = body.decode()
        except UnicodeDecodeError:
            raise Malformed("The request body is not text in UTF-8") from None
    else:
        params[payload] = read_body(member, body)


def head(operation: OperationModel, result: Mapping[str, Any]) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The status and headers of an answer, and the members that are left for its body."""
    status, headers, rest = operation.http.get("responseCode", 200), {}, {}
    shape = operation.output_shape
    for name, value in result.items():
        if value is None:
            continue
        member = None if shape is None else shape.members.get(name)
        if member is None:
            raise unknown_member(shape, name) if shape else ResultError(f"{operation.name} has no result for {name!r}")
        match member.serialization.get("location"):
            case "statusCode":
                status = value
            case "header":
                headers[wire_name(name, member)] = _header_text(member, value)
            case "headers":
                prefix = wire_name(name, member)
                headers |= {f"{prefix}{key}": header_safe(inner) for key, inner in value.items()}
            case _:
                rest[name] = value
    return status, headers, rest


def _header_text(member: Shape, value: Any) -> str:
    if isinstance(member, ListShape):
        texts = map(scalars.writer(member.member, _DEFAULT_FORMATS["header"]), value)
        return header_safe(",".join(_quoted(text) if "," in text else text for text in texts))
    if member.serialization.get("jsonvalue"):
        return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
    return header_safe(scalars.writer(member, _DEFAULT_FORMATS["header"])(value))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def header_safe(text: str) -> str:
    """A value that cannot end its header; beyond ASCII as RFC 2047 spells it, which is what S3 answers with."""
    one_line = _UNPRINTABLE.sub(" ", text)
    if one_line.isascii():
        return one_line
    return f"=?UTF-8?B?{base64.b64encode(one_line.encode('utf-8', 'replace')).decode()}?="


def raw_payload(shape: StructureShape | None, rest: Mapping[str, Any]) -> bytes | Stream | None:
    """The body where it is a blob or a text as it stands; None where the protocol has to write it."""
    payload = shape.serialization.get("payload") if shape is not None else None
    if shape is None or payload is None:
        return None
    for name in rest:
        if name != payload:
            raise unknown_member(shape, name)
    member = shape.members[payload]
    if member.serialization.get("eventstream"):
        raise ResultError(f"{shape.name}: event streams are not supported")
    if member.type_name not in ("blob", "string"):
        return None
    value = rest.get(payload, b"")
    if member.serialization.get("streaming") and isinstance(value, Stream):
        return value
    return scalars.blob_bytes(member, value)
