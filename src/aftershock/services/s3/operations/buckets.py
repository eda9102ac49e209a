"""Buckets: made, looked at, listed, versioned, deleted."""

from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.s3.records import (
    BEHIND,
    BUCKETS,
    PARTS,
    UPLOADS,
    VERSIONS,
    Bucket,
    part_key,
    release,
    upload_key,
)
from aftershock.services.s3.rules import listing, names, tags
from aftershock.services.s3.rules.errors import invalid_argument, not_implemented, refuse
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import owner, require_bucket

MOST_BUCKETS = 10_000  # S3 user guide: "General purpose bucket quotas"
DEFAULT_REGION = "us-east-1"  # the one that has no location constraint
CREATION = ("LocationConstraint", "Tags")


@honours("ACL", "CreateBucketConfiguration", "ObjectOwnership", "ObjectLockEnabledForBucket")
def create_bucket(storage: Storage, call: Call, params: Params) -> Result:
    name = params["Bucket"]
    names.check_bucket_name(name)
    configuration = params.get("CreateBucketConfiguration") or {}
    for other in configuration.keys() - set(CREATION):
        raise not_implemented(f"CreateBucketConfiguration.{other}")
    _check_location(call.region, configuration.get("LocationConstraint"))
    if params.get("ObjectLockEnabledForBucket"):
        raise not_implemented("x-amz-bucket-object-lock-enabled")
    if params.get("ACL") not in (None, "private"):
        raise refuse(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    answer = {"Location": f"/{name}", "BucketArn": f"arn:aws:s3:::{name}"}
    existing = BUCKETS.get(call.tx, name)
    if existing is not None:
        if existing.account != call.account:
            message = "The requested bucket name is not available. The bucket namespace is shared by all users of the "
            raise refuse("BucketAlreadyExists", message + "system. Please select a different name and try again.", 409)
        # S3 API reference: "in the us-east-1 Region … Amazon S3 returns 200 OK" to the owner.
        if call.region != DEFAULT_REGION:
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise refuse("BucketAlreadyOwnedByYou", message, 409, BucketName=name)
        return answer
    if len(BUCKETS.keys(call.tx)) >= MOST_BUCKETS:
        raise refuse("TooManyBuckets", "You have attempted to create more buckets than allowed")
    given = tags.of_set(configuration.get("Tags") or (), tags.MOST_OF_BUCKET)
    bucket = Bucket(
        name=name,
        account=call.account,
        region=call.region,
        created_at=call.now.replace(microsecond=0),
        tags=given if call.principal.service else tags.from_user(given),
        settings=_settings(params),
    )
    BUCKETS.put(call.tx, bucket)
    return answer


def _check_location(region: str, constraint: str | None) -> None:
    if constraint is None or constraint == (None if region == DEFAULT_REGION else region):
        return
    message = f"The {constraint} location constraint is incompatible for the region specific endpoint this request was "
    raise refuse("IllegalLocationConstraintException", message + "sent to.")


def _settings(params: Params) -> dict[str, Any]:
    """What a new bucket has.  S3 user guide: new buckets block public access."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    ownership = params.get("ObjectOwnership", "BucketOwnerEnforced")
    return {"public access": dict.fromkeys(names, True), "ownership": {"Rules": [{"ObjectOwnership": ownership}]}}


@honours()
def delete_bucket(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    first, end = f"{bucket.name}/", f"{bucket.name}/{BEHIND}"
    if next(VERSIONS.between(call.tx, first, end), None) is not None:
        raise refuse("BucketNotEmpty", "The bucket you tried to delete is not empty", 409, BucketName=bucket.name)
    for upload in list(UPLOADS.between(call.tx, first, end)):
        UPLOADS.forget(call.tx, upload_key(upload))
        for part in list(PARTS.between(call.tx, f"{upload.id}.", f"{upload.id}.{BEHIND}")):
            PARTS.forget(call.tx, part_key(upload.id, part.number))
            release(call.tx, part.content)
    BUCKETS.forget(call.tx, bucket.name)
    return {}


@honours()
def head_bucket(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    return {"BucketRegion": bucket.region, "AccessPointAlias": False, "BucketArn": f"arn:aws:s3:::{bucket.name}"}


@honours()
def get_bucket_location(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    return {"LocationConstraint": None if bucket.region == DEFAULT_REGION else bucket.region}


@honours("MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion")
def list_buckets(storage: Storage, call: Call, params: Params) -> Result:
    prefix, token = params.get("Prefix") or "", params.get("ContinuationToken")
    after = listing.place_of(token) if token else ""
    if after is None:
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
    mine = [
        bucket
        for bucket in BUCKETS.every(call.tx)
        if bucket.account == call.account
        and bucket.name.startswith(prefix)
        and bucket.name > after
        and params.get("BucketRegion", bucket.region) == bucket.region
    ]
    most = params.get("MaxBuckets") or MOST_BUCKETS
    shown = mine[:most]
    return {
        "Buckets": [_view(bucket) for bucket in shown],
        "Owner": owner(call.account),
        "ContinuationToken": listing.token(shown[-1].name) if len(mine) > most else None,
        "Prefix": prefix or None,
    }


def _view(bucket: Bucket) -> dict[str, Any]:
    return {
        "Name": bucket.name,
        "CreationDate": bucket.created_at,
        "BucketRegion": bucket.region,
        "BucketArn": f"arn:aws:s3:::{bucket.name}",
    }


@honours("VersioningConfiguration", "ChecksumAlgorithm", "ContentMD5")
def put_bucket_versioning(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    configuration = params["VersioningConfiguration"]
    if configuration.get("MFADelete", "Disabled") != "Disabled":
        raise not_implemented("MfaDelete")
    status = configuration.get("Status")
    if status is None:
        message = "The Versioning element must be specified"
        raise refuse("IllegalVersioningConfigurationException", message)
    BUCKETS.put(call.tx, replace(bucket, versioning=status))
    return {}


@honours()
def get_bucket_versioning(storage: Storage, call: Call, params: Params) -> Result:
    return {"Status": require_bucket(call.tx, call.account, params).versioning or None}


OPERATIONS = {
    "CreateBucket": create_bucket,
    "DeleteBucket": delete_bucket,
    "GetBucketLocation": get_bucket_location,
    "GetBucketVersioning": get_bucket_versioning,
    "HeadBucket": head_bucket,
    "ListBuckets": list_buckets,
    "PutBucketVersioning": put_bucket_versioning,
}
