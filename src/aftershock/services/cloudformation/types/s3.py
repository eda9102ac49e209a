"""AWS::S3: buckets and their policies."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    INTEGER,
    JSON,
    STRING,
    STRINGS,
    TAGS,
    changing,
    fixed,
    many,
    members,
)

from .model import Doing, FailedError, ResourceType, Seen, found, unless_gone

NO_BUCKET = ("NoSuchBucket", "NotFound", "404")
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_SSE = members("SSEAlgorithm", SSEAlgorithm=STRING, KMSMasterKeyID=STRING)
_ENCRYPTION = members(
    "ServerSideEncryptionConfiguration",
    ServerSideEncryptionConfiguration=many(members(ServerSideEncryptionByDefault=_SSE, BucketKeyEnabled=BOOLEAN)),
)
_TRANSITION = members("StorageClass", StorageClass=STRING, TransitionInDays=INTEGER)
_NONCURRENT = members(
    "StorageClass TransitionInDays", NewerNoncurrentVersions=INTEGER, StorageClass=STRING, TransitionInDays=INTEGER
)
_LIFECYCLE = members(
    "Rules",
    Rules=many(
        members(
            "Status",
            AbortIncompleteMultipartUpload=members("DaysAfterInitiation", DaysAfterInitiation=INTEGER),
            ExpirationInDays=INTEGER,
            ExpiredObjectDeleteMarker=BOOLEAN,
            Id=STRING,
            NoncurrentVersionExpiration=members(
                "NoncurrentDays", NoncurrentDays=INTEGER, NewerNoncurrentVersions=INTEGER
            ),
            NoncurrentVersionExpirationInDays=INTEGER,
            NoncurrentVersionTransition=_NONCURRENT,
            NoncurrentVersionTransitions=many(_NONCURRENT),
            ObjectSizeGreaterThan=STRING,
            ObjectSizeLessThan=STRING,
            Prefix=STRING,
            Status=STRING,
            TagFilters=TAGS,
            Transition=_TRANSITION,
            Transitions=many(_TRANSITION),
        )
    ),
)
_CORS = members(
    "CorsRules",
    CorsRules=many(
        members(
            "AllowedMethods AllowedOrigins",
            AllowedHeaders=STRINGS,
            AllowedMethods=STRINGS,
            AllowedOrigins=STRINGS,
            ExposedHeaders=STRINGS,
            Id=STRING,
            MaxAge=INTEGER,
        )
    ),
)


def _ask(doing: Doing, operation: str, bucket: str, **params: Any) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = doing.ask("s3", operation, Bucket=bucket, **params)
    return answer


def _renamed(value: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """With the members that the API calls otherwise; what is not named keeps its name."""
    return {names.get(name, name): inner for name, inner in value.items()}


def _encryption(given: Mapping[str, Any]) -> dict[str, Any]:
    rules = given["ServerSideEncryptionConfiguration"]
    return {
        "Rules": [_renamed(rule, ServerSideEncryptionByDefault="ApplyServerSideEncryptionByDefault") for rule in rules]
    }


def _lifecycle(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in given["Rules"]]}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Status": rule["Status"], "Filter": _filter(rule)}
    made |= {
        name: rule[name] for name in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration") if name in rule
    }
    if "Id" in rule:
        made["ID"] = rule["Id"]
    expiration = {"ExpirationInDays": "Days", "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}
    if any(name in rule for name in expiration):
        made["Expiration"] = {wire: rule[name] for name, wire in expiration.items() if name in rule}
    if "NoncurrentVersionExpirationInDays" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    for name, days in (("Transition", "Days"), ("NoncurrentVersionTransition", "NoncurrentDays")):
        # AWS: the property of the singular is an older way to give the only one.
        every = [*([rule[name]] if name in rule else []), *rule.get(f"{name}s", [])]
        if every:
            made[f"{name}s"] = [_transition(one, days) for one in every]
    return made


def _transition(given: Mapping[str, Any], days: str) -> dict[str, Any]:
    made = _renamed(given, TransitionInDays=days)
    return {**made, "StorageClass": "GLACIER" if made["StorageClass"] == "Glacier" else made["StorageClass"]}


def _filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What the rule is about: one thing stands for itself, more of them in an `And`."""
    parts: dict[str, Any] = {"Prefix": rule["Prefix"]} if "Prefix" in rule else {}
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if name in rule:
            if not rule[name].isdecimal():
                raise FailedError(f"Value of property {name} must be a number of bytes")
            parts[name] = int(rule[name])
    tags = rule.get("TagFilters", [])
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    if tags:
        return {"Tag": tags[0]}
    return parts or {"Prefix": ""}


def _cors(given: Mapping[str, Any]) -> dict[str, Any]:
    rules = given["CorsRules"]
    return {
        "CORSRules": [_renamed(rule, ExposedHeaders="ExposeHeaders", Id="ID", MaxAge="MaxAgeSeconds") for rule in rules]
    }


def _same(given: Mapping[str, Any]) -> dict[str, Any]:
    return dict(given)


