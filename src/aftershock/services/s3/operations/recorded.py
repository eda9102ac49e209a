"""What is said of a bucket and shown again, without effect here: the README lists it as recorded only."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.s3 import versions
from aftershock.services.s3.records import BUCKETS, Bucket
from aftershock.services.s3.rules.errors import malformed_xml, not_implemented, refuse
from aftershock.services.s3.rules.parameters import Served, honours
from aftershock.services.s3.storage import Storage

from .found import check_acl, owner, require_bucket

DEFAULT_ENCRYPTION = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}
MOST_POLICY_BYTES = 20 * 1024  # S3 user guide: "Bucket policies are limited to 20 KB in size."


def _no_check(bucket: Bucket, value: Any) -> None:
    """Everything that the model allows."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One of a bucket's settings; `inner` where the answer holds the members of what was put, and not itself."""

    name: str
    member: str
    put: str
    get: str
    delete: str
    missing: tuple[str, str]  # the code and the message where there is none
    inner: bool = False
    default: Mapping[str, Any] | None = None
    check: Callable[[Bucket, Any], None] = _no_check
    takes: tuple[str, ...] = field(default=("ContentMD5", "ChecksumAlgorithm"))

    def operations(self) -> dict[str, Served]:
        @honours(self.member, *self.takes)
        def put(storage: Storage, call: Call, params: Params) -> Result:
            bucket = require_bucket(call.tx, call.account, params)
            self.check(bucket, params.get(self.member))
            settings = {**bucket.settings, self.name: params.get(self.member) or {}}
            BUCKETS.put(call.tx, replace(bucket, settings=settings))
            return {}

        @honours()
        def get(storage: Storage, call: Call, params: Params) -> Result:
            bucket = require_bucket(call.tx, call.account, params)
            value = bucket.settings.get(self.name, self.default)
            if value is None:
                code, message = self.missing
                raise refuse(code, message, 404, BucketName=bucket.name)
            return dict(value) if self.inner else {self.member: value}

        @honours()
        def delete(storage: Storage, call: Call, params: Params) -> Result:
            bucket = require_bucket(call.tx, call.account, params)
            settings = {name: value for name, value in bucket.settings.items() if name != self.name}
            BUCKETS.put(call.tx, replace(bucket, settings=settings))
            return {}

        return {self.put: put, self.get: get, self.delete: delete}


def _check_policy(bucket: Bucket, text: str) -> None:
    """S3's "MalformedPolicy"; what it grants is not looked at."""
    if len(text.encode()) > MOST_POLICY_BYTES:
        raise _malformed("The policy exceeds the maximum allowed size of 20480 bytes")
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise _malformed("This policy contains invalid Json") from None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise _malformed("Missing required field Statement")
    if policy.get("Version") not in (None, "2012-10-17", "2008-10-17"):
        raise _malformed("The policy must contain a valid version string")
    for statement in statements:
        for name in ("Effect", "Principal", "Action", "Resource"):
            if not isinstance(statement, dict) or not statement.keys() & {name, f"Not{name}"}:
                raise _malformed(f"Missing required field {name}")
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise _malformed(f"Invalid effect: {statement.get('Effect')}")
        arn = f"arn:aws:s3:::{bucket.name}"
        for resource in _texts(statement.get("Resource", statement.get("NotResource"))):
            if resource != arn and not resource.startswith((f"{arn}/", f"{arn}*")) and resource != "*":
                raise _malformed("Policy has invalid resource")


def _texts(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str):
            raise _malformed("Policy has invalid resource")
        yield one


def _malformed(message: str) -> Exception:
    return refuse("MalformedPolicy", message)


