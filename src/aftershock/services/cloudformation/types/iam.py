"""AWS::IAM, who there is: roles, profiles, users, groups, keys.  Their policies are in `iam_policies`."""

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

from .model import Doing, FailedError, ResourceType, Seen, found, tag_changes, unless_gone

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


def _bound(doing: Doing, kind: str, name: str, before: Mapping[str, Any]) -> None:
    """The permissions boundary of a role or user."""
    wanted = doing.properties.get("PermissionsBoundary")
    if wanted == before.get("PermissionsBoundary"):
        return
    who = {f"{kind}Name": name}
    if wanted is None:
        doing.ask("iam", f"Delete{kind}PermissionsBoundary", **who)
    else:
        doing.ask("iam", f"Put{kind}PermissionsBoundary", **who, PermissionsBoundary=wanted)


def _move(doing: Doing, kind: str, name: str, before: Mapping[str, Any]) -> None:
    """A user or group to its path."""
    wanted = doing.properties.get("Path", "/")
    if wanted != before.get("Path", "/"):
        doing.ask("iam", f"Update{kind}", **{f"{kind}Name": name}, NewPath=wanted)


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
    _bound(doing, "Role", name, before)
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
        "PermissionsBoundary": changing(STRING),
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


def _create_group(doing: Doing) -> str:
    name = doing.properties.get("GroupName") or doing.name(128)
    doing.ask("iam", "CreateGroup", GroupName=name, **doing.given("Path"))
    _policies(doing, "Group", name, {})
    return name


def _update_group(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    _move(doing, "Group", name, before)
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
        "Path": changing(STRING),
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
    _move(doing, "User", name, before)
    _bound(doing, "User", name, before)
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
        "Path": changing(STRING),
        "PermissionsBoundary": changing(STRING),
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
    return Seen({"Id": key_id}) if there else None


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
    attributes=("Id",),
    capability=IAM,
)


def _create_linked(doing: Doing) -> str:
    asked = doing.given("AWSServiceName", "CustomSuffix", "Description")
    return str(doing.ask("iam", "CreateServiceLinkedRole", **asked)["Role"]["RoleName"])


def _update_linked(doing: Doing, name: str, _before: Mapping[str, Any]) -> None:
    doing.ask("iam", "UpdateRoleDescription", RoleName=name, Description=doing.properties.get("Description", ""))


def _delete_linked(doing: Doing, name: str) -> None:
    task = found(lambda: doing.ask("iam", "DeleteServiceLinkedRole", RoleName=name), GONE)
    if task is None:
        return
    told = doing.ask("iam", "GetServiceLinkedRoleDeletionStatus", **task)
    if told["Status"] == "FAILED":
        used = [arn for one in told["Reason"]["RoleUsageList"] for arn in one["Resources"]]
        raise FailedError(f"{told['Reason']['Reason']} It is used by {', '.join(used)}.")


SERVICE_LINKED_ROLE = ResourceType(
    name="AWS::IAM::ServiceLinkedRole",
    properties={
        "AWSServiceName": fixed(STRING, required=True),
        "CustomSuffix": fixed(STRING),
        "Description": changing(STRING),
    },
    create=_create_linked,
    read=_reader("Role", {"RoleName": "RoleName"}),
    update=_update_linked,
    delete=_delete_linked,
    attributes=("RoleName",),
    capability=IAM,
)

TYPES = (ROLE, INSTANCE_PROFILE, GROUP, USER, ACCESS_KEY, SERVICE_LINKED_ROLE)
