"""Objects and versions deleted, one or a thousand at a time."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.s3 import versions
from aftershock.services.s3.records import Bucket, Described
from aftershock.services.s3.rules.conditions import names_etag
from aftershock.services.s3.rules.errors import malformed_xml, not_implemented, precondition_failed
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import require_bucket
from .objects import write

MOST = 1000  # S3 API reference: "a list of up to 1,000 keys"


@honours("Key", "VersionId", "IfMatch", "BypassGovernanceRetention")
def delete_object(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    return _delete(call, bucket, params["Key"], params.get("VersionId"), params.get("IfMatch"))


def _delete(call: Call, bucket: Bucket, key: str, version_id: str | None, match: str | None) -> dict[str, Any]:
    """S3 user guide, "Deleting object versions from a versioning-enabled bucket".  What is not there is no error."""
    if match is not None:
        existing = versions.current(call.tx, bucket.name, key)
        if existing is None or existing.content is None or not names_etag(match, existing.content.etag):
            raise precondition_failed("If-Match")
    if version_id is not None:
        found = versions.find(call.tx, bucket.name, key, version_id)
        if found is not None:
            versions.remove(call.tx, found)
        return {"VersionId": version_id, "DeleteMarker": True if found and found.content is None else None}
    if bucket.versioning:
        marker = write(call, bucket, key, None, Described())
        return {"VersionId": marker.id, "DeleteMarker": True}
    existing = versions.latest(call.tx, bucket.name, key)
    if existing is not None:
        versions.remove(call.tx, existing)
    return {}


@honours("Delete", "BypassGovernanceRetention", "ChecksumAlgorithm", "ContentMD5")
def delete_objects(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    asked = params["Delete"]
    if not 1 <= len(asked["Objects"]) <= MOST:
        raise malformed_xml()
    deleted, errors = [], []
    for one in asked["Objects"]:
        try:
            deleted.append(_deleted(call, bucket, one))
        except AwsError as error:
            named = {name: one.get(name) for name in ("Key", "VersionId")}
            errors.append({**named, "Code": error.code, "Message": error.message})
    return {"Deleted": [] if asked.get("Quiet") else deleted, "Errors": errors}


def _deleted(call: Call, bucket: Bucket, one: Mapping[str, Any]) -> dict[str, Any]:
    for other in one.keys() - {"Key", "VersionId", "ETag"}:
        raise not_implemented(other)
    result = _delete(call, bucket, one["Key"], one.get("VersionId"), one.get("ETag"))
    told: dict[str, Any] = {"Key": one["Key"], "VersionId": one.get("VersionId")}
    if result.get("DeleteMarker"):
        told |= {"DeleteMarker": True, "DeleteMarkerVersionId": result["VersionId"]}
    return told


OPERATIONS = {"DeleteObject": delete_object, "DeleteObjects": delete_objects}
