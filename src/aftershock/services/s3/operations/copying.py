"""Objects and parts made from what is there already."""

from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.s3 import copies, versions
from aftershock.services.s3.records import Described, Version
from aftershock.services.s3.rules import digests, names, tags
from aftershock.services.s3.rules.conditions import check_copy, check_write
from aftershock.services.s3.rules.errors import invalid_request
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import (
    DESCRIBING,
    ENCRYPTING,
    REDIRECT,
    WRITING,
    described,
    etag,
    require_bucket,
    require_upload,
    told_encryption,
    told_version,
)
from .objects import write
from .uploads import check_part_number, put_part

SOURCE = (
    "CopySource",
    "CopySourceIfMatch",
    "CopySourceIfModifiedSince",
    "CopySourceIfNoneMatch",
    "CopySourceIfUnmodifiedSince",
    "ExpectedSourceBucketOwner",
)


@honours(*SOURCE, *WRITING, "ChecksumAlgorithm", "IfMatch", "IfNoneMatch", "MetadataDirective", "TaggingDirective")
def copy_object(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    names.check_key(params["Key"])
    source = copies.source_of(call.tx, call.account, params)
    check_copy(params, source)
    existing = versions.current(call.tx, bucket.name, params["Key"])
    check_write(params, params["Key"], existing)
    said = described(bucket, params)
    _check_change(params, source, existing)
    content = copies.known(storage, source, params, algorithms(params, source))
    version = write(call, bucket, params["Key"], content, _copied(params, source, said))
    return {
        "CopyObjectResult": {
            "ETag": etag(content.etag),
            "LastModified": version.written_at,
            **digests.view(content.checksum),
        },
        **_source_version(call, source),
        **told_encryption(said),
        **told_version(version, bool(bucket.versioning)),
    }


def algorithms(params: Params, source: Version) -> tuple[str, ...]:
    """Those of which the copy has checksums: the one asked for, or else the source's."""
    if asked := params.get("ChecksumAlgorithm"):
        return (digests.known(asked),)
    checksum = source.content.checksum if source.content is not None else None
    return (checksum.algorithm,) if checksum is not None else ()


def _check_change(params: Params, source: Version, existing: Version | None) -> None:
    """S3 refuses to copy an object to itself if nothing becomes of it."""
    changes = params.get("MetadataDirective") == "REPLACE" or any(
        params.get(name) is not None for name in (*ENCRYPTING, REDIRECT, "StorageClass")
    )
    if source == existing and not changes:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )


def _copied(params: Params, source: Version, said: Described) -> Described:
    headers, metadata = said.headers, said.metadata
    if params.get("MetadataDirective", "COPY") == "COPY":
        kept = {name: value for name, value in source.described.headers.items() if name in DESCRIBING}
        redirect = {name: value for name, value in said.headers.items() if name == REDIRECT}
        headers, metadata = kept | redirect, source.described.metadata
    replaces_tags = params.get("TaggingDirective", "COPY") == "REPLACE"
    return Described(
        headers=headers,
        metadata=metadata,
        tags=tags.of_header(params.get("Tagging") or "") if replaces_tags else source.described.tags,
        encryption=said.encryption,
    )


def _source_version(call: Call, source: Version) -> dict[str, Any]:
    return {} if source.id == versions.NULL else {"CopySourceVersionId": source.id}


@honours(*SOURCE, "CopySourceRange", "Key", "PartNumber", "UploadId")
def upload_part_copy(storage: Storage, call: Call, params: Params) -> Result:
    require_bucket(call.tx, call.account, params)
    upload = require_upload(call.tx, params)
    check_part_number(params["PartNumber"])
    source = copies.source_of(call.tx, call.account, params)
    check_copy(params, source)
    content = copies.known(storage, source, params, part_algorithms(upload.algorithm))
    part = put_part(call, upload, params["PartNumber"], content)
    told = digests.view(content.checksum)
    told.pop("ChecksumType", None)
    return {
        "CopyPartResult": {"ETag": etag(content.etag), "LastModified": part.written_at, **told},
        **_source_version(call, source),
        **told_encryption(upload.described),
    }


def part_algorithms(algorithm: str) -> tuple[str, ...]:
    return (algorithm,) if algorithm else ()


OPERATIONS = {"CopyObject": copy_object, "UploadPartCopy": upload_part_copy}
