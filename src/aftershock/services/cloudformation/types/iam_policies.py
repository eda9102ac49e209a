"""AWS::IAM, what is allowed to whom: inline and managed policies, and who is in which group."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aftershock.services.cloudformation.rules.schema import JSON, STRING, STRINGS, changing, fixed

from .iam import GONE, IAM, document
from .model import Doing, ResourceType, Seen, found, unless_gone

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
    renamed = before["PolicyName"] != doing.properties["PolicyName"]
    for kind, holder in sorted(was if renamed else was - now):
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
        "PolicyName": changing(STRING, required=True),
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


_TOLD = ("AttachmentCount", "DefaultVersionId", "IsAttachable", "PermissionsBoundaryUsageCount", "PolicyId")
_TIMES = ("CreateDate", "UpdateDate")


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_managed(doing: Doing, arn: str) -> Seen | None:
    answer = found(lambda: doing.ask("iam", "GetPolicy", PolicyArn=arn), GONE)
    if answer is None:
        return None
    policy = answer["Policy"]
    return Seen(
        {"PolicyArn": arn, **{name: policy[name] for name in _TOLD}, **{name: _time(policy[name]) for name in _TIMES}}
    )


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
    attributes=("PolicyArn", *_TOLD, *_TIMES),
    capability=IAM,
    named="ManagedPolicyName",
)


def _inline(kind: str) -> ResourceType:
    """One inline policy of one role, user or group."""
    who = f"{kind}Name"

    def held(doing: Doing) -> dict[str, Any]:
        return doing.given(who, "PolicyName")

    def create(doing: Doing) -> str:
        _put_policy(doing, kind, doing.properties[who])
        return f"{doing.properties['PolicyName']}|{doing.properties[who]}"

    def read(doing: Doing, _physical_id: str) -> Seen | None:
        there = found(lambda: doing.ask("iam", f"Get{kind}Policy", **held(doing)), GONE)
        return Seen() if there else None

    def update(doing: Doing, _physical_id: str, _before: Mapping[str, Any]) -> None:
        _put_policy(doing, kind, doing.properties[who])

    def delete(doing: Doing, _physical_id: str) -> None:
        unless_gone(lambda: doing.ask("iam", f"Delete{kind}Policy", **held(doing)), GONE)

    return ResourceType(
        name=f"AWS::IAM::{kind}Policy",
        properties={
            # AWS's schema does not require it, and IAM refuses a policy without a document.
            "PolicyDocument": changing(JSON, required=True),
            "PolicyName": fixed(STRING, required=True),
            who: fixed(STRING, required=True),
        },
        create=create,
        read=read,
        update=update,
        delete=delete,
        capability=IAM,
    )


def _add_users(doing: Doing) -> str:
    for user in doing.properties["Users"]:
        doing.ask("iam", "AddUserToGroup", GroupName=doing.properties["GroupName"], UserName=user)
    return doing.name(128)


def _members(doing: Doing) -> set[str]:
    """Everybody in the group, whoever added them."""
    found_: set[str] = set()
    more: dict[str, Any] = {}
    while True:
        asked = {"GroupName": doing.properties["GroupName"], **more}
        answer = found(lambda asked=asked: doing.ask("iam", "GetGroup", **asked), GONE)  # type: ignore[misc]
        if answer is None:
            return set()
        found_ |= {user["UserName"] for user in answer["Users"]}
        if not answer.get("IsTruncated"):
            return found_
        more = {"Marker": answer["Marker"]}


def _read_addition(doing: Doing, physical_id: str) -> Seen | None:
    return Seen({"Id": physical_id}) if _members(doing) & set(doing.properties["Users"]) else None


def _update_addition(doing: Doing, physical_id: str, before: Mapping[str, Any]) -> None:
    _remove(doing, before["GroupName"], _left(before, doing.properties))
    _add_users(doing)


def _left(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    same_group = before["GroupName"] == after["GroupName"]
    return [user for user in before["Users"] if not (same_group and user in after["Users"])]


def _remove(doing: Doing, group: str, users: list[str]) -> None:
    for user in users:
        asked = {"GroupName": group, "UserName": user}
        unless_gone(lambda asked=asked: doing.ask("iam", "RemoveUserFromGroup", **asked), GONE)  # type: ignore[misc]


def _delete_addition(doing: Doing, _physical_id: str) -> None:
    _remove(doing, doing.properties["GroupName"], list(doing.properties["Users"]))


USER_TO_GROUP = ResourceType(
    name="AWS::IAM::UserToGroupAddition",
    properties={"GroupName": changing(STRING, required=True), "Users": changing(STRINGS, required=True)},
    create=_add_users,
    read=_read_addition,
    update=_update_addition,
    delete=_delete_addition,
    attributes=("Id",),
    capability=IAM,
)

TYPES = (POLICY, MANAGED_POLICY, _inline("Role"), _inline("User"), _inline("Group"), USER_TO_GROUP)
