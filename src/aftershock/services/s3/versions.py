"""The versions of an object: which is current, what a new one replaces, and what is left when one goes.

S3 user guide: "How S3 Versioning works", "Working with delete markers".
"""

import base64
import binascii
import secrets
from collections.abc import Iterator

from aftershock.aws.call import Tx
from aftershock.aws.errors import AwsError

from .records import BEHIND, VERSIONS, Bucket, Version, hexed, release, version_key
from .rules.errors import no_such_key, no_such_version, refuse

NULL = "null"


def new_version_id(number: int) -> str:
    """32 opaque characters.  They hold the number, so that a listing can go on behind a version that is gone."""
    return base64.urlsafe_b64encode(number.to_bytes(6, "big") + secrets.token_bytes(18)).decode()


def number_in(version_id: str) -> int | None:
    """None where the id was not made here."""
    try:
        return (
            int.from_bytes(base64.urlsafe_b64decode(version_id.encode())[:6], "big") if len(version_id) == 32 else None
        )
    except (binascii.Error, ValueError):
        return None


def of_key(tx: Tx, bucket: str, key: str) -> Iterator[Version]:
    """All versions, the current one first."""
    first = f"{bucket}/{hexed(key)}."
    return VERSIONS.between(tx, first, first + BEHIND)


def latest(tx: Tx, bucket: str, key: str) -> Version | None:
    """The current version, which may be a delete marker."""
    return next(of_key(tx, bucket, key), None)


def current(tx: Tx, bucket: str, key: str) -> Version | None:
    """The object as who asks for its key sees it."""
    found = latest(tx, bucket, key)
    return found if found is not None and found.content is not None else None


def find(tx: Tx, bucket: str, key: str, version_id: str) -> Version | None:
    return next((version for version in of_key(tx, bucket, key) if version.id == version_id), None)


def require(tx: Tx, bucket: Bucket, key: str, version_id: str | None) -> Version:
    """The version to read, which has content.

    Raises:
        AwsError: NoSuchKey, NoSuchVersion; MethodNotAllowed for a delete marker asked for by its id
    """
    if version_id is None:
        found = latest(tx, bucket.name, key)
        if found is None:
            raise no_such_key(key)
        if found.content is None:
            error = no_such_key(key)
            error.headers.update({"x-amz-delete-marker": "true", "x-amz-version-id": found.id})
            raise error
        return found
    found = find(tx, bucket.name, key, version_id)
    if found is None:
        if version_id != NULL and number_in(version_id) is None:
            raise refuse(
                "InvalidArgument",
                "Invalid version id specified",
                ArgumentName="versionId",
                ArgumentValue=version_id,
            )
        raise no_such_version(key, version_id)
    if found.content is None:
        raise _marker_not_allowed(found)
    return found


def _marker_not_allowed(marker: Version) -> AwsError:
    error = refuse(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        Method="GET",
        ResourceType="DeleteMarker",
    )
    moment = f"{marker.written_at:%a, %d %b %Y %H:%M:%S} GMT"
    error.headers.update(
        {"x-amz-delete-marker": "true", "x-amz-version-id": marker.id, "Allow": "DELETE", "Last-Modified": moment}
    )
    return error


def id_in(bucket: Bucket, number: int) -> str:
    """The id of a version that is written now."""
    return new_version_id(number) if bucket.versioning == "Enabled" else NULL


def add(tx: Tx, version: Version) -> Version:
    """Make it the current one; a version of the same id, which can only be "null", gives way."""
    before = latest(tx, version.bucket, version.key)
    replaced = find(tx, version.bucket, version.key, version.id) if version.id == NULL else None
    if replaced is not None:
        VERSIONS.forget(tx, version_key(replaced))
    VERSIONS.put(tx, version)
    if replaced is not None:
        release(tx, replaced.content)
    assert before is None or before.number < version.number
    return version


def next_number(tx: Tx, bucket: str, key: str) -> int:
    before = latest(tx, bucket, key)
    return 1 if before is None else before.number + 1


def remove(tx: Tx, version: Version) -> None:
    VERSIONS.forget(tx, version_key(version))
    release(tx, version.content)
