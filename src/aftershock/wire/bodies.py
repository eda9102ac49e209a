"""Bodies as they were before transport: unzipped, and S3's signed chunks put together again."""

import base64
import hashlib
import hmac
import zlib
from collections.abc import Mapping
from dataclasses import replace

from aftershock.aws import checksums
from aftershock.aws.errors import AwsError
from aftershock.wire.message import HttpRequest
from aftershock.wire.payloads import Chunks
from aftershock.wire.scalars import Malformed

# Above every limit of a service that takes compressed requests; keeps a small bomb from becoming a large one.
_UNZIPPED_BYTES = 64 * 1024 * 1024


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


def is_chunked(request: HttpRequest) -> bool:
    return request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def unchunked(request: HttpRequest) -> HttpRequest:
    """The request as it was meant, without the chunks that the client put around the body, and with its trailers.

    The signatures of the chunks are not verified here; that is what `verify` is for.
    """
    chunks = Chunks()
    body = b"".join(chunks.feed(request.body))
    return replace(request, headers=without_chunks(request.headers) | chunks.end(), body=body)


def check_digests(request: HttpRequest) -> None:
    """Hold a body that is here against the digests that S3's clients state of it in its headers.

    Raises:
        AwsError: it is another one.
    """
    stated = request.headers.get("content-md5")
    if stated is not None and not hmac.compare_digest(hashlib.md5(request.body).digest(), _md5(stated)):  # noqa: S324
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    for name in checksums.ALGORITHMS:
        stated = request.headers.get(f"{checksums.HEADER}{name.lower()}")
        if stated is not None and checksums.text(checksums.of(name, request.body)) != stated:
            raise AwsError("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def _md5(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified is not valid.") from None


def without_chunks(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that no longer say that the body is chunked, nor how it was signed."""
    plain = {name: value for name, value in headers.items() if name != "x-amz-content-sha256"}
    encodings = [name.strip() for name in plain.pop("content-encoding", "").split(",")]
    if kept := ",".join(name for name in encodings if name not in ("", "aws-chunked")):
        plain["content-encoding"] = kept
    return plain
