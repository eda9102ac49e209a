import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.services.iam.people import ACCOUNT, DOCUMENT, EC2_TRUST, People, trusting

OTHER = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}]})
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
MISSING = f"arn:aws:iam::{ACCOUNT}:policy/missing"


def make(iam: People, noun: str, name: str = "one", **more: Any) -> dict[str, Any]:
    if noun == "Role":
        more.setdefault("AssumeRolePolicyDocument", EC2_TRUST)
    if noun == "Policy":
        more.setdefault("PolicyDocument", DOCUMENT)
    made: dict[str, Any] = iam.call(f"Create{noun}", **{f"{noun}Name": name}, **more)[noun]
    return made


# ---------------------------------------------------------------- what all named things have in common


@pytest.mark.parametrize(
    ("noun", "prefix", "arn"),
    [
        ("User", "AIDA", "user/team/one"),
        ("Group", "AGPA", "group/team/one"),
        ("Role", "AROA", "role/team/one"),
        ("InstanceProfile", "AIPA", "instance-profile/team/one"),
        ("Policy", "ANPA", "policy/team/one"),
    ],
)
def test_what_is_made_has_an_id_a_path_and_an_arn(iam: People, noun: str, prefix: str, arn: str) -> None:
    made = make(iam, noun, Path="/team/")
    assert made[f"{noun}Id"].startswith(prefix)
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:{arn}"
    assert made["Path"] == "/team/"
    assert made["CreateDate"] == iam.now


@pytest.mark.parametrize(
    ("noun", "message"),
    [
        ("User", "User with name ONE already exists."),
        ("Group", "Group with name ONE already exists."),
        ("Role", "Role with name ONE already exists."),
        ("InstanceProfile", "Instance Profile ONE already exists."),
        ("Policy", "A policy called ONE already exists. Duplicate names are not allowed."),
    ],
)
def test_a_name_is_given_once_whatever_its_case(iam: People, noun: str, message: str) -> None:
    make(iam, noun, "one")
    params = {"AssumeRolePolicyDocument": EC2_TRUST} if noun == "Role" else {}
    params |= {"PolicyDocument": DOCUMENT} if noun == "Policy" else {}
    assert iam.refusal(f"Create{noun}", **{f"{noun}Name": "ONE"}, **params) == ("EntityAlreadyExists", message)


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("GetUser", {"UserName": "no"}, "The user with name no cannot be found."),
        ("UpdateUser", {"UserName": "no"}, "The user with name no cannot be found."),
        ("DeleteUser", {"UserName": "no"}, "The user with name no cannot be found."),
        ("CreateAccessKey", {"UserName": "no"}, "The user with name no cannot be found."),
        ("TagUser", {"UserName": "no", "Tags": []}, "The user with name no cannot be found."),
        ("GetGroup", {"GroupName": "no"}, "The group with name no cannot be found."),
        ("DeleteGroup", {"GroupName": "no"}, "The group with name no cannot be found."),
        ("GetRole", {"RoleName": "no"}, "The role with name no cannot be found."),
        ("ListRoleTags", {"RoleName": "no"}, "The role with name no cannot be found."),
        ("ListInstanceProfilesForRole", {"RoleName": "no"}, "The role with name no cannot be found."),
        ("GetInstanceProfile", {"InstanceProfileName": "no"}, "Instance Profile no cannot be found."),
        ("DeleteInstanceProfile", {"InstanceProfileName": "no"}, "Instance Profile no cannot be found."),
        ("GetPolicy", {"PolicyArn": MISSING}, f"Policy {MISSING} was not found."),
        ("ListEntitiesForPolicy", {"PolicyArn": MISSING}, f"Policy {MISSING} was not found."),
        (
            "GetPolicyVersion",
            {"PolicyArn": MISSING, "VersionId": "v1"},
            f"Policy {MISSING} version v1 does not exist or is not attachable.",
        ),
        ("DeleteAccountAlias", {"AccountAlias": "nope"}, "The account alias nope does not exist."),
    ],
)
def test_what_does_not_exist_cannot_be_found(iam: People, operation: str, params: Any, message: str) -> None:
    assert iam.refusal(operation, **params) == ("NoSuchEntity", message)


