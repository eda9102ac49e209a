"""Uploads in parts: begun, their parts, listed, aborted."""

import base64
from collections.abc import Iterator
from typing import Any

from aftershock.aws.call import Call, Params, Result, Tx
from aftershock.services.s3.records import (
    BEHIND,
    PARTS,
    UPLOADS,
    Bucket,
    Content,
    Part,
    Upload,
    part_key,
    release,
    upload_key,
)
from aftershock.services.s3.rules import digests, listing, names
from aftershock.services.s3.rules.errors import invalid_argument, invalid_request, refuse
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import WRITING, described, etag, owner, require_bucket, require_upload, told_encryption
from .listings import BOTH, most_of
from .objects import received

MOST_PARTS = 10_000  # S3 user guide: "Amazon S3 multipart upload limits"


@honours(*WRITING, "ChecksumAlgorithm", "ChecksumType")
def create_multipart_upload(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    names.check_key(params["Key"])
    algorithm = params.get("ChecksumAlgorithm") or ""
    if algorithm:
        digests.known(algorithm)
    upload = Upload(
        id=base64.urlsafe_b64encode(call.new_id("upload").encode()).decode().rstrip("="),
        bucket=bucket.name,
        key=params["Key"],
        begun_at=call.now,
        described=described(bucket, params),
        algorithm=algorithm,
        whole_checksum=digests.upload_type(algorithm, params.get("ChecksumType")),
    )
    UPLOADS.put(call.tx, upload)
    return {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.id,
        **told_encryption(upload.described),
        **_checksum_kind(upload),
    }


def _checksum_kind(upload: Upload) -> dict[str, str]:
    if not upload.algorithm:
        return {}
    kind = "FULL_OBJECT" if upload.whole_checksum else "COMPOSITE"
    return {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": kind}


@honours(
    *digests.members(), "Body", "ChecksumAlgorithm", "ContentLength", "ContentMD5", "Key", "PartNumber", "UploadId"
)
def upload_part(storage: Storage, call: Call, params: Params) -> Result:
    require_bucket(call.tx, call.account, params)
    upload = require_upload(call.tx, params)
    check_part_number(params["PartNumber"])
    given = digests.stated(params)
    if given and upload.algorithm and given[0] != upload.algorithm:
        message = (
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum "
        )
        raise invalid_request(message + f"Type: {given[0].lower()}")
    body = received(storage, _with_checksum_of(upload, params))
    checksum = digests.check(params, body.digests) or digests.made(upload.algorithm, body.digests)
    content = Content(body.pieces, body.size, body.digests["MD5"].hex(), checksum)
    put_part(call, upload, params["PartNumber"], content)
    told = digests.view(checksum)
    told.pop("ChecksumType", None)
    return {"ETag": etag(content.etag), **told, **told_encryption(upload.described)}


def _with_checksum_of(upload: Upload, params: Params) -> Params:
    """So that a body which came whole is digested as the upload asks."""
    name = f"{digests.MEMBER}{upload.algorithm}"
    return params if not upload.algorithm or name in params else {**params, name: ""}


def check_part_number(number: int) -> None:
    if not 1 <= number <= MOST_PARTS:
        message = f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        raise invalid_argument(message, "partNumber", number)


def put_part(call: Call, upload: Upload, number: int, content: Content) -> Part:
    """A part of the same number gives way."""
    before = PARTS.get(call.tx, part_key(upload.id, number))
    part = Part(upload.id, number, call.now.replace(microsecond=0), content)
    PARTS.put(call.tx, part)
    release(call.tx, before.content if before else None)
    return part


def parts_of(tx: Tx, upload_id: str) -> Iterator[Part]:
    return PARTS.between(tx, f"{upload_id}.", f"{upload_id}.{BEHIND}")


def forget_upload(tx: Tx, upload: Upload) -> None:
    UPLOADS.forget(tx, upload_key(upload))
    for part in list(parts_of(tx, upload.id)):
        PARTS.forget(tx, part_key(upload.id, part.number))
        release(tx, part.content)


@honours("Key", "UploadId", "IfMatchInitiatedTime")
def abort_multipart_upload(storage: Storage, call: Call, params: Params) -> Result:
    require_bucket(call.tx, call.account, params)
    upload = require_upload(call.tx, params)
    wanted = params.get("IfMatchInitiatedTime")
    if wanted is not None and wanted != upload.begun_at.replace(microsecond=0):
        raise refuse("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
    forget_upload(call.tx, upload)
    return {}


@honours("Key", "UploadId", "MaxParts", "PartNumberMarker")
def list_parts(storage: Storage, call: Call, params: Params) -> Result:
    require_bucket(call.tx, call.account, params)
    upload = require_upload(call.tx, params)
    marker, most = params.get("PartNumberMarker") or 0, most_of(params, "MaxParts")
    parts = [part for part in parts_of(call.tx, upload.id) if part.number > marker]
    shown = parts[:most]
    return {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": shown[-1].number if shown else 0,
        "MaxParts": most,
        "IsTruncated": len(parts) > len(shown) > 0,
        "Parts": [_part_view(part) for part in shown],
        "Initiator": owner(call.account),
        "Owner": owner(call.account),
        "StorageClass": "STANDARD",
        **_checksum_kind(upload),
    }


def _part_view(part: Part) -> dict[str, Any]:
    told = digests.view(part.content.checksum)
    told.pop("ChecksumType", None)
    return {
        "PartNumber": part.number,
        "LastModified": part.written_at,
        "ETag": etag(part.content.etag),
        "Size": part.content.size,
        **told,
    }


@honours(*(name for name in BOTH if name != "MaxKeys"), "KeyMarker", "MaxUploads", "UploadIdMarker")
def list_multipart_uploads(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    prefix, delimiter = params.get("Prefix") or "", params.get("Delimiter") or ""
    key_marker, id_marker = params.get("KeyMarker") or "", params.get("UploadIdMarker") or ""
    most = most_of(params, "MaxUploads")
    start = _start(call.tx, key_marker, id_marker, prefix, delimiter)
    page = listing.walk(_uploads(call.tx, bucket), prefix, delimiter, start, most)
    spell = listing.speller(params.get("EncodingType"))
    last = page.last
    return {
        "Bucket": bucket.name,
        "KeyMarker": spell(key_marker),
        "UploadIdMarker": id_marker,
        "NextKeyMarker": spell(last.key if isinstance(last, Upload) else last) if page.next and last else None,
        "NextUploadIdMarker": last.id if page.next and isinstance(last, Upload) else None,
        "Prefix": spell(prefix),
        "Delimiter": spell(delimiter) if delimiter else None,
        "MaxUploads": most,
        "EncodingType": params.get("EncodingType"),
        "IsTruncated": page.next is not None,
        "Uploads": [
            {
                "UploadId": one.id,
                "Key": spell(one.key),
                "Initiated": one.begun_at,
                "StorageClass": "STANDARD",
                "Owner": owner(bucket.account),
                "Initiator": owner(bucket.account),
                **_checksum_kind(one),
            }
            for one in page.found
        ],
        "CommonPrefixes": [{"Prefix": spell(one)} for one in page.prefixes],
    }


def _start(tx: Tx, key: str, upload_id: str, prefix: str, delimiter: str) -> str:
    if not key:
        return ""
    found = UPLOADS.where(tx, "id", upload_id) if upload_id else []
    if found and found[0].key == key:
        return _place(found[0]) + BEHIND
    return listing.behind_marker(key, prefix, delimiter)


def _place(upload: Upload) -> str:
    return upload_key(upload).partition("/")[2]


def _uploads(tx: Tx, bucket: Bucket) -> listing.Entries[Upload]:
    def entries(start: str) -> Iterator[tuple[str, Upload, str]]:
        for upload in UPLOADS.between(tx, f"{bucket.name}/{start}", f"{bucket.name}/{BEHIND}"):
            yield upload.key, upload, _place(upload) + BEHIND

    return entries


OPERATIONS = {
    "AbortMultipartUpload": abort_multipart_upload,
    "CreateMultipartUpload": create_multipart_upload,
    "ListMultipartUploads": list_multipart_uploads,
    "ListParts": list_parts,
    "UploadPart": upload_part,
}
