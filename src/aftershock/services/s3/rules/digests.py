"""Checksums and ETags: which are asked for, whether they hold, and what the parts' make of the whole."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from aftershock.aws import checksums
from aftershock.services.s3.records import Checksum, Content

from .errors import bad_digest, invalid_request, not_implemented, refuse

MEMBER = "Checksum"  # "ChecksumCRC32" of a request or a result
_NO_ALGORITHMS = frozenset({"ChecksumAlgorithm", "ChecksumType", "ChecksumMode"})
_TRAILER, _SDK = "x-amz-trailer", "x-amz-sdk-checksum-algorithm"


def members(algorithms: Sequence[str] = tuple(checksums.ALGORITHMS)) -> tuple[str, ...]:
    return tuple(f"{MEMBER}{name}" for name in algorithms)


def stated(params: Mapping[str, Any]) -> tuple[str, str] | None:
    """The checksum that a request states, by its algorithm.

    Raises:
        AwsError: it states several, or one that is not known here.
    """
    given = [
        (name.removeprefix(MEMBER), value)
        for name, value in params.items()
        if name.startswith(MEMBER) and name not in _NO_ALGORITHMS and value is not None
    ]
    if len(given) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    for algorithm, _ in given:
        known(algorithm)
    return given[0] if given else None


def known(algorithm: str) -> str:
    if algorithm not in checksums.ALGORITHMS:
        raise not_implemented(f"{checksums.HEADER}{algorithm.lower()}")
    return algorithm


def wanted(params: Mapping[str, Any], headers: Mapping[str, str]) -> frozenset[str]:
    """The algorithms to run over a body that is still to come, besides MD5 for its ETag.

    Raises:
        AwsError: a checksum is announced and is not to come.
    """
    found = {given[0]} if (given := stated(params)) else set()
    for name in headers.get(_TRAILER, "").lower().split(","):
        if name.strip().startswith(checksums.HEADER):
            found.add(known(name.strip().removeprefix(checksums.HEADER).upper()))
    if not found and headers.get(_SDK):
        raise invalid_request(
            f"{_SDK} specified, but no corresponding {checksums.HEADER}* or {_TRAILER} headers were found."
        )
    return frozenset(found)


def check(params: Mapping[str, Any], digests: Mapping[str, bytes]) -> Checksum | None:
    """Hold a body's digests against what the request states of them; the checksum to keep.

    Raises:
        AwsError: BadDigest, InvalidDigest
    """
    if (md5 := params.get("ContentMD5")) is not None:
        if _decoded(md5, 16) is None:
            raise refuse("InvalidDigest", "The Content-MD5 you specified was invalid.", **{"Content-MD5": md5})
        if _decoded(md5, 16) != digests["MD5"]:
            raise refuse(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                ExpectedDigest=md5,
                CalculatedDigest=checksums.text(digests["MD5"]),
            )
    given = stated(params)
    if given is None:
        return None
    algorithm, text = given
    if _decoded(text, len(digests[algorithm])) is None:
        raise invalid_request(f"Value for {checksums.HEADER}{algorithm.lower()} header is invalid.")
    if _decoded(text, len(digests[algorithm])) != digests[algorithm]:
        raise bad_digest(algorithm)
    return Checksum(algorithm, text)


def made(algorithm: str, digests: Mapping[str, bytes]) -> Checksum | None:
    return Checksum(algorithm, checksums.text(digests[algorithm])) if algorithm else None


def _decoded(text: str, size: int) -> bytes | None:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == size else None


def etag_of(parts: Sequence[Content]) -> str:
    """S3 API reference: the MD5 of the parts' MD5s one after the other, and their number."""
    joined = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"


def checksum_of(algorithm: str, whole: bool, parts: Sequence[Content]) -> Checksum | None:
    """S3 user guide, "Checking object integrity": of all the bytes, or of the parts' checksums and their number."""
    values = [base64.b64decode(part.checksum.value) for part in parts if part.checksum is not None]
    if not algorithm or len(values) != len(parts):
        return None
    if not whole:
        return Checksum(algorithm, f"{checksums.text(checksums.of(algorithm, b''.join(values)))}-{len(parts)}", False)
    total = values[0]
    for value, part in zip(values[1:], parts[1:], strict=True):
        total = checksums.joined(algorithm, total, value, part.size)
    return Checksum(algorithm, checksums.text(total))


def upload_type(algorithm: str, asked: str | None) -> bool:
    """Whether an upload in parts is to have the checksum of all its bytes.

    Raises:
        AwsError: that algorithm cannot have it so.
    """
    by_default = "FULL_OBJECT" if algorithm in ("CRC64NVME", "") else "COMPOSITE"
    kind = asked or by_default
    possible = {
        "FULL_OBJECT": algorithm in checksums.COMBINED,
        "COMPOSITE": algorithm not in ("CRC64NVME", ""),
    }
    if asked and not possible[kind]:
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return kind == "FULL_OBJECT"


def view(checksum: Checksum | None) -> dict[str, str]:
    if checksum is None:
        return {}
    kind = "FULL_OBJECT" if checksum.whole else "COMPOSITE"
    return {f"{MEMBER}{checksum.algorithm}": checksum.value, "ChecksumType": kind}