@pytest.mark.parametrize("noun", ["User", "Group", "Role", "InstanceProfile"])
def test_lists_are_sorted_filtered_by_path_and_paged(iam: People, noun: str) -> None:
    for name, path in (("b", "/"), ("A", "/x/"), ("c", "/x/y/"), ("d", "/z/")):
        make(iam, noun, name, Path=path)

    def names(**params: Any) -> tuple[list[str], str | None]:
        result = iam.call(f"List{noun}s", **params)
        assert result["IsTruncated"] == ("Marker" in result)
        return [one[f"{noun}Name"] for one in result[f"{noun}s"]], result.get("Marker")

    assert names() == (["A", "b", "c", "d"], None)
    assert names(PathPrefix="/x") == (["A", "c"], None)
    first, marker = names(MaxItems=3)
    assert first == ["A", "b", "c"]
    assert marker is not None
    assert names(MaxItems=3, Marker=marker) == (["d"], None)
    assert iam.refusal(f"List{noun}s", Marker="nonsense") == ("ValidationError", "Invalid Marker.")


@pytest.mark.parametrize("noun", ["User", "Role", "InstanceProfile", "Policy"])
def test_tags_are_added_replaced_listed_and_removed(iam: People, noun: str) -> None:
    made = make(iam, noun, Tags=[{"Key": "a", "Value": "1"}])
    assert made["Tags"] == [{"Key": "a", "Value": "1"}]
    named = {"PolicyArn": made["Arn"]} if noun == "Policy" else {f"{noun}Name": "one"}
    iam.call(f"Tag{noun}", **named, Tags=[{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}])
    expected = [{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}]
    assert iam.call(f"List{noun}Tags", **named) == {"Tags": expected, "IsTruncated": False}
    iam.call(f"Untag{noun}", **named, TagKeys=["a", "never"])
    assert iam.call(f"Get{noun}", **named)[noun]["Tags"] == [{"Key": "b", "Value": ""}]
    assert iam.refusal(f"Tag{noun}", **named, Tags=[{"Key": "x", "Value": ""}, {"Key": "X", "Value": ""}]) == (
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
    assert iam.refusal(f"Tag{noun}", **named, Tags=[{"Key": "aws:x", "Value": ""}])[0] == "InvalidInput"
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert iam.refusal(f"Tag{noun}", **named, Tags=many)[0] == "LimitExceeded"


# ---------------------------------------------------------------- users, keys, groups


def test_a_user_keeps_its_id_keys_and_groups_under_a_new_name(iam: People) -> None:
    user_id = make(iam, "User", "before")["UserId"]
    make(iam, "Group", "team")
    iam.call("AddUserToGroup", UserName="before", GroupName="team")
    key = iam.call("CreateAccessKey", UserName="before")["AccessKey"]
    iam.call("UpdateUser", UserName="before", NewUserName="after", NewPath="/new/")
    user = iam.call("GetUser", UserName="after")["User"]
    assert (user["UserId"], user["Arn"]) == (user_id, f"arn:aws:iam::{ACCOUNT}:user/new/after")
    assert [one["UserName"] for one in iam.call("GetGroup", GroupName="team")["Users"]] == ["after"]
    assert iam.become(key["AccessKeyId"]).arn == user["Arn"]
    assert iam.refusal("GetUser", UserName="before")[0] == "NoSuchEntity"


def test_a_user_cannot_take_the_name_of_another(iam: People) -> None:
    make(iam, "User", "a")
    make(iam, "User", "b")
    assert iam.refusal("UpdateUser", UserName="a", NewUserName="B")[0] == "EntityAlreadyExists"
    iam.call("UpdateUser", UserName="a", NewUserName="A")
    assert iam.call("GetUser", UserName="a")["User"]["UserName"] == "A"


def test_get_user_without_a_name_is_whoever_asks(iam: People) -> None:
    root = iam.call("GetUser")["User"]
    assert (root["UserId"], root["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
    assert "UserName" not in root
    make(iam, "User", "alice")
    iam.become_user("alice")
    assert iam.call("GetUser")["User"]["UserName"] == "alice"


def test_a_key_is_shown_with_its_secret_once(iam: People) -> None:
    make(iam, "User", "alice")
    key = iam.call("CreateAccessKey", UserName="alice")["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA")
    assert (len(key["AccessKeyId"]), len(key["SecretAccessKey"]), key["Status"]) == (20, 40, "Active")
    listed = iam.call("ListAccessKeys", UserName="alice")["AccessKeyMetadata"]
    assert listed == [{name: value for name, value in key.items() if name != "SecretAccessKey"}]


def test_a_user_has_two_keys_at_most(iam: People) -> None:
    make(iam, "User", "alice")
    for _ in range(2):
        iam.call("CreateAccessKey", UserName="alice")
    expected = ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    assert iam.refusal("CreateAccessKey", UserName="alice") == expected


def test_keys_without_a_user_name_are_those_of_whoever_asks(iam: People) -> None:
    assert len(iam.call("ListAccessKeys")["AccessKeyMetadata"]) == 1
    make(iam, "User", "alice")
    iam.become_user("alice")
    assert iam.call("CreateAccessKey")["AccessKey"]["UserName"] == "alice"
    assert len(iam.call("ListAccessKeys")["AccessKeyMetadata"]) == 2


def test_a_role_must_say_whose_keys_it_means(iam: People) -> None:
    make(iam, "User", "alice")
    make(iam, "Role", "worker", AssumeRolePolicyDocument=trusting(ACCOUNT))
    iam.become_user("alice")
    session = iam.sts.call("AssumeRole", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="me")
    iam.become(session["Credentials"]["AccessKeyId"])
    expected = ("ValidationError", "Must specify userName when calling with non-User credentials")
    for operation in ("ListAccessKeys", "GetUser", "CreateAccessKey"):
        assert iam.refusal(operation) == expected


def test_the_key_of_another_user_cannot_be_found(iam: People) -> None:
    for name in ("alice", "bob"):
        make(iam, "User", name)
    key_id = iam.call("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    expected = ("NoSuchEntity", f"The Access Key with id {key_id} cannot be found.")
    assert iam.refusal("DeleteAccessKey", UserName="bob", AccessKeyId=key_id) == expected
    assert iam.refusal("UpdateAccessKey", UserName="bob", AccessKeyId=key_id, Status="Inactive") == expected


def test_joining_and_leaving_a_group_may_be_repeated(iam: People) -> None:
    make(iam, "User", "alice")
    make(iam, "Group", "team")
    for _ in range(2):
        iam.call("AddUserToGroup", UserName="alice", GroupName="team")
        groups = iam.call("ListGroupsForUser", UserName="alice")["Groups"]
        assert [group["GroupName"] for group in groups] == ["team"]
    for _ in range(2):
        iam.call("RemoveUserFromGroup", UserName="alice", GroupName="team")
        assert iam.call("GetGroup", GroupName="team")["Users"] == []


def test_a_user_is_in_ten_groups_at_most(iam: People) -> None:
    make(iam, "User", "alice")
    for number in range(11):
        make(iam, "Group", f"g{number}")
    for number in range(10):
        iam.call("AddUserToGroup", UserName="alice", GroupName=f"g{number}")
    refusal = iam.refusal("AddUserToGroup", UserName="alice", GroupName="g10")
    assert refusal == ("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")


def test_a_group_may_be_renamed(iam: People) -> None:
    make(iam, "Group", "a")
    make(iam, "Group", "b")
    assert iam.refusal("UpdateGroup", GroupName="a", NewGroupName="b")[0] == "EntityAlreadyExists"
    iam.call("UpdateGroup", GroupName="a", NewGroupName="c", NewPath="/p/")
    assert iam.call("GetGroup", GroupName="c")["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/p/c"


# ---------------------------------------------------------------- what must go first


def test_a_user_is_deleted_last(iam: People) -> None:
    make(iam, "User", "alice")
    make(iam, "Group", "team")
    iam.call("AddUserToGroup", UserName="alice", GroupName="team")
    iam.call("AttachUserPolicy", UserName="alice", PolicyArn=ADMIN)
    iam.call("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=DOCUMENT)
    key_id = iam.call("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    for message, operation, params in (
        ("remove users from group", "RemoveUserFromGroup", {"GroupName": "team"}),
        ("detach all policies", "DetachUserPolicy", {"PolicyArn": ADMIN}),
        ("delete policies", "DeleteUserPolicy", {"PolicyName": "p"}),
        ("delete access keys", "DeleteAccessKey", {"AccessKeyId": key_id}),
    ):
        refusal = iam.refusal("DeleteUser", UserName="alice")
        assert refusal == ("DeleteConflict", f"Cannot delete entity, must {message} first.")
        iam.call(operation, UserName="alice", **params)
    iam.call("DeleteUser", UserName="alice")
    assert iam.refusal("GetUser", UserName="alice")[0] == "NoSuchEntity"


def test_a_role_is_deleted_last(iam: People) -> None:
    make(iam, "Role", "web")
    make(iam, "InstanceProfile", "web")
    iam.call("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="web")
    iam.call("AttachRolePolicy", RoleName="web", PolicyArn=ADMIN)
    iam.call("PutRolePolicy", RoleName="web", PolicyName="p", PolicyDocument=DOCUMENT)
    for message, operation, params in (
        ("remove roles from instance profile", "RemoveRoleFromInstanceProfile", {"InstanceProfileName": "web"}),
        ("detach all policies", "DetachRolePolicy", {"PolicyArn": ADMIN}),
        ("delete policies", "DeleteRolePolicy", {"PolicyName": "p"}),
    ):
        refusal = iam.refusal("DeleteRole", RoleName="web")
        assert refusal == ("DeleteConflict", f"Cannot delete entity, must {message} first.")
        iam.call(operation, RoleName="web", **params)
    iam.call("DeleteRole", RoleName="web")
    iam.call("DeleteInstanceProfile", InstanceProfileName="web")


def test_a_group_is_deleted_last(iam: People) -> None:
    make(iam, "Group", "team")
    make(iam, "User", "alice")
    iam.call("AddUserToGroup", UserName="alice", GroupName="team")
    iam.call("AttachGroupPolicy", GroupName="team", PolicyArn=ADMIN)
    assert iam.refusal("DeleteGroup", GroupName="team") == (
        "DeleteConflict",
        "Cannot delete entity, must remove users from group first.",
    )
    iam.call("RemoveUserFromGroup", UserName="alice", GroupName="team")
    assert iam.refusal("DeleteGroup", GroupName="team") == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    )
    iam.call("DetachGroupPolicy", GroupName="team", PolicyArn=ADMIN)
    iam.call("DeleteGroup", GroupName="team")


def test_an_instance_profile_with_a_role_cannot_be_deleted(iam: People) -> None:
    make(iam, "Role", "web")
    make(iam, "InstanceProfile", "web")
    iam.call("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="web")
    assert iam.refusal("DeleteInstanceProfile", InstanceProfileName="web") == (
        "DeleteConflict",
        "Cannot delete entity, must remove roles from instance profile first.",
    )


# ---------------------------------------------------------------- roles and instance profiles


def test_a_role_is_shown_as_aws_shows_it(iam: People) -> None:
    created = make(iam, "Role", "web")
    assert unquote(created["AssumeRolePolicyDocument"]) == EC2_TRUST
    assert "MaxSessionDuration" not in created
    role = iam.call("GetRole", RoleName="web")["Role"]
    assert role["MaxSessionDuration"] == 3600
    iam.call("UpdateRole", RoleName="web", MaxSessionDuration=7200)
    iam.call("UpdateRole", RoleName="web", Description="serves")
    role = iam.call("GetRole", RoleName="web")["Role"]
    assert (role["MaxSessionDuration"], role["Description"]) == (7200, "serves")
    shown = iam.call("UpdateRoleDescription", RoleName="web", Description="still serves")["Role"]
    assert shown["Description"] == "still serves"


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:user/nobody",
        f"arn:aws:iam::{ACCOUNT}:role/nobody",
        f"arn:aws:iam::{ACCOUNT}:user/elsewhere/alice",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/session",
        "alice",
    ],
)
def test_a_trust_policy_may_name_only_who_exists(iam: People, arn: str) -> None:
    make(iam, "User", "alice")
    expected = ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')
    assert iam.refusal("CreateRole", RoleName="r", AssumeRolePolicyDocument=trusting(arn)) == expected
    make(iam, "Role", "r")
    assert iam.refusal("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=trusting(arn)) == expected


def test_a_trust_policy_may_not_be_too_long(iam: People) -> None:
    spaced = EC2_TRUST.replace(" ", " " * 500)
    make(iam, "Role", "spaced", AssumeRolePolicyDocument=spaced)
    long = trusting(ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": "x" * 2048}})
    refusal = iam.refusal("CreateRole", RoleName="r", AssumeRolePolicyDocument=long)
    assert refusal == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")


def test_an_instance_profile_carries_one_role(iam: People) -> None:
    make(iam, "InstanceProfile", "web")
    for name in ("a", "b"):
        make(iam, "Role", name)
    iam.call("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="a")
    profile = iam.call("GetInstanceProfile", InstanceProfileName="web")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["a"]
    assert iam.call("ListInstanceProfilesForRole", RoleName="a")["InstanceProfiles"][0]["Arn"] == profile["Arn"]
    assert iam.refusal("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="b") == (
        "LimitExceeded",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    )
    assert iam.refusal("RemoveRoleFromInstanceProfile", InstanceProfileName="web", RoleName="b") == (
        "NoSuchEntity",
        "Role b in Instance Profile web cannot be found.",
    )


def test_a_service_linked_role_goes_when_its_service_has_nothing_left_under_it(iam: People) -> None:
    arn = iam.call("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")["Role"]["Arn"]
    name = "AWSServiceRoleForAutoScaling"
    iam.used[arn] = ["arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/web"]
    kept = iam.call("DeleteServiceLinkedRole", RoleName=name)["DeletionTaskId"]
    assert kept.startswith(f"task/aws-service-role/autoscaling.amazonaws.com/{name}/")
    told = iam.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=kept)
    assert told["Status"] == "FAILED"
    assert told["Reason"]["RoleUsageList"] == [{"Region": "us-east-1", "Resources": iam.used[arn]}]
    assert iam.call("GetRole", RoleName=name)["Role"]["Arn"] == arn
    iam.used.clear()
    gone = iam.call("DeleteServiceLinkedRole", RoleName=name)["DeletionTaskId"]
    assert iam.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=gone) == {"Status": "SUCCEEDED"}
    assert iam.refusal("GetRole", RoleName=name)[0] == "NoSuchEntity"
    assert iam.refusal("DeleteServiceLinkedRole", RoleName=name)[0] == "NoSuchEntity"
    assert iam.refusal("GetServiceLinkedRoleDeletionStatus", DeletionTaskId="task/none")[0] == "NoSuchEntity"
    iam.call("CreateRole", RoleName="own", AssumeRolePolicyDocument=EC2_TRUST)
    assert iam.refusal("DeleteServiceLinkedRole", RoleName="own")[0] == "InvalidInput"


def test_a_service_linked_role_is_made_once_and_is_not_the_accounts_to_change(iam: People) -> None:
    role = iam.call("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")["Role"]
    name = "AWSServiceRoleForAutoScaling"
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/{name}"
    attached = iam.call("ListAttachedRolePolicies", RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AutoScalingServiceRolePolicy"]
    assert iam.refusal("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com") == (
        "InvalidInput",
        f"Service role name {name} has been taken in this account, please try a different suffix.",
    )
    iam.call("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="two")
    protected = (
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
    )
    for operation, params in (
        ("DeleteRole", {}),
        ("UpdateRole", {}),
        ("UpdateAssumeRolePolicy", {"PolicyDocument": EC2_TRUST}),
        ("AttachRolePolicy", {"PolicyArn": ADMIN}),
        ("PutRolePolicy", {"PolicyName": "p", "PolicyDocument": DOCUMENT}),
    ):
        assert iam.refusal(operation, RoleName=name, **params) == protected
    assert iam.refusal("CreateServiceLinkedRole", AWSServiceName="nobody.amazonaws.com")[0] == "InvalidInput"
    assert iam.refusal("CreateServiceLinkedRole", AWSServiceName="rds.amazonaws.com", CustomSuffix="x") == (
        "InvalidInput",
        "Custom suffix is not allowed for rds.amazonaws.com",
    )


# ---------------------------------------------------------------- policies


@pytest.mark.parametrize("noun", ["User", "Group", "Role"])
def test_inline_policies_are_kept_as_they_were_given(iam: People, noun: str) -> None:
    make(iam, noun)
    named = {f"{noun}Name": "one"}
    iam.call(f"Put{noun}Policy", **named, PolicyName="b", PolicyDocument=OTHER)
    iam.call(f"Put{noun}Policy", **named, PolicyName="a", PolicyDocument=DOCUMENT)
    assert iam.call(f"List{noun}Policies", **named)["PolicyNames"] == ["a", "b"]
    got = iam.call(f"Get{noun}Policy", **named, PolicyName="b")
    assert unquote(got["PolicyDocument"]) == OTHER
    iam.call(f"Delete{noun}Policy", **named, PolicyName="b")
    expected = ("NoSuchEntity", f"The {noun.lower()} policy with name b cannot be found.")
    assert iam.refusal(f"Get{noun}Policy", **named, PolicyName="b") == expected
    assert iam.refusal(f"Delete{noun}Policy", **named, PolicyName="b") == expected
    bad = iam.refusal(f"Put{noun}Policy", **named, PolicyName="c", PolicyDocument="{")
    assert bad == ("MalformedPolicyDocument", "Syntax errors in policy.")


@pytest.mark.parametrize(("noun", "limit"), [("User", 2048), ("Group", 5120), ("Role", 10240)])
def test_inline_policies_have_a_size_together(iam: People, noun: str, limit: int) -> None:
    make(iam, noun)
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::" + "x" * (limit // 2)}
    half = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.call(f"Put{noun}Policy", **{f"{noun}Name": "one"}, PolicyName="a", PolicyDocument=half)
    iam.call(f"Put{noun}Policy", **{f"{noun}Name": "one"}, PolicyName="a", PolicyDocument=half)
    refusal = iam.refusal(f"Put{noun}Policy", **{f"{noun}Name": "one"}, PolicyName="b", PolicyDocument=half)
    assert refusal == ("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {noun.lower()} one")


@pytest.mark.parametrize("noun", ["User", "Group", "Role"])
def test_managed_policies_are_attached_and_detached(iam: People, noun: str) -> None:
    make(iam, noun)
    own = make(iam, "Policy", "own", Path="/mine/")["Arn"]
    named = {f"{noun}Name": "one"}
    for arn in (own, own, ADMIN):
        iam.call(f"Attach{noun}Policy", **named, PolicyArn=arn)
    attached = iam.call(f"ListAttached{noun}Policies", **named)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [ADMIN, own]
    below = iam.call(f"ListAttached{noun}Policies", **named, PathPrefix="/mine/")["AttachedPolicies"]
    assert [one["PolicyName"] for one in below] == ["own"]
    assert iam.call("GetPolicy", PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    entities = iam.call("ListEntitiesForPolicy", PolicyArn=own)
    assert [one[f"{noun}Name"] for one in entities[f"Policy{noun}s"]] == ["one"]
    assert iam.refusal("DeletePolicy", PolicyArn=own) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    iam.call(f"Detach{noun}Policy", **named, PolicyArn=own)
    expected = ("NoSuchEntity", f"Policy {own} was not found.")
    assert iam.refusal(f"Detach{noun}Policy", **named, PolicyArn=own) == expected


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (MISSING, ("NoSuchEntity", f"Policy {MISSING} does not exist or is not attachable.")),
        (
            "arn:aws:iam::aws:policy/NobodyKnowsThis",
            (
                "NoSuchEntity",
                "Policy arn:aws:iam::aws:policy/NobodyKnowsThis does not exist or is not attachable.",
            ),
        ),
        ("longpolicynamebutnoarn", ("InvalidInput", "ARN longpolicynamebutnoarn is not valid.")),
        (
            "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy",
            ("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role."),
        ),
    ],
)
def test_what_cannot_be_attached_is_refused(iam: People, arn: str, expected: tuple[str, str]) -> None:
    make(iam, "Role", "r")
    assert iam.refusal("AttachRolePolicy", RoleName="r", PolicyArn=arn) == expected


def test_ten_policies_are_attached_at_most(iam: People) -> None:
    make(iam, "Role", "r")
    arns = [make(iam, "Policy", f"p{number}")["Arn"] for number in range(11)]
    for arn in arns[:10]:
        iam.call("AttachRolePolicy", RoleName="r", PolicyArn=arn)
    refusal = iam.refusal("AttachRolePolicy", RoleName="r", PolicyArn=arns[10])
    assert refusal == ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")


def test_entities_of_a_policy_come_in_pages(iam: People) -> None:
    for noun in ("User", "Group", "Role"):
        for name in ("a", "b"):
            make(iam, noun, name)
            iam.call(f"Attach{noun}Policy", **{f"{noun}Name": name}, PolicyArn=ADMIN)
    seen: list[str] = []
    params: dict[str, Any] = {"PolicyArn": ADMIN, "MaxItems": 1}
    while True:
        page = iam.call("ListEntitiesForPolicy", **params)
        seen += [
            one.get("UserName") or one.get("GroupName") or one["RoleName"]
            for kind in ("PolicyGroups", "PolicyUsers", "PolicyRoles")
            for one in page[kind]
        ]
        if not page["IsTruncated"]:
            break
        params["Marker"] = page["Marker"]
    assert seen == ["a", "b"] * 3
    only = iam.call("ListEntitiesForPolicy", PolicyArn=ADMIN, EntityFilter="Role")
    assert (len(only["PolicyRoles"]), only["PolicyUsers"]) == (2, [])


def test_versions_of_a_policy(iam: People) -> None:
    arn = make(iam, "Policy", "p")["Arn"]
    second = iam.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=OTHER, SetAsDefault=True)["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", True)
    assert unquote(iam.call("GetPolicyVersion", PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]) == OTHER
    for _ in range(3):
        iam.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DOCUMENT)
    versions = iam.call("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [version["VersionId"] for version in versions] == ["v5", "v4", "v3", "v2", "v1"]
    assert iam.refusal("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DOCUMENT) == (
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version.",
    )
    assert iam.refusal("DeletePolicyVersion", PolicyArn=arn, VersionId="v2") == (
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    )
    iam.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
    again = iam.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DOCUMENT)["PolicyVersion"]
    assert again["VersionId"] == "v6"
    iam.call("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
    assert iam.call("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    assert iam.refusal("DeletePolicy", PolicyArn=arn)[1].startswith("This policy has more than one version.")
    assert iam.refusal("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v9") == (
        "NoSuchEntity",
        f"Policy {arn} version v9 does not exist or is not attachable.",
    )
    for version in ("v2", "v3", "v4", "v6"):
        iam.call("DeletePolicyVersion", PolicyArn=arn, VersionId=version)
    iam.call("DeletePolicy", PolicyArn=arn)
    assert iam.refusal("GetPolicy", PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.")


def test_a_managed_policy_has_a_size(iam: People) -> None:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::" + "x" * 6144}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    refusal = iam.refusal("CreatePolicy", PolicyName="p", PolicyDocument=document)
    assert refusal == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_policies_of_aws_can_be_read_and_not_changed(iam: People) -> None:
    policy = iam.call("GetPolicy", PolicyArn=ADMIN)["Policy"]
    version = iam.call("GetPolicyVersion", PolicyArn=ADMIN, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert json.loads(unquote(version["Document"]))["Statement"][0]["Action"] == "*"
    for operation, params in (
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": DOCUMENT}),
        ("TagPolicy", {"Tags": []}),
    ):
        assert iam.refusal(operation, PolicyArn=ADMIN, **params)[0] == "AccessDenied"


def test_policies_are_listed_by_scope_and_use(iam: People) -> None:
    make(iam, "Policy", "used")
    make(iam, "Policy", "unused")
    make(iam, "User", "alice")
    for arn in (f"arn:aws:iam::{ACCOUNT}:policy/used", ADMIN):
        iam.call("AttachUserPolicy", UserName="alice", PolicyArn=arn)

    def names(**params: Any) -> list[str]:
        return [policy["PolicyName"] for policy in iam.call("ListPolicies", MaxItems=1000, **params)["Policies"]]

    assert names(Scope="Local") == ["unused", "used"]
    assert names(OnlyAttached=True) == ["AdministratorAccess", "used"]
    assert names(Scope="AWS", OnlyAttached=True) == ["AdministratorAccess"]
    assert "AmazonSSMManagedInstanceCore" in names(Scope="AWS")
    assert set(names()) == {*names(Scope="AWS"), "used", "unused"}


def test_a_permissions_boundary_is_recorded_and_counted(iam: People) -> None:
    own = make(iam, "Policy", "limit")["Arn"]
    make(iam, "User", "alice", PermissionsBoundary=own)
    make(iam, "Role", "web")
    iam.call("PutRolePermissionsBoundary", RoleName="web", PermissionsBoundary=own)
    boundary = iam.call("GetRole", RoleName="web")["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == own
    assert iam.call("GetPolicy", PolicyArn=own)["Policy"]["PermissionsBoundaryUsageCount"] == 2
    users = iam.call("ListEntitiesForPolicy", PolicyArn=own, PolicyUsageFilter="PermissionsBoundary")["PolicyUsers"]
    assert [user["UserName"] for user in users] == ["alice"]
    assert iam.refusal("DeletePolicy", PolicyArn=own)[0] == "DeleteConflict"
    iam.call("DeleteRolePermissionsBoundary", RoleName="web")
    assert iam.refusal("DeleteRolePermissionsBoundary", RoleName="web")[0] == "NoSuchEntity"
    refusal = iam.refusal("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=MISSING)
    assert refusal[0] == "NoSuchEntity"


# ---------------------------------------------------------------- the account


def test_the_account_has_one_alias(iam: People) -> None:
    assert iam.call("ListAccountAliases")["AccountAliases"] == []
    iam.call("CreateAccountAlias", AccountAlias="first")
    iam.call("CreateAccountAlias", AccountAlias="second")
    assert iam.call("ListAccountAliases")["AccountAliases"] == ["second"]
    iam.call("DeleteAccountAlias", AccountAlias="second")
    assert iam.call("ListAccountAliases")["AccountAliases"] == []


def test_the_summary_counts_what_there_is(iam: People) -> None:
    for noun in ("User", "Group", "Role", "InstanceProfile", "Policy"):
        make(iam, noun)
    summary = iam.call("GetAccountSummary")["SummaryMap"]
    counted = ("Users", "Groups", "Roles", "InstanceProfiles", "Policies", "PolicyVersionsInUse")
    assert {summary[name] for name in (*counted, "AccountAccessKeysPresent")} == {1}
    assert summary["AccessKeysPerUserQuota"] == 2