def _check_lifecycle(bucket: Bucket, configuration: Mapping[str, Any] | None) -> None:
    rules = (configuration or {}).get("Rules") or []
    if not 1 <= len(rules) <= 1000:
        raise malformed_xml()
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(ids) != len(set(ids)):
        raise refuse("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
    for rule in rules:
        dates = [rule.get("Expiration") or {}, *(rule.get("Transitions") or ())]
        if any("Date" in one for one in dates):
            raise not_implemented("Date in a lifecycle rule")


def _check_ownership(bucket: Bucket, controls: Mapping[str, Any]) -> None:
    if len(controls["Rules"]) != 1:
        raise malformed_xml()


def _check_encryption(bucket: Bucket, configuration: Mapping[str, Any]) -> None:
    if len(configuration["Rules"]) != 1:
        raise malformed_xml()


def _check_cors(bucket: Bucket, configuration: Mapping[str, Any]) -> None:
    if not 1 <= len(configuration["CORSRules"]) <= 100:
        raise malformed_xml()


SETTINGS = (
    Setting(
        name="policy",
        member="Policy",
        put="PutBucketPolicy",
        get="GetBucketPolicy",
        delete="DeleteBucketPolicy",
        missing=("NoSuchBucketPolicy", "The bucket policy does not exist"),
        check=_check_policy,
        takes=("ContentMD5", "ChecksumAlgorithm", "ConfirmRemoveSelfBucketAccess"),
    ),
    Setting(
        name="public access",
        member="PublicAccessBlockConfiguration",
        put="PutPublicAccessBlock",
        get="GetPublicAccessBlock",
        delete="DeletePublicAccessBlock",
        missing=(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
    ),
    Setting(
        name="encryption",
        member="ServerSideEncryptionConfiguration",
        put="PutBucketEncryption",
        get="GetBucketEncryption",
        delete="DeleteBucketEncryption",
        missing=(
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        ),
        default=DEFAULT_ENCRYPTION,
        check=_check_encryption,
    ),
    Setting(
        name="ownership",
        member="OwnershipControls",
        put="PutBucketOwnershipControls",
        get="GetBucketOwnershipControls",
        delete="DeleteBucketOwnershipControls",
        missing=("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
        check=_check_ownership,
    ),
    Setting(
        name="lifecycle",
        member="LifecycleConfiguration",
        put="PutBucketLifecycleConfiguration",
        get="GetBucketLifecycleConfiguration",
        delete="DeleteBucketLifecycle",
        missing=("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
        inner=True,
        check=_check_lifecycle,
        takes=("ChecksumAlgorithm",),
    ),
    Setting(
        name="cors",
        member="CORSConfiguration",
        put="PutBucketCors",
        get="GetBucketCors",
        delete="DeleteBucketCors",
        missing=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        inner=True,
        check=_check_cors,
    ),
)


@honours("ACL", "ContentMD5", "ChecksumAlgorithm")
def put_bucket_acl(storage: Storage, call: Call, params: Params) -> Result:
    check_acl(require_bucket(call.tx, call.account, params), params)
    return {}


@honours()
def get_bucket_acl(storage: Storage, call: Call, params: Params) -> Result:
    return _acl(require_bucket(call.tx, call.account, params))


@honours("ACL", "ContentMD5", "ChecksumAlgorithm", "Key", "VersionId")
def put_object_acl(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    versions.require(call.tx, bucket, params["Key"], params.get("VersionId"))
    check_acl(bucket, params)
    return {}


@honours("Key", "VersionId")
def get_object_acl(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    versions.require(call.tx, bucket, params["Key"], params.get("VersionId"))
    return _acl(bucket)


def _acl(bucket: Bucket) -> Result:
    """The owner has everything, and nobody else anything."""
    told = owner(bucket.account)
    return {"Owner": told, "Grants": [{"Grantee": {**told, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}


def _never_set(answer: Mapping[str, Any], missing: tuple[str, str] | None = None) -> Served:
    """What a bucket here cannot have is asked for by many clients; the answer is that of a bucket without it."""

    @honours()
    def get(storage: Storage, call: Call, params: Params) -> Result:
        bucket = require_bucket(call.tx, call.account, params)
        if missing is not None:
            raise refuse(*missing, 404, BucketName=bucket.name)
        return dict(answer)

    return get


OPERATIONS: dict[str, Served] = {
    **{name: operation for setting in SETTINGS for name, operation in setting.operations().items()},
    "GetBucketAccelerateConfiguration": _never_set({}),
    "GetBucketAcl": get_bucket_acl,
    "GetBucketLogging": _never_set({}),
    "GetBucketNotificationConfiguration": _never_set({}),
    "GetBucketReplication": _never_set(
        {}, ("ReplicationConfigurationNotFoundError", "The replication configuration was not found")
    ),
    "GetBucketRequestPayment": _never_set({"Payer": "BucketOwner"}),
    "GetBucketWebsite": _never_set(
        {}, ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
    ),
    "GetObjectAcl": get_object_acl,
    "GetObjectLockConfiguration": _never_set(
        {}, ("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
    ),
    "PutBucketAcl": put_bucket_acl,
    "PutObjectAcl": put_object_acl,
}
