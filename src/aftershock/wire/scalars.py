"""Single values: numbers, booleans, blobs and timestamps as text, and back.

Every reader raises `Malformed` for what it cannot read, and nothing else.  Every writer raises `ResultError`.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from botocore.model import Shape

from aftershock.wire.shapes import ResultError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO8601 = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SHOWN_CHARACTERS = 1024  # of a caller's value in a message; the rest helps nobody
BITS = {"integer": 32, "long": 64}
EXPECTED = {
    "integer": "an integer",
    "long": "an integer",
    "float": "a number",
    "double": "a number",
    "boolean": "a boolean",
    "blob": "base64",
    "timestamp": "a timestamp",
    "string": "a string",
}


class Malformed(Exception):
    """What was sent cannot be read as what the model asks for.

    `path` leads to the value in the caller's own spelling; readers of structures and lists put their step before it
    as the exception passes.
    """

    def __init__(self, problem: str, *, value: str | None = None, expected: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.value = value if value is None else value[:_SHOWN_CHARACTERS]
        self.expected = expected
        self.path: tuple[str, ...] = ()

    def under(self, step: str) -> None:
        self.path = (step, *self.path)


class Unrecognized(Malformed):
    """The model has no place for what was sent; only EC2 minds."""


def misread(shape_type: str, value: object) -> Malformed:
    text = str(value)[:_SHOWN_CHARACTERS]
    expected = EXPECTED.get(shape_type, f"a {shape_type}")
    return Malformed(f"{text!r} is not {expected}", value=text, expected=expected)


def integer_within(value: int, shape_type: str) -> int:
    limit = 1 << (BITS[shape_type] - 1)
    if not -limit <= value < limit:
        raise misread(shape_type, value)
    return value


def reader(shape: Shape, timestamp_format: str) -> Callable[[str], Any]:
    """How to read the text of a scalar; `timestamp_format` is the protocol's own, unless the shape has one."""
    match shape.type_name:
        case "integer" | "long" as kind:
            return lambda text: _integer(text, kind)
        case "float" | "double":
            return _float
        case "boolean":
            return _boolean
        case "blob":
            return blob
        case "timestamp":
            wanted = shape.serialization.get("timestampFormat", timestamp_format)
            return lambda text: timestamp(text, wanted)
        case _:
            return lambda text: text


def _integer(text: str, kind: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise misread(kind, text)
    return integer_within(int(text), kind)


def _float(text: str) -> float:
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    if not _FLOAT.fullmatch(text):
        raise misread("double", text)
    return float(text)


def _boolean(text: str) -> bool:
    match text.lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise misread("boolean", text)


def blob(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(_NO_WHITESPACE), validate=True)
    except (binascii.Error, ValueError):
        raise misread("blob", text) from None


_NO_WHITESPACE = {ord(character): None for character in " \t\r\n"}


def number_of(value: object) -> float | None:
    """A number spelled as protocols without a spelling of their own for NaN and the infinities do, or None."""
    if isinstance(value, str):
        return _NOT_FINITE.get(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def timestamp(text: str, wanted: str) -> datetime:
    match wanted.lower():
        case "unixtimestamp":
            return moment(_float(text))
        case "rfc822":
            return _rfc822(text)
    return _iso8601(text)


def moment(seconds: float) -> datetime:
    """The moment that many seconds after 1970, to the microsecond."""
    try:
        return _EPOCH + timedelta(microseconds=round(seconds * 1_000_000))
    except (OverflowError, ValueError):
        raise misread("timestamp", seconds) from None


def _iso8601(text: str) -> datetime:
    if not _ISO8601.fullmatch(text):
        raise misread("timestamp", text)
    try:
        read = datetime.fromisoformat(text.upper())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise misread("timestamp", text) from None


def _rfc822(text: str) -> datetime:
    try:
        read = parsedate_to_datetime(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        raise misread("timestamp", text) from None


def writer(shape: Shape, timestamp_format: str) -> Callable[[Any], str]:
    match shape.type_name:
        case "integer" | "long":
            return lambda value: str(_checked(shape, value, int))
        case "float" | "double":
            return lambda value: float_text(_checked(shape, value, int | float))
        case "boolean":
            return lambda value: "true" if _checked_boolean(shape, value) else "false"
        case "blob":
            return lambda value: blob_text(shape, value)
        case "timestamp":
            wanted = shape.serialization.get("timestampFormat", timestamp_format)
            return lambda value: str(timestamp_value(shape, value, wanted))
        case _:
            return lambda value: _checked(shape, value, str)


def _checked(shape: Shape, value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ResultError(f"{shape.name}: {value!r} is not a {shape.type_name}")
    return value


def _checked_boolean(shape: Shape, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ResultError(f"{shape.name}: {value!r} is not a boolean")
    return value


def plain(shape: Shape) -> Callable[[Any], Any]:
    """How to check a scalar that goes out as it is, in a protocol with numbers and booleans of its own."""
    match shape.type_name:
        case "integer" | "long":
            return lambda value: _checked(shape, value, int)
        case "float" | "double":
            return lambda value: _checked(shape, value, int | float)
        case "boolean":
            return lambda value: _checked_boolean(shape, value)
        case _:
            return lambda value: _checked(shape, value, str)


def float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def blob_text(shape: Shape, value: Any) -> str:
    return base64.b64encode(blob_bytes(shape, value)).decode()


def blob_bytes(shape: Shape, value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes | bytearray | memoryview):
        raise ResultError(f"{shape.name}: {value!r} is not a blob")
    return bytes(value)


def timestamp_value(shape: Shape, value: Any, wanted: str) -> str | int | float:
    """A moment in the wanted format, with AWS's precision of a millisecond; a number for `unixTimestamp`."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ResultError(f"{shape.name}: {value!r} is not a moment with a time zone")
    utc = value.astimezone(UTC)
    match wanted.lower():
        case "unixtimestamp":
            seconds, thousandths = divmod((utc - _EPOCH) // timedelta(milliseconds=1), 1000)
            return seconds + thousandths / 1000 if thousandths else seconds
        case "rfc822":
            return format_datetime(utc, usegmt=True)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
