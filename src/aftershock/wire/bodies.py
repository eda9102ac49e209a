"""Bodies as they were before transport: unzipped, and S3's signed chunks put together again."""

import zlib
from dataclasses import dataclass

from aftershock.aws.errors import AwsError
from aftershock.wire.message import HttpRequest
from aftershock.wire.scalars import Malformed

# Above every limit of a service that takes compressed requests; keeps a small bomb from becoming a large one.
_UNZIPPED_BYTES = 64 * 1024 * 1024
_CHUNK_HEADER_BYTES = 1024
_TRAILER_LINES = 32


def plain_body(request: HttpRequest) -> bytes:
    """The body without the compression that SDKs apply to large ones (CloudWatch's PutMetricData)."""
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return request.body
    unzip = zlib.decompressobj(wbits=31)
    try:
        body = unzip.decompress(request.body, _UNZIPPED_BYTES)
    except zlib.error:
        raise Malformed("The body is not compressed with gzip") from None
    if not unzip.eof:
        raise Malformed("The compressed body is incomplete or too large")
    return body


@dataclass(frozen=True, slots=True)
class Chunked:
    body: bytes
    trailers: dict[str, str]


def is_chunked(request: HttpRequest) -> bool:
    return request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def unchunked(body: bytes) -> Chunked:
    """Decode `aws-chunked`: `size[;chunk-signature=…]\\r\\n data \\r\\n` up to size 0, then trailers.

    The signatures of the single chunks are not verified; the seed signature, which covers the headers, is (sigv4).
    """
    parts: list[bytes] = []
    at = 0
    while True:
        line_end = body.find(b"\r\n", at, at + _CHUNK_HEADER_BYTES)
        size_text = body[at:line_end].partition(b";")[0].strip()
        if line_end < 0 or not size_text or size_text.strip(b"0123456789abcdefABCDEF") or len(size_text) > 16:
            raise _incomplete()
        size, start = int(size_text, 16), line_end + 2
        if size == 0:
            return Chunked(b"".join(parts), _trailers(body[start:]))
        if body[start + size : start + size + 2] != b"\r\n":
            raise _incomplete()
        parts.append(body[start : start + size])
        at = start + size + 2


def _trailers(text: bytes) -> dict[str, str]:
    lines = (line.partition(b":") for line in text.split(b"\r\n", _TRAILER_LINES)[:_TRAILER_LINES])
    return {
        name.strip().decode("latin-1").lower(): value.strip().decode("latin-1") for name, colon, value in lines if colon
    }


def _incomplete() -> AwsError:
    return AwsError(
        "IncompleteBody", "The request body terminated unexpectedly or does not follow the aws-chunked encoding."
    )
