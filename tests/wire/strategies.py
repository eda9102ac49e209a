"""Parameters, results and broken requests made from botocore's models, for every test that wants to speak AWS.

`params_for(shape)` makes what satisfies a shape; `malformed_for(operation)` makes requests that mostly do not;
`http_request(operation, params)` is what botocore would send.
"""

import re
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.serialize import create_serializer
from botocore.utils import percent_encode_sequence
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from aftershock.wire import HttpRequest, patterns, protocols, signing_name

_LONGEST = 12
_DEPTH = 5
_HEADER_TEXT = string.ascii_letters + string.digits + "-_.=/+ "
_SAMPLES = (
    *(
        "abc",
        "Abc",
        "a1",
        "A1",
        "0",
        "1.2",
        "2015-01-01",
        "us-east-1",
        "123456789012",
        "AKIDEXAMPLE",
        "$LATEST",
        "/a",
        "/",
    ),
    *("arn:aws:iam::123456789012:role/abc", "arn:aws:lambda:us-east-1:123456789012:function:abc", "a@example.com"),
    *("vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "sg-0123456789abcdef0", "i-0123456789abcdef0"),
    *("arn:aws:s3:::abc", "arn:aws:kms:us-east-1:123456789012:key/abc", "https://example.com/a", "PT5M", "*", "{}"),
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # what XML cannot carry unharmed
_ANY_TEXT = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], include_characters="\t\n")
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


def params_for(shape: Shape | None, *, milliseconds: bool = False) -> SearchStrategy[dict[str, Any]]:
    """What satisfies the shape, patterns included.

    Structures and lists are never empty, because the query protocol cannot say that they are.
    """
    return st.just({}) if shape is None else _value(shape, _DEPTH, milliseconds, "")


def _value(shape: Shape, depth: int, milliseconds: bool, location: str) -> SearchStrategy[Any]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if depth < -_DEPTH:  # a shape that contains itself and cannot end
        return st.nothing()
    match shape:
        case StructureShape() if shape.is_document_type:
            return st.dictionaries(
                st.text(string.ascii_letters, min_size=1), st.integers(-9, 9) | st.none(), max_size=3
            )
        case StructureShape():
            return _structure(shape, depth, milliseconds)
        case ListShape():
            size = {"min_size": max(1, low or 0), "max_size": max(1, low or 0, min(3, high or 3))}
            unique = {"unique_by": repr} if location == "querystring" else {}
            return st.lists(_value(shape.member, depth - 1, milliseconds, location), **size, **unique)
        case MapShape():
            keys = _key(shape.key, location)
            inner = _value(shape.value, depth - 1, milliseconds, location)
            return st.dictionaries(keys, inner, min_size=max(1, low or 0), max_size=max(1, low or 0, 2))
    return scalar(shape, milliseconds=milliseconds, location=location)


def _key(shape: Shape, location: str) -> SearchStrategy[str]:
    if location:
        return st.text(string.ascii_lowercase, min_size=4, max_size=8)
    return scalar(shape).filter(bool)


def _structure(shape: StructureShape, depth: int, milliseconds: bool) -> SearchStrategy[dict[str, Any]]:
    members = {}
    for name, member in shape.members.items():
        if member.serialization.get("eventstream"):
            continue
        if depth > 0 or name in shape.required_members or not isinstance(member, StructureShape | ListShape | MapShape):
            location = member.serialization.get("location", "")
            members[name] = st.deferred(
                lambda member=member, location=location: _value(member, depth - 1, milliseconds, location)
            )
    if shape.is_tagged_union:
        plain = [name for name, member in shape.members.items() if not isinstance(member, StructureShape | ListShape)]
        names = list(shape.members) if depth > 0 or not plain else plain[:1]
        return st.one_of(
            [
                st.fixed_dictionaries({name: _value(shape.members[name], depth - 1, milliseconds, "")})
                for name in names[:4]
            ]
        )
    required = {name: strategy for name, strategy in members.items() if name in shape.required_members}
    optional = [name for name in members if name not in required]
    if not optional:
        return st.fixed_dictionaries(required)

    def some(names: list[str]) -> SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(required | {name: members[name] for name in names})

    fewest = 0 if required else 1
    return st.lists(st.sampled_from(optional), min_size=fewest, max_size=4, unique=True).flatmap(some)


def scalar(shape: Shape, *, milliseconds: bool = False, location: str = "") -> SearchStrategy[Any]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "integer" if shape.serialization.get("location") == "statusCode":
            return st.just(200)
        case "integer" | "long" as kind:
            bits = 31 if kind == "integer" else 53
            return st.integers(
                -(1 << bits) if low is None else int(low), (1 << bits) - 1 if high is None else int(high)
            )
        case "float" | "double":
            return st.floats(low, high, allow_nan=False, allow_infinity=False, width=32)
        case "boolean":
            return st.booleans()
        case "timestamp":
            shift = st.integers(0, 999 if milliseconds and not location else 0)
            return st.builds(lambda moment, ms: moment + timedelta(milliseconds=ms), MOMENTS, shift)
        case "blob":
            return st.binary(min_size=low or 0, max_size=max(low or 0, min(_LONGEST, high or _LONGEST)))
    if values := shape.metadata.get("enum"):
        return st.sampled_from(values)
    if shape.serialization.get("jsonvalue"):
        return st.just({"a": 1})
    if "pattern" in shape.metadata:
        return _patterned(shape.metadata["pattern"], low or 0, high)
    low = max(low or 0, 1 if location else 0)
    size = {"min_size": low, "max_size": max(low, min(_LONGEST, high or _LONGEST))}
    if location in ("header", "headers"):
        return st.text(_HEADER_TEXT, **size).filter(lambda text: text == text.strip() and "  " not in text)
    if location == "uri":
        return st.text(_ANY_TEXT, **size).filter(lambda text: text not in (".", "..") and "/" not in text)
    return st.text(_ANY_TEXT, **size)


