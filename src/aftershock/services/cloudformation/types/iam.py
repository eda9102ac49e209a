"""AWS::IAM: roles, profiles, policies, users, groups, keys."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    INTEGER,
    JSON,
    STRING,
    STRINGS,
    TAGS,
    Property,
    changing,
    fixed,
    many,
    members,
)

from .model import Doing, ResourceType, Seen, found, tag_changes, unless_gone

GONE = "NoSuchEntity"
IAM, NAMED = "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"
POLICIES = many(members("PolicyName PolicyDocument", PolicyName=STRING, PolicyDocument=JSON))


def document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _policies(doing: Doing, kind: str, name: str, before: Mapping[str, Any]) -> None:
    """Inline and attached policies of a role, user or group, from what they were to what they are to be."""
    who = {f"{kind}Name": name}
    was = {one["PolicyName"]: one["PolicyDocument"] for one in before.get("Policies", [])}
    now = {one["PolicyName"]: one["PolicyDocument"] for one in doing.properties.get("Policies", [])}
    for gone in was.keys() - now.keys():
        doing.ask("iam", f"Delete{kind}Policy", **who, PolicyName=gone)
    for policy, body in now.items():
        if was.get(policy) != body:
            doing.ask("iam", f"Put{kind}Policy", **who, PolicyName=policy, PolicyDocument=document(body))
    attached, wanted = before.get("ManagedPolicyArns", []), doing.properties.get("ManagedPolicyArns", [])
    for arn in attached:
        if arn not in wanted:
            doing.ask("iam", f"Detach{kind}Policy", **who, PolicyArn=arn)
    for arn in wanted:
        if arn not in attached:
            doing.ask("iam", f"Attach{kind}Policy", **who, PolicyArn=arn)


def _strip(doing: Doing, kind: str, name: str) -> None:
    who = {f"{kind}Name": name}
    for policy in doing.ask("iam", f"List{kind}Policies", **who)["PolicyNames"]:
        doing.ask("iam", f"Delete{kind}Policy", **who, PolicyName=policy)
    for one in doing.ask("iam", f"ListAttached{kind}Policies", **who)["AttachedPolicies"]:
        doing.ask("iam", f"Detach{kind}Policy", **who, PolicyArn=one["PolicyArn"])


def _retag(doing: Doing, kind: str, name: str, before: Mapping[str, Any]) -> None:
    put, gone = tag_changes(before, doing.properties)
    if gone:
        doing.ask("iam", f"Untag{kind}", **{f"{kind}Name": name}, TagKeys=gone)
    if put:
        doing.ask("iam", f"Tag{kind}", **{f"{kind}Name": name}, Tags=put)


def _tags(doing: Doing) -> dict[str, Any]:
    tags = doing.tags("iam")
    return {"Tags": tags} if tags else {}


def _reader(kind: str, attributes: Mapping[str, str]) -> Callable[[Doing, str], Seen | None]:
    def read(doing: Doing, name: str) -> Seen | None:
        answer = found(lambda: doing.ask("iam", f"Get{kind}", **{f"{kind}Name": name}), GONE)
        if answer is None:
            return None
        return Seen({name: answer[kind][member] for name, member in attributes.items()})

    return read


def _create_role(doing: Doing) -> str:
    name = doing.properties.get("RoleName") or doing.name(64)
    doing.ask(
        "iam",
        "CreateRole",
        RoleName=name,
        AssumeRolePolicyDocument=document(doing.properties["AssumeRolePolicyDocument"]),
        **doing.given("Description", "MaxSessionDuration", "Path", "PermissionsBoundary"),
        **_tags(doing),
    )
    _policies(doing, "Role", name, {})
    return name


def _update_role(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    trust = doing.properties["AssumeRolePolicyDocument"]
    if trust != before.get("AssumeRolePolicyDocument"):
        doing.ask("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=document(trust))
    settings = {"Description": "", "MaxSessionDuration": 3600}
    if any(before.get(one) != doing.properties.get(one) for one in settings):
        doing.ask("iam", "UpdateRole", RoleName=name, **{**settings, **doing.given(*settings)})
    _policies(doing, "Role", name, before)
    _retag(doing, "Role", name, before)


def _delete_role(doing: Doing, name: str) -> None:
    def delete() -> None:
        _strip(doing, "Role", name)
        doing.ask("iam", "DeleteRole", RoleName=name)

    unless_gone(delete, GONE)


ROLE = ResourceType(
    name="AWS::IAM::Role",
    properties={
        "AssumeRolePolicyDocument": changing(JSON, required=True),
        "Description": changing(STRING),
        "ManagedPolicyArns": changing(STRINGS),
        "MaxSessionDuration": changing(INTEGER),
        "Path": fixed(STRING),
        "PermissionsBoundary": fixed(STRING),
        "Policies": changing(POLICIES),
        "RoleName": fixed(STRING),
        "Tags": changing(TAGS),
    },
    create=_create_role,
    read=_reader("Role", {"Arn": "Arn", "RoleId": "RoleId"}),
    update=_update_role,
    delete=_delete_role,
    attributes=("Arn", "RoleId"),
    tags="list",
    capability=IAM,
    identity="RoleName",
    named="RoleName",
)


def _create_profile(doing: Doing) -> str:
    name = doing.properties.get("InstanceProfileName") or doing.name(128)
    doing.ask("iam", "CreateInstanceProfile", InstanceProfileName=name, **doing.given("Path"))
    for role in doing.properties["Roles"]:
        doing.ask("iam", "AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=role)
    return name


def _update_profile(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    for role in before.get("Roles", []):
        if role not in doing.properties["Roles"]:
            doing.ask("iam", "RemoveRoleFromInstanceProfile", InstanceProfileName=name, RoleName=role)
    for role in doing.properties["Roles"]:
        if role not in before.get("Roles", []):
            doing.ask("iam", "AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=role)


def _delete_profile(doing: Doing, name: str) -> None:
    def delete() -> None:
        profile = doing.ask("iam", "GetInstanceProfile", InstanceProfileName=name)["InstanceProfile"]
        for role in profile["Roles"]:
            doing.ask("iam", "RemoveRoleFromInstanceProfile", InstanceProfileName=name, RoleName=role["RoleName"])
        doing.ask("iam", "DeleteInstanceProfile", InstanceProfileName=name)

    unless_gone(delete, GONE)


INSTANCE_PROFILE = ResourceType(
    name="AWS::IAM::InstanceProfile",
    properties={
        "InstanceProfileName": fixed(STRING),
        "Path": fixed(STRING),
        "Roles": changing(STRINGS, required=True),
    },
    create=_create_profile,
    read=_reader("InstanceProfile", {"Arn": "Arn"}),
    update=_update_profile,
    delete=_delete_profile,
    attributes=("Arn",),
    capability=IAM,
    named="InstanceProfileName",
)

_HOLDERS = {"Roles": "Role", "Users": "User", "Groups": "Group"}


def _holders(properties: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(kind, name) for many_, kind in _HOLDERS.items() for name in properties.get(many_, [])}


def _put_policy(doing: Doing, kind: str, holder: str) -> None:
    doing.ask(
        "iam",
        f"Put{kind}Policy",
        **{f"{kind}Name": holder},
        PolicyName=doing.properties["PolicyName"],
        PolicyDocument=document(doing.properties["PolicyDocument"]),
    )


def _drop_policy(doing: Doing, kind: str, holder: str, policy: str) -> None:
    unless_gone(lambda: doing.ask("iam", f"Delete{kind}Policy", **{f"{kind}Name": holder}, PolicyName=policy), GONE)


def _create_policy(doing: Doing) -> str:
    for kind, holder in sorted(_holders(doing.properties)):
        _put_policy(doing, kind, holder)
    return doing.name(64)


def _read_policy(doing: Doing, physical_id: str) -> Seen | None:
    """An inline policy is where its holders have it."""
    policy = doing.properties["PolicyName"]
    for kind, holder in _holders(doing.properties):
        asked = {f"{kind}Name": holder, "PolicyName": policy}
        if found(lambda kind=kind, asked=asked: doing.ask("iam", f"Get{kind}Policy", **asked), GONE):  # type: ignore[misc]
            return Seen({"Id": physical_id})
    return None


def _update_policy(doing: Doing, _physical_id: str, before: Mapping[str, Any]) -> None:
    was, now = _holders(before), _holders(doing.properties)
    for kind, holder in sorted(was - now):
        _drop_policy(doing, kind, holder, before["PolicyName"])
    for kind, holder in sorted(now):
        _put_policy(doing, kind, holder)


def _delete_policy(doing: Doing, _physical_id: str) -> None:
    for kind, holder in sorted(_holders(doing.properties)):
        _drop_policy(doing, kind, holder, doing.properties["PolicyName"])


def _has_holder(properties: Mapping[str, Any]) -> str | None:
    return None if _holders(properties) else "At least one of [Groups,Roles,Users] must be non-empty."


POLICY = ResourceType(
    name="AWS::IAM::Policy",
    properties={
        "PolicyName": fixed(STRING, required=True),
        "PolicyDocument": changing(JSON, required=True),
        **{name: changing(STRINGS) for name in _HOLDERS},
    },
    create=_create_policy,
    read=_read_policy,
    update=_update_policy,
    delete=_delete_policy,
    attributes=("Id",),
    capability=IAM,
    check=_has_holder,
)


def _create_managed(doing: Doing) -> str:
    name = doing.properties.get("ManagedPolicyName") or doing.name(128)
    body = document(doing.properties["PolicyDocument"])
    asked = doing.given("Description", "Path")
    arn = str(doing.ask("iam", "CreatePolicy", PolicyName=name, PolicyDocument=body, **asked)["Policy"]["Arn"])
    for kind, holder in sorted(_holders(doing.properties)):
        doing.ask("iam", f"Attach{kind}Policy", **{f"{kind}Name": holder}, PolicyArn=arn)
    return arn


def _read_managed(doing: Doing, arn: str) -> Seen | None:
    answer = found(lambda: doing.ask("iam", "GetPolicy", PolicyArn=arn), GONE)
    return Seen({"PolicyArn": arn, "PolicyId": answer["Policy"]["PolicyId"]}) if answer else None


def _update_managed(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    if doing.properties["PolicyDocument"] != before["PolicyDocument"]:
        versions = doing.ask("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]
        spare = [one["VersionId"] for one in versions if not one["IsDefaultVersion"]]
        if len(versions) >= 5:  # AWS: "A managed policy can have up to five versions"
            doing.ask("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=spare[-1])
        body = document(doing.properties["PolicyDocument"])
        doing.ask("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=body, SetAsDefault=True)
    was, now = _holders(before), _holders(doing.properties)
    for kind, holder in sorted(was - now):
        doing.ask("iam", f"Detach{kind}Policy", **{f"{kind}Name": holder}, PolicyArn=arn)
    for kind, holder in sorted(now - was):
        doing.ask("iam", f"Attach{kind}Policy", **{f"{kind}Name": holder}, PolicyArn=arn)


def _delete_managed(doing: Doing, arn: str) -> None:
    def delete() -> None:
        for one in doing.ask("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]:
            if not one["IsDefaultVersion"]:
                doing.ask("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=one["VersionId"])
        doing.ask("iam", "DeletePolicy", PolicyArn=arn)

    for kind, holder in sorted(_holders(doing.properties)):
        asked = {f"{kind}Name": holder, "PolicyArn": arn}
        unless_gone(lambda kind=kind, asked=asked: doing.ask("iam", f"Detach{kind}Policy", **asked), GONE)  # type: ignore[misc]
    unless_gone(delete, GONE)


MANAGED_POLICY = ResourceType(
    name="AWS::IAM::ManagedPolicy",
    properties={
        "Description": fixed(STRING),
        "ManagedPolicyName": fixed(STRING),
        "Path": fixed(STRING),
        "PolicyDocument": changing(JSON, required=True),
        **{name: changing(STRINGS) for name in _HOLDERS},
    },
    create=_create_managed,
    read=_read_managed,
    update=_update_managed,
    delete=_delete_managed,
    attributes=("PolicyArn", "PolicyId"),
    capability=IAM,
    named="ManagedPolicyName",
)


def _create_group(doing: Doing) -> str:
    name = doing.properties.get("GroupName") or doing.name(128)
    doing.ask("iam", "CreateGroup", GroupName=name, **doing.given("Path"))
    _policies(doing, "Group", name, {})
    return name


def _update_group(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    _policies(doing, "Group", name, before)


def _delete_group(doing: Doing, name: str) -> None:
    def delete() -> None:
        _strip(doing, "Group", name)
        doing.ask("iam", "DeleteGroup", GroupName=name)

    unless_gone(delete, GONE)


GROUP = ResourceType(
    name="AWS::IAM::Group",
    properties={
        "GroupName": fixed(STRING),
        "ManagedPolicyArns": changing(STRINGS),
        "Path": fixed(STRING),
        "Policies": changing(POLICIES),
    },
    create=_create_group,
    read=_reader("Group", {"Arn": "Arn"}),
    update=_update_group,
    delete=_delete_group,
    attributes=("Arn",),
    capability=IAM,
    identity="GroupName",
    named="GroupName",
)


def _create_user(doing: Doing) -> str:
    name = doing.properties.get("UserName") or doing.name(64)
    doing.ask("iam", "CreateUser", UserName=name, **doing.given("Path", "PermissionsBoundary"), **_tags(doing))
    _memberships(doing, name, {})
    _policies(doing, "User", name, {})
    return name


def _memberships(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    was, now = before.get("Groups", []), doing.properties.get("Groups", [])
    for group in was:
        if group not in now:
            doing.ask("iam", "RemoveUserFromGroup", GroupName=group, UserName=name)
    for group in now:
        if group not in was:
            doing.ask("iam", "AddUserToGroup", GroupName=group, UserName=name)


def _update_user(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    _memberships(doing, name, before)
    _policies(doing, "User", name, before)
    _retag(doing, "User", name, before)


def _delete_user(doing: Doing, name: str) -> None:
    def delete() -> None:
        _strip(doing, "User", name)
        for group in doing.ask("iam", "ListGroupsForUser", UserName=name)["Groups"]:
            doing.ask("iam", "RemoveUserFromGroup", GroupName=group["GroupName"], UserName=name)
        doing.ask("iam", "DeleteUser", UserName=name)

    unless_gone(delete, GONE)


USER = ResourceType(
    name="AWS::IAM::User",
    properties={
        "Groups": changing(STRINGS),
        "ManagedPolicyArns": changing(STRINGS),
        "Path": fixed(STRING),
        "PermissionsBoundary": fixed(STRING),
        "Policies": changing(POLICIES),
        "Tags": changing(TAGS),
        "UserName": fixed(STRING),
    },
    create=_create_user,
    read=_reader("User", {"Arn": "Arn"}),
    update=_update_user,
    delete=_delete_user,
    attributes=("Arn",),
    tags="list",
    capability=IAM,
    identity="UserName",
    named="UserName",
)


def _create_key(doing: Doing) -> str:
    key = doing.ask("iam", "CreateAccessKey", UserName=doing.properties["UserName"])["AccessKey"]
    _key_status(doing, key["AccessKeyId"])
    return str(key["AccessKeyId"])


def _key_status(doing: Doing, key_id: str) -> None:
    status = doing.properties.get("Status", "Active")
    doing.ask("iam", "UpdateAccessKey", UserName=doing.properties["UserName"], AccessKeyId=key_id, Status=status)


def _read_key(doing: Doing, key_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("iam", "ListAccessKeys", UserName=doing.properties["UserName"]), GONE)
    there = answer is not None and any(key["AccessKeyId"] == key_id for key in answer["AccessKeyMetadata"])
    return Seen() if there else None


def _update_key(doing: Doing, key_id: str, _before: Mapping[str, Any]) -> None:
    _key_status(doing, key_id)


def _delete_key(doing: Doing, key_id: str) -> None:
    user = doing.properties["UserName"]
    unless_gone(lambda: doing.ask("iam", "DeleteAccessKey", UserName=user, AccessKeyId=key_id), GONE)


_KEY_PROPERTIES: dict[str, Property] = {
    "Serial": fixed(INTEGER),
    "Status": changing(STRING),
    "UserName": fixed(STRING, required=True),
}
# Its secret is told once, by the operation that makes it, and lies nowhere here: Fn::GetAtt of it is refused.
ACCESS_KEY = ResourceType(
    name="AWS::IAM::AccessKey",
    properties=_KEY_PROPERTIES,
    create=_create_key,
    read=_read_key,
    update=_update_key,
    delete=_delete_key,
    capability=IAM,
)

TYPES = (ROLE, INSTANCE_PROFILE, POLICY, MANAGED_POLICY, GROUP, USER, ACCESS_KEY)
