"""Parts put together: the object is the list of them, and no byte is moved."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from aftershock.aws.call import Call, Params, Result
from aftershock.services.s3 import versions
from aftershock.services.s3.records import Bucket, Content, Part, Upload, Version
from aftershock.services.s3.rules import digests
from aftershock.services.s3.rules.conditions import check_write
from aftershock.services.s3.rules.errors import bad_digest, invalid_request, malformed_xml, refuse
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import etag, require_bucket, require_upload, told_encryption, told_version
from .objects import write
from .uploads import MOST_PARTS, forget_upload, parts_of

SMALLEST_PART_BYTES = 5 * 2**20  # S3 user guide: of all parts but the last


@honours(
    *digests.members(),
    "ChecksumType",
    "IfMatch",
    "IfNoneMatch",
    "Key",
    "MpuObjectSize",
    "MultipartUpload",
    "UploadId",
)
def complete_multipart_upload(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    key = params["Key"]
    existing = versions.current(call.tx, bucket.name, key)
    if existing is not None and existing.upload_id == params["UploadId"]:
        return _told(call, bucket, existing)  # it was asked before, and the answer may have been lost
    upload = require_upload(call.tx, params)
    asked = (params.get("MultipartUpload") or {}).get("Parts") or []
    parts = _chosen({part.number: part for part in parts_of(call.tx, upload.id)}, asked, upload)
    check_write(params, key, existing)
    content = _content(upload, [part.content for part in parts])
    _check_whole(params, content)
    version = write(
        call,
        bucket,
        key,
        content,
        upload.described,
        part_sizes=tuple(part.content.size for part in parts),
        part_checksums=_checksums(upload, parts),
        upload_id=upload.id,
    )
    forget_upload(call.tx, upload)
    return _told(call, bucket, version)


def _checksums(upload: Upload, parts: Sequence[Part]) -> tuple[str, ...]:
    found = [part.content.checksum for part in parts] if upload.algorithm else []
    return tuple(one.value for one in found if one is not None)


def _chosen(there: Mapping[int, Part], asked: Sequence[Mapping[str, Any]], upload: Upload) -> list[Part]:
    if not asked or len(asked) > MOST_PARTS:
        raise malformed_xml()
    if any(one.get("PartNumber") is None or one.get("ETag") is None for one in asked):
        raise malformed_xml()
    numbers = [int(one["PartNumber"]) for one in asked]
    if sorted(set(numbers)) != numbers:
        message = (
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        )
        raise refuse("InvalidPartOrder", message, UploadId=upload.id)
    parts = [_part(there, one, upload) for one in asked]
    for part in parts[:-1]:
        if part.content.size < SMALLEST_PART_BYTES:
            raise refuse(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=part.content.size,
                MinSizeAllowed=SMALLEST_PART_BYTES,
                PartNumber=part.number,
                ETag=part.content.etag,
            )
    return parts


def _part(there: Mapping[int, Part], asked: Mapping[str, Any], upload: Upload) -> Part:
    part = there.get(asked["PartNumber"])
    stated = digests.stated(asked)
    checksum = part.content.checksum if part is not None else None
    differs = stated is not None and (checksum is None or (checksum.algorithm, checksum.value) != stated)
    if part is None or part.content.etag != asked["ETag"].strip('"') or differs:
        raise refuse(
            "InvalidPart",
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
            "specified entity tag may not match the part's entity tag.",
            UploadId=upload.id,
            PartNumber=asked["PartNumber"],
            ETag=asked["ETag"].strip('"'),
        )
    if upload.algorithm and not upload.whole_checksum and stated is None:
        message = (
            f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must include "
        )
        raise invalid_request(message + "the checksum for each part.")
    return part


def _content(upload: Upload, parts: Sequence[Content]) -> Content:
    return Content(
        pieces=tuple(piece for part in parts for piece in part.pieces),
        size=sum(part.size for part in parts),
        etag=digests.etag_of(parts),
        checksum=digests.checksum_of(upload.algorithm, upload.whole_checksum, parts),
    )


def _check_whole(params: Params, content: Content) -> None:
    size = params.get("MpuObjectSize")
    if size is not None and int(size) != content.size:
        message = (
            f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {content.size}"
        )
        raise invalid_request(message)
    stated = digests.stated(params)
    if stated is not None and (
        content.checksum is None or stated != (content.checksum.algorithm, content.checksum.value)
    ):
        raise bad_digest(stated[0])
    kind = params.get("ChecksumType")
    if kind is not None and content.checksum is not None and (kind == "FULL_OBJECT") != content.checksum.whole:
        raise invalid_request("The checksum type of the upload is not the one that was specified when it was created.")


def _told(call: Call, bucket: Bucket, version: Version) -> Result:
    assert version.content is not None
    return {
        "Location": f"https://{bucket.name}.s3.{call.region}.amazonaws.com/{quote(version.key)}",
        "Bucket": bucket.name,
        "Key": version.key,
        "ETag": etag(version.content.etag),
        **digests.view(version.content.checksum),
        **told_encryption(version.described),
        **told_version(version, bool(bucket.versioning)),
    }


OPERATIONS = {"CompleteMultipartUpload": complete_multipart_upload}