# A property; how it is put, as which parameter and in which words; how it is taken away.
_SETTINGS: tuple[tuple[str, str, str, Callable[[Mapping[str, Any]], dict[str, Any]], str], ...] = (
    (
        *("BucketEncryption", "PutBucketEncryption", "ServerSideEncryptionConfiguration"),
        *(_encryption, "DeleteBucketEncryption"),
    ),
    (
        *("PublicAccessBlockConfiguration", "PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
        *(_same, "DeletePublicAccessBlock"),
    ),
    (
        *("OwnershipControls", "PutBucketOwnershipControls", "OwnershipControls"),
        *(_same, "DeleteBucketOwnershipControls"),
    ),
    (
        *("LifecycleConfiguration", "PutBucketLifecycleConfiguration", "LifecycleConfiguration"),
        *(_lifecycle, "DeleteBucketLifecycle"),
    ),
    ("CorsConfiguration", "PutBucketCors", "CORSConfiguration", _cors, "DeleteBucketCors"),
)


def _settle(doing: Doing, bucket: str, before: Mapping[str, Any]) -> None:
    for name, put, parameter, spelt, delete in _SETTINGS:
        wanted = doing.properties.get(name)
        if wanted == before.get(name):
            continue
        if wanted is None:
            _ask(doing, delete, bucket)
        else:
            _ask(doing, put, bucket, **{parameter: spelt(wanted)})
    versioning, was = doing.properties.get("VersioningConfiguration"), before.get("VersioningConfiguration")
    if versioning != was:
        # AWS: what was versioned once can only be suspended.
        _ask(doing, "PutBucketVersioning", bucket, VersioningConfiguration=versioning or {"Status": "Suspended"})
    tags = doing.tags("s3")
    if doing.properties.get("Tags", []) != before.get("Tags", []):
        if tags:
            _ask(doing, "PutBucketTagging", bucket, Tagging={"TagSet": tags})
        else:
            _ask(doing, "DeleteBucketTagging", bucket)


def _create(doing: Doing) -> str:
    bucket = str(doing.properties.get("BucketName") or doing.name(63, lower=True))
    if _read(doing, bucket) is not None:  # to ask for one's own bucket again is no error of S3's here
        raise FailedError(f"{bucket} already exists")
    _ask(doing, "CreateBucket", bucket)
    _settle(doing, bucket, {})
    return bucket


def _read(doing: Doing, bucket: str) -> Seen | None:
    if found(lambda: doing.ask("s3", "HeadBucket", Bucket=bucket), *NO_BUCKET) is None:
        return None
    return Seen(
        {
            "Arn": f"arn:aws:s3:::{bucket}",
            "DomainName": f"{bucket}.s3.amazonaws.com",
            "DualStackDomainName": f"{bucket}.s3.dualstack.{doing.region}.amazonaws.com",
            "RegionalDomainName": f"{bucket}.s3.{doing.region}.amazonaws.com",
        }
    )


def _update(doing: Doing, bucket: str, before: Mapping[str, Any]) -> None:
    _settle(doing, bucket, before)


def _delete(doing: Doing, bucket: str) -> None:
    unless_gone(lambda: _ask(doing, "DeleteBucket", bucket), *NO_BUCKET)


def _wrong(properties: Mapping[str, Any]) -> str | None:
    if properties.get("AccessControl", "Private") != "Private":
        return "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    return None


BUCKET = ResourceType(
    name="AWS::S3::Bucket",
    identity="BucketName",
    properties={
        "AccessControl": changing(STRING),
        "BucketEncryption": changing(_ENCRYPTION),
        "BucketName": fixed(STRING),
        "CorsConfiguration": changing(_CORS),
        "LifecycleConfiguration": changing(_LIFECYCLE),
        "OwnershipControls": changing(members("Rules", Rules=many(members(ObjectOwnership=STRING)))),
        "PublicAccessBlockConfiguration": changing(members(**dict.fromkeys(_BLOCKS, BOOLEAN))),
        "Tags": changing(TAGS),
        "VersioningConfiguration": changing(members("Status", Status=STRING)),
    },
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    attributes=("Arn", "DomainName", "DualStackDomainName", "RegionalDomainName"),
    tags="list",
    check=_wrong,
)


def _put_policy(doing: Doing) -> str:
    bucket = str(doing.properties["Bucket"])
    document = doing.properties["PolicyDocument"]
    _ask(doing, "PutBucketPolicy", bucket, Policy=document if isinstance(document, str) else json.dumps(document))
    return bucket


def _read_policy(doing: Doing, bucket: str) -> Seen | None:
    gone = (*NO_BUCKET, "NoSuchBucketPolicy")
    return None if found(lambda: doing.ask("s3", "GetBucketPolicy", Bucket=bucket), *gone) is None else Seen()


def _update_policy(doing: Doing, _bucket: str, _before: Mapping[str, Any]) -> None:
    _put_policy(doing)


def _delete_policy(doing: Doing, bucket: str) -> None:
    unless_gone(lambda: _ask(doing, "DeleteBucketPolicy", bucket), *NO_BUCKET, "NoSuchBucketPolicy")


POLICY = ResourceType(
    name="AWS::S3::BucketPolicy",
    properties={"Bucket": fixed(STRING, required=True), "PolicyDocument": changing(JSON, required=True)},
    create=_put_policy,
    read=_read_policy,
    update=_update_policy,
    delete=_delete_policy,
)

TYPES = (BUCKET, POLICY)