@cache
def _patterned(pattern: str, low: int, high: int | None) -> SearchStrategy[str]:
    """Samples that satisfy the pattern, which is faster than making texts from it; made only where none does."""

    def fits(text: str) -> bool:
        return (
            low <= len(text) <= (high or len(text)) and not _CONTROL.search(text) and patterns.satisfies(text, pattern)
        )

    longer = [(sample * (low // len(sample) + 1))[:high] for sample in _SAMPLES]
    samples = [text for text in (*_SAMPLES, *longer) if fits(text)]
    if samples:
        return st.sampled_from(sorted(set(samples)))
    expression = patterns.compiled(pattern)
    assert expression is not None
    return st.from_regex(expression, fullmatch=True).filter(fits)


def http_request(
    operation: OperationModel, params: Mapping[str, Any], protocol: str | None = None, *, host: str | None = None
) -> HttpRequest:
    """The request botocore would send, signed with a signature that nobody has checked."""
    service = operation.service_model
    serialized = create_serializer(protocol or protocols(service)[0], include_validation=False).serialize_to_request(
        params, operation
    )
    body = serialized["body"]
    body = urlencode(body, doseq=True) if isinstance(body, dict) else body
    query = serialized["query_string"]
    path, _, in_path = serialized["url_path"].partition("?")
    pairs = "&".join(filter(None, [in_path, percent_encode_sequence(query) if query else ""]))
    host = host or f"{service.endpoint_prefix}.us-east-1.amazonaws.com"
    request = AWSRequest(
        method=serialized["method"],
        url=f"http://{host}{path}{'?' if pairs else ''}{pairs}",
        headers=serialized["headers"],
        data=body.encode() if isinstance(body, str) else body,
    )
    SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), signing_name(service), "us-east-1").add_auth(request)
    return wire_request(request.prepare())


def wire_request(prepared: AWSPreparedRequest) -> HttpRequest:
    """botocore's request as a server would see it."""
    _, _, rest = prepared.url.partition("://")
    host, slash, target = rest.partition("/")
    path, _, query = f"{slash}{target}".partition("?")
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    body = prepared.body or b""
    body = body.encode() if isinstance(body, str) else bytes(body) if not hasattr(body, "read") else body.read()
    return HttpRequest(prepared.method, path or "/", query, {"host": host, **headers}, body)


_JUNK: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


@st.composite
def malformed_for(draw: Callable[[SearchStrategy[Any]], Any], operation: OperationModel) -> HttpRequest:
    """A request to the operation that is wrong somewhere: members missing or of a wrong type, or bytes of garbage."""
    params = draw(params_for(operation.input_shape))
    for name in draw(st.lists(st.sampled_from(sorted(params)), max_size=2, unique=True)) if params else ():
        location = operation.input_shape.members[name].serialization.get("location")
        if location == "uri":
            params[name] = draw(st.text(max_size=8))
        elif draw(st.booleans()) and not operation.input_shape.members[name].serialization.get("hostLabel"):
            del params[name]
        else:
            params[name] = draw(_JUNK)
    try:
        request = http_request(operation, params)
    except Exception:  # botocore's serializers fail in many ways on what its validator would have refused
        request = http_request(operation, draw(params_for(operation.input_shape)))
    if not draw(st.booleans()):
        return request
    body, query = request.body, request.query
    match draw(st.sampled_from(["cut", "insert", "replace", "nest", "query", "headers"])):
        case "cut":
            body = body[: draw(st.integers(0, len(body)))]
        case "insert":
            at = draw(st.integers(0, len(body)))
            body = body[:at] + draw(st.binary(min_size=1, max_size=8)) + body[at:]
        case "replace":
            body = draw(st.binary(max_size=64))
        case "nest":
            opening = draw(st.sampled_from([b"[", b'{"a":', b"<a>", b"\x81", b"\xa1aa", b"a.1."]))
            body = opening * draw(st.sampled_from([10, 2000]))
        case "query":
            query = draw(st.text(string.printable, max_size=40))
        case "headers":
            junk = st.text(st.characters(max_codepoint=255), max_size=20)
            name = draw(st.sampled_from(sorted(request.headers)))
            return HttpRequest(request.method, request.path, query, {**request.headers, name: draw(junk)}, body)
    return HttpRequest(request.method, request.path, query, request.headers, body)
