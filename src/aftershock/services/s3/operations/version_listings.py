"""All versions of a bucket's objects, delete markers among them."""

from collections.abc import Iterator

from aftershock.aws.call import Call, Params, Result, Tx
from aftershock.services.s3 import versions
from aftershock.services.s3.records import BEHIND, VERSIONS, Bucket, Version, place_of_version, version_key
from aftershock.services.s3.rules import listing
from aftershock.services.s3.rules.errors import invalid_argument
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import owner, require_bucket
from .listings import BOTH, most_of, seen


@honours(*BOTH, "KeyMarker", "VersionIdMarker")
def list_object_versions(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    prefix, delimiter = params.get("Prefix") or "", params.get("Delimiter") or ""
    page = listing.walk(_all(call.tx, bucket), prefix, delimiter, _start(call.tx, bucket, params), most_of(params))
    spell = listing.speller(params.get("EncodingType"))
    told, current = owner(bucket.account), {version_key(one) for one in page.found if _is_latest(call.tx, one)}
    last = page.last
    return {
        "Name": bucket.name,
        "Prefix": spell(prefix),
        "Delimiter": spell(delimiter) if delimiter else None,
        "KeyMarker": spell(params.get("KeyMarker") or ""),
        "VersionIdMarker": params.get("VersionIdMarker") or "",
        "MaxKeys": most_of(params),
        "EncodingType": params.get("EncodingType"),
        "IsTruncated": page.next is not None,
        "NextKeyMarker": spell(last.key if isinstance(last, Version) else last) if page.next and last else None,
        "NextVersionIdMarker": last.id if page.next and isinstance(last, Version) else None,
        "Versions": [
            {**seen(one, spell, told), "VersionId": one.id, "IsLatest": version_key(one) in current}
            for one in page.found
            if one.content is not None
        ],
        "DeleteMarkers": [
            {
                "Key": spell(one.key),
                "LastModified": one.written_at,
                "Owner": told,
                "VersionId": one.id,
                "IsLatest": version_key(one) in current,
            }
            for one in page.found
            if one.content is None
        ],
        "CommonPrefixes": [{"Prefix": spell(one)} for one in page.prefixes],
    }


def _is_latest(tx: Tx, version: Version) -> bool:
    return versions.latest(tx, version.bucket, version.key) == version


def _start(tx: Tx, bucket: Bucket, params: Params) -> str:
    key, version_id = params.get("KeyMarker") or "", params.get("VersionIdMarker") or ""
    if version_id and not key:
        message = "A version-id marker cannot be specified without a key marker."
        raise invalid_argument(message, "version-id-marker", version_id)
    if not key:
        return ""
    marker = versions.find(tx, bucket.name, key, version_id) if version_id else None
    number = marker.number if marker is not None else versions.number_in(version_id)
    if version_id and number is not None:
        return _behind(key, number)
    return listing.behind_marker(key, params.get("Prefix") or "", params.get("Delimiter") or "")


def _behind(key: str, number: int) -> str:
    return place_of_version(key, number) + BEHIND


def _all(tx: Tx, bucket: Bucket) -> listing.Entries[Version]:
    def entries(start: str) -> Iterator[tuple[str, Version, str]]:
        for version in VERSIONS.between(tx, f"{bucket.name}/{start}", f"{bucket.name}/{BEHIND}"):
            yield version.key, version, _behind(version.key, version.number)

    return entries


OPERATIONS = {"ListObjectVersions": list_object_versions}
