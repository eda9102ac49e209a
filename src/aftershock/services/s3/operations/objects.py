"""Objects: written, read, looked at."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.s3 import versions
from aftershock.services.s3.records import Bucket, Content, Described, Version
from aftershock.services.s3.rules import digests, names, ranges
from aftershock.services.s3.rules.conditions import check_read, check_write
from aftershock.services.s3.rules.errors import invalid_request
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Received, Storage

from .found import (
    DEFAULT_TYPE,
    DESCRIBING,
    WRITING,
    checksums_asked,
    described,
    etag,
    require_bucket,
    told_encryption,
    told_version,
)

READING = ("IfMatch", "IfModifiedSince", "IfNoneMatch", "IfUnmodifiedSince", "Key", "Range", "VersionId", "PartNumber")
OVERRIDES = {f"Response{name}": name for name in DESCRIBING}


@honours(
    *WRITING,
    *digests.members(),
    "Body",
    "ChecksumAlgorithm",
    "ContentLength",
    "ContentMD5",
    "IfMatch",
    "IfNoneMatch",
)
def put_object(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    key = params["Key"]
    names.check_key(key)
    said = described(bucket, params)
    check_write(params, key, versions.current(call.tx, bucket.name, key))
    body = received(storage, params)
    checksum = digests.check(params, body.digests)
    content = Content(body.pieces, body.size, body.digests["MD5"].hex(), checksum)
    version = write(call, bucket, key, content, said)
    return {
        "ETag": etag(content.etag),
        **digests.view(checksum),
        **told_encryption(said),
        **told_version(version, bool(bucket.versioning)),
    }


def received(storage: Storage, params: Params) -> Received:
    """The body: it came by the door and lies on the disk, or it came whole from another service."""
    body = params.get("Body", b"")
    return body if isinstance(body, Received) else storage.receive_whole(body, checksums_asked(params))


def write(
    call: Call,
    bucket: Bucket,
    key: str,
    content: Content | None,
    said: Described,
    *,
    part_sizes: tuple[int, ...] = (),
    part_checksums: tuple[str, ...] = (),
    upload_id: str = "",
) -> Version:
    """A new current version; without content, a delete marker."""
    number = versions.next_number(call.tx, bucket.name, key)
    return versions.add(
        call.tx,
        Version(
            bucket=bucket.name,
            key=key,
            id=versions.id_in(bucket, number),
            number=number,
            written_at=call.now.replace(microsecond=0),
            content=content,
            described=said,
            part_sizes=part_sizes,
            part_checksums=part_checksums,
            upload_id=upload_id,
        ),
    )


@honours(*READING, *OVERRIDES, "ChecksumMode")
def get_object(storage: Storage, call: Call, params: Params) -> Result:
    answer, version, span = _looked_at(call, params)
    assert version.content is not None
    pieces = version.content.pieces
    if span is not None:
        pieces = ranges.cut(pieces, *span)
    return {**answer, "Body": storage.read(pieces)}


@honours(*READING, *OVERRIDES, "ChecksumMode")
def head_object(storage: Storage, call: Call, params: Params) -> Result:
    answer, _, _ = _looked_at(call, params)
    answer.pop("TagCount", None)
    return answer


def _looked_at(call: Call, params: Params) -> tuple[dict[str, Any], Version, tuple[int, int] | None]:
    """The answer but for the bytes, and which of them are asked for."""
    bucket = require_bucket(call.tx, call.account, params)
    version = versions.require(call.tx, bucket, params["Key"], params.get("VersionId"))
    content = version.content
    assert content is not None
    told = told_version(version, bool(bucket.versioning))
    check_read(params, version, _headers_of_304(version, told))
    span = _span(params, version, content)
    size = content.size if span is None else span[1] - span[0] + 1
    answer = {
        "AcceptRanges": "bytes",
        "ContentLength": size,
        "ContentType": DEFAULT_TYPE,
        "ETag": etag(content.etag),
        "LastModified": version.written_at,
        "Metadata": dict(version.described.metadata),
        "TagCount": len(version.described.tags) or None,
        **told,
        **_headers(version.described),
        **_overridden(params),
        **told_encryption(version.described),
    }
    if span is not None:
        answer["ContentRange"] = f"bytes {span[0]}-{span[1]}/{content.size}"
    elif params.get("ChecksumMode") == "ENABLED":
        answer |= digests.view(content.checksum)
    if params.get("PartNumber") is not None and version.part_sizes:
        answer["PartsCount"] = len(version.part_sizes)
    return answer, version, span


def _headers(said: Described) -> dict[str, Any]:
    headers = dict(said.headers)
    if "Expires" in headers:  # records spell moments as texts
        headers["Expires"] = datetime.fromisoformat(headers["Expires"])
    return headers


def _headers_of_304(version: Version, told: Mapping[str, str]) -> dict[str, str]:
    assert version.content is not None
    headers = {
        "ETag": etag(version.content.etag),
        "Last-Modified": f"{version.written_at:%a, %d %b %Y %H:%M:%S} GMT",
    }
    if cache := version.described.headers.get("CacheControl"):
        headers["Cache-Control"] = cache
    return headers | ({"x-amz-version-id": told["VersionId"]} if told else {})


def _span(params: Params, version: Version, content: Content) -> tuple[int, int] | None:
    number, header = params.get("PartNumber"), params.get("Range")
    if number is not None:
        if header is not None:
            raise invalid_request("Cannot specify both Range header and partNumber query parameter")
        span = ranges.of_part(number, version.part_sizes, content.size)
        return span if content.size else None
    return ranges.of_header(header, content.size) if header is not None else None


def _overridden(params: Params) -> dict[str, Any]:
    return {name: params[asked] for asked, name in OVERRIDES.items() if params.get(asked) is not None}


OPERATIONS = {"GetObject": get_object, "HeadObject": head_object, "PutObject": put_object}
