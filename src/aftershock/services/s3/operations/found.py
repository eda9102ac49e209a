"""What operations look up and answer alike."""

import hashlib
from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Params, Tx
from aftershock.services.s3.records import BUCKETS, UPLOADS, Bucket, Described, Upload, Version
from aftershock.services.s3.rules import digests, tags
from aftershock.services.s3.rules.errors import (
    access_denied,
    no_such_bucket,
    no_such_upload,
    not_implemented,
    refuse,
)

DESCRIBING = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
REDIRECT = "WebsiteRedirectLocation"
ENCRYPTING = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
# What every write of an object takes beside its bytes.
WRITING = (*DESCRIBING, REDIRECT, *ENCRYPTING, "ACL", "Key", "Metadata", "StorageClass", "Tagging")
DEFAULT_TYPE = "binary/octet-stream"
MAX_METADATA_BYTES = 2048


def require_bucket(tx: Tx, account: str, params: Params) -> Bucket:
    """
    Raises:
        AwsError: NoSuchBucket, AccessDenied
    """
    bucket = BUCKETS.get(tx, params["Bucket"])
    if bucket is None:
        raise no_such_bucket(params["Bucket"])
    expected = params.get("ExpectedBucketOwner")
    if bucket.account != account or (expected is not None and expected != bucket.account):
        raise access_denied()
    return bucket


def require_upload(tx: Tx, params: Params) -> Upload:
    found = UPLOADS.where(tx, "id", params["UploadId"])
    upload = found[0] if found else None
    if upload is None or (upload.bucket, upload.key) != (params["Bucket"], params["Key"]):
        raise no_such_upload(params["UploadId"])
    return upload


def canonical_user(account: str) -> str:
    """The account's other name, of which S3 alone knows."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def owner(account: str) -> dict[str, str]:
    return {"ID": canonical_user(account)}


def described(bucket: Bucket, params: Params) -> Described:
    """What a request that writes an object says of it.

    Raises:
        AwsError: it says what is not honoured.
    """
    check_acl(bucket, params)
    if (storage_class := params.get("StorageClass")) not in (None, "STANDARD"):
        raise refuse("InvalidStorageClass", "The storage class you specified is not valid", StorageClass=storage_class)
    metadata = {name.lower(): value for name, value in (params.get("Metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > MAX_METADATA_BYTES:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise refuse("MetadataTooLarge", message, Size=size, MaxSizeAllowed=MAX_METADATA_BYTES)
    redirect = params.get(REDIRECT)
    if redirect is not None and not redirect.startswith(("/", "http://", "https://")):
        message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        raise refuse("InvalidRedirectLocation", message)
    return Described(
        headers={name: params[name] for name in (*DESCRIBING, REDIRECT) if params.get(name) is not None},
        metadata=metadata,
        tags=tags.of_header(params.get("Tagging") or ""),
        encryption=_encryption(bucket, params),
    )


def _encryption(bucket: Bucket, params: Params) -> dict[str, Any]:
    given = {name: params[name] for name in ENCRYPTING if params.get(name) is not None}
    if given.get("ServerSideEncryption") not in (None, "AES256", "aws:kms"):
        raise not_implemented("x-amz-server-side-encryption")
    if "ServerSideEncryption" in given:
        return given
    rules = bucket.settings.get("encryption", {}).get("Rules", [{}])
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
    return {
        "ServerSideEncryption": default.get("SSEAlgorithm", "AES256"),
        **({"SSEKMSKeyId": default["KMSMasterKeyID"]} if "KMSMasterKeyID" in default else {}),
        **({"BucketKeyEnabled": True} if rules[0].get("BucketKeyEnabled") else {}),
    }


def ownership(bucket: Bucket) -> str:
    rules = bucket.settings.get("ownership", {}).get("Rules", [])
    return str(rules[0]["ObjectOwnership"]) if rules else "BucketOwnerEnforced"


def check_acl(bucket: Bucket, params: Params) -> None:
    """Raises AwsError for every canned ACL that would give somebody else anything."""
    acl = params.get("ACL")
    if acl in (None, "bucket-owner-full-control"):
        return
    if ownership(bucket) == "BucketOwnerEnforced":
        raise refuse("AccessControlListNotSupported", "The bucket does not allow ACLs")
    if acl not in ("private", "bucket-owner-read"):
        raise not_implemented("x-amz-acl")


def told_encryption(described: Described) -> dict[str, Any]:
    return dict(described.encryption)


def told_version(version: Version, told: bool) -> dict[str, Any]:
    return {"VersionId": version.id} if told else {}


def etag(text: str) -> str:
    return f'"{text}"'


def checksums_asked(params: Mapping[str, Any]) -> frozenset[str]:
    given = digests.stated(params)
    return frozenset({given[0]} if given else ())
