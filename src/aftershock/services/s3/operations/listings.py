"""The objects of a bucket, listed in the two ways that S3 has."""

from collections.abc import Callable, Iterator
from typing import Any

from aftershock.aws.call import Call, Params, Result, Tx
from aftershock.services.s3.records import BEHIND, VERSIONS, Bucket, Version
from aftershock.services.s3.rules import listing
from aftershock.services.s3.rules.errors import invalid_argument
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import etag, owner, require_bucket

BOTH = ("Delimiter", "EncodingType", "MaxKeys", "Prefix")


@honours(*BOTH, "ContinuationToken", "FetchOwner", "StartAfter")
def list_objects_v2(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    token, after = params.get("ContinuationToken"), params.get("StartAfter") or ""
    if token is not None:
        start = listing.place_of(token)
        if start is None:
            raise invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
    else:
        start = listing.behind_key(after) if after else ""
    page = walked(call.tx, bucket, params, start)
    spell = listing.speller(params.get("EncodingType"))
    return {
        **_common(bucket, params, page, spell, owner(bucket.account) if params.get("FetchOwner") else None),
        "KeyCount": len(page.found) + len(page.prefixes),
        "ContinuationToken": token,
        "NextContinuationToken": listing.token(page.next) if page.next else None,
        "StartAfter": spell(after) if after else None,
    }


@honours(*BOTH, "Marker")
def list_objects(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    marker, delimiter = params.get("Marker") or "", params.get("Delimiter") or ""
    start = listing.behind_marker(marker, params.get("Prefix") or "", delimiter) if marker else ""
    page = walked(call.tx, bucket, params, start)
    spell = listing.speller(params.get("EncodingType"))
    last = page.last.key if isinstance(page.last, Version) else page.last
    return {
        **_common(bucket, params, page, spell, owner(bucket.account)),
        "Marker": spell(marker),
        # S3 API reference: "This element is returned only if you have the delimiter request parameter specified."
        "NextMarker": spell(last) if page.next and delimiter and last else None,
    }


def most_of(params: Params, name: str = "MaxKeys") -> int:
    """
    Raises:
        AwsError: it is negative.
    """
    most = params.get(name)
    if most is None:
        return listing.MOST
    if most < 0:
        wire = {"MaxKeys": "max-keys", "MaxUploads": "max-uploads", "MaxParts": "max-parts"}[name]
        raise invalid_argument(f"Argument {wire} must be an integer between 0 and 2147483647", wire, most)
    return min(int(most), listing.MOST)


def walked(tx: Tx, bucket: Bucket, params: Params, start: str) -> listing.Page[Version]:
    return listing.walk(
        _current(tx, bucket),
        params.get("Prefix") or "",
        params.get("Delimiter") or "",
        start,
        most_of(params),
    )


def _current(tx: Tx, bucket: Bucket) -> listing.Entries[Version]:
    """The objects that are seen by their keys: per key the first version, unless it is a delete marker."""

    def entries(start: str) -> Iterator[tuple[str, Version, str]]:
        key = None
        for version in VERSIONS.between(tx, f"{bucket.name}/{start}", f"{bucket.name}/{BEHIND}"):
            if version.key != key:
                key = version.key
                if version.content is not None:
                    yield key, version, listing.behind_key(key)

    return entries


def _common(
    bucket: Bucket,
    params: Params,
    page: listing.Page[Version],
    spell: Callable[[str], str],
    told_owner: dict[str, str] | None,
) -> dict[str, Any]:
    delimiter = params.get("Delimiter")
    return {
        "Name": bucket.name,
        "Prefix": spell(params.get("Prefix") or ""),
        "Delimiter": spell(delimiter) if delimiter else None,
        "MaxKeys": most_of(params),
        "EncodingType": params.get("EncodingType"),
        "IsTruncated": page.next is not None,
        "Contents": [seen(version, spell, told_owner) for version in page.found],
        "CommonPrefixes": [{"Prefix": spell(prefix)} for prefix in page.prefixes],
    }


def seen(version: Version, spell: Callable[[str], str], told_owner: dict[str, str] | None) -> dict[str, Any]:
    content = version.content
    assert content is not None
    checksum = content.checksum
    return {
        "Key": spell(version.key),
        "LastModified": version.written_at,
        "ETag": etag(content.etag),
        "Size": content.size,
        "StorageClass": "STANDARD",
        "Owner": told_owner,
        "ChecksumAlgorithm": [checksum.algorithm] if checksum else None,
        "ChecksumType": ("FULL_OBJECT" if checksum.whole else "COMPOSITE") if checksum else None,
    }


OPERATIONS = {"ListObjects": list_objects, "ListObjectsV2": list_objects_v2}
