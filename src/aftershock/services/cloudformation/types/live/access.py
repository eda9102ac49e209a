"""People, what is allowed to them, and what is only written down, as it is just now."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.types.model import Doing, found

from .words import Live, named, policy, tags


def _attached(doing: Doing, kind: str, name: str) -> list[str]:
    answer = doing.ask("iam", f"ListAttached{kind}Policies", **{f"{kind}Name": name})
    return [one["PolicyArn"] for one in answer["AttachedPolicies"]]


def _inline(doing: Doing, kind: str, name: str) -> list[dict[str, Any]]:
    who = {f"{kind}Name": name}
    return [
        {
            "PolicyName": one,
            "PolicyDocument": policy(doing.ask("iam", f"Get{kind}Policy", **who, PolicyName=one)["PolicyDocument"]),
        }
        for one in doing.ask("iam", f"List{kind}Policies", **who)["PolicyNames"]
    ]


def _bound(described: Mapping[str, Any]) -> str | None:
    boundary: str | None = described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return boundary


def _role(doing: Doing, name: str) -> Mapping[str, Any]:
    role = doing.ask("iam", "GetRole", RoleName=name)["Role"]
    return {
        **named(role, "Description", "MaxSessionDuration", "Path"),
        "AssumeRolePolicyDocument": policy(role["AssumeRolePolicyDocument"]),
        "ManagedPolicyArns": _attached(doing, "Role", name),
        "Policies": _inline(doing, "Role", name),
        "PermissionsBoundary": _bound(role),
        "Tags": tags(role),
    }


def _linked_role(doing: Doing, name: str) -> Mapping[str, Any]:
    return named(doing.ask("iam", "GetRole", RoleName=name)["Role"], "Description")


def _user(doing: Doing, name: str) -> Mapping[str, Any]:
    user = doing.ask("iam", "GetUser", UserName=name)["User"]
    groups = doing.ask("iam", "ListGroupsForUser", UserName=name)["Groups"]
    return {
        "Groups": [group["GroupName"] for group in groups],
        "ManagedPolicyArns": _attached(doing, "User", name),
        "Policies": _inline(doing, "User", name),
        "Path": user["Path"],
        "PermissionsBoundary": _bound(user),
        "Tags": tags(user),
    }


def _group(doing: Doing, name: str) -> Mapping[str, Any]:
    group = doing.ask("iam", "GetGroup", GroupName=name)["Group"]
    return {
        "ManagedPolicyArns": _attached(doing, "Group", name),
        "Path": group["Path"],
        "Policies": _inline(doing, "Group", name),
    }


def _profile(doing: Doing, name: str) -> Mapping[str, Any]:
    profile = doing.ask("iam", "GetInstanceProfile", InstanceProfileName=name)["InstanceProfile"]
    return {"Path": profile["Path"], "Roles": [role["RoleName"] for role in profile["Roles"]]}


def _managed_policy(doing: Doing, arn: str) -> Mapping[str, Any]:
    managed = doing.ask("iam", "GetPolicy", PolicyArn=arn)["Policy"]
    version = doing.ask("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=managed["DefaultVersionId"])
    return {"Path": managed["Path"], "PolicyDocument": policy(version["PolicyVersion"]["Document"])}


def _policy_of(kind: str) -> Live:
    def live(doing: Doing, _physical_id: str) -> Mapping[str, Any]:
        held = doing.given(f"{kind}Name", "PolicyName")
        return {"PolicyDocument": policy(doing.ask("iam", f"Get{kind}Policy", **held)["PolicyDocument"])}

    return live


def _access_key(doing: Doing, key_id: str) -> Mapping[str, Any]:
    keys = doing.ask("iam", "ListAccessKeys", UserName=doing.properties["UserName"])["AccessKeyMetadata"]
    return {"Status": next(key["Status"] for key in keys if key["AccessKeyId"] == key_id)}


def _parameter(doing: Doing, name: str) -> Mapping[str, Any]:
    listed = doing.ask("ssm", "ListTagsForResource", ResourceType="Parameter", ResourceId=name)
    return {
        **named(doing.ask("ssm", "GetParameter", Name=name)["Parameter"], "DataType", "Type", "Value"),
        "Tags": {tag["Key"]: tag["Value"] for tag in tags(listed, "TagList")},
    }


# How a bucket's setting is asked for, in which member it is answered, and how it is said that there is none.
_SETTINGS = {
    "OwnershipControls": ("GetBucketOwnershipControls", "OwnershipControls", "OwnershipControlsNotFoundError"),
    "PublicAccessBlockConfiguration": (
        *("GetPublicAccessBlock", "PublicAccessBlockConfiguration"),
        "NoSuchPublicAccessBlockConfiguration",
    ),
    "Tags": ("GetBucketTagging", "TagSet", "NoSuchTagSet"),
}


def _bucket(doing: Doing, bucket: str) -> Mapping[str, Any]:
    made: dict[str, Any] = {}
    for name, (operation, member, missing) in _SETTINGS.items():
        answer = found(lambda asked=operation: doing.ask("s3", asked, Bucket=bucket), missing)  # type: ignore[misc]
        made[name] = None if answer is None else answer[member]
    made["VersioningConfiguration"] = doing.ask("s3", "GetBucketVersioning", Bucket=bucket)
    return made


def _bucket_policy(doing: Doing, bucket: str) -> Mapping[str, Any]:
    return {"PolicyDocument": policy(doing.ask("s3", "GetBucketPolicy", Bucket=bucket)["Policy"])}


LIVE: Mapping[str, Live] = {
    "AWS::IAM::AccessKey": _access_key,
    "AWS::IAM::Group": _group,
    "AWS::IAM::GroupPolicy": _policy_of("Group"),
    "AWS::IAM::InstanceProfile": _profile,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::IAM::RolePolicy": _policy_of("Role"),
    "AWS::IAM::ServiceLinkedRole": _linked_role,
    "AWS::IAM::User": _user,
    "AWS::IAM::UserPolicy": _policy_of("User"),
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SSM::Parameter": _parameter,
}
