"""Tags of buckets, of objects and of single versions."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.s3 import versions
from aftershock.services.s3.records import BUCKETS, VERSIONS, Version
from aftershock.services.s3.rules import tags
from aftershock.services.s3.rules.errors import refuse
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import require_bucket, told_version

BODY = ("Tagging", "ChecksumAlgorithm", "ContentMD5")


@honours(*BODY)
def put_bucket_tagging(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    given = tags.of_set(params["Tagging"]["TagSet"], tags.MOST_OF_BUCKET)
    if not call.principal.service:
        system = {key: value for key, value in bucket.tags.items() if key.startswith("aws:")}
        if not system.items() <= given.items():
            raise refuse("OperationAborted", "Cannot put tag set that removes or changes system tags", 409)
        tags.from_user({key: value for key, value in given.items() if key not in system})
    BUCKETS.put(call.tx, replace(bucket, tags=given))
    return {}


@honours()
def get_bucket_tagging(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    if not bucket.tags:
        raise refuse("NoSuchTagSet", "The TagSet does not exist", 404, BucketName=bucket.name)
    return {"TagSet": tags.view(bucket.tags)}


@honours()
def delete_bucket_tagging(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    system = {key: value for key, value in bucket.tags.items() if key.startswith("aws:")}
    BUCKETS.put(call.tx, replace(bucket, tags={} if call.principal.service else system))
    return {}


@honours(*BODY, "Key", "VersionId")
def put_object_tagging(storage: Storage, call: Call, params: Params) -> Result:
    given = tags.of_set(params["Tagging"]["TagSet"], tags.MOST_OF_OBJECT)
    return _tagged(call, params, tags.from_user(given))


@honours("Key", "VersionId")
def delete_object_tagging(storage: Storage, call: Call, params: Params) -> Result:
    return _tagged(call, params, {})


def _tagged(call: Call, params: Params, given: dict[str, str]) -> Result:
    version, told = _version(call, params)
    VERSIONS.put(call.tx, replace(version, described=replace(version.described, tags=given)))
    return told


@honours("Key", "VersionId")
def get_object_tagging(storage: Storage, call: Call, params: Params) -> Result:
    version, told = _version(call, params)
    return {**told, "TagSet": tags.view(version.described.tags)}


def _version(call: Call, params: Params) -> tuple[Version, dict[str, str]]:
    bucket = require_bucket(call.tx, call.account, params)
    version = versions.require(call.tx, bucket, params["Key"], params.get("VersionId"))
    return version, told_version(version, bool(bucket.versioning))


OPERATIONS = {
    "DeleteBucketTagging": delete_bucket_tagging,
    "DeleteObjectTagging": delete_object_tagging,
    "GetBucketTagging": get_bucket_tagging,
    "GetObjectTagging": get_object_tagging,
    "PutBucketTagging": put_bucket_tagging,
    "PutObjectTagging": put_object_tagging,
}
