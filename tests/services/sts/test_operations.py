from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.services.iam.people import ACCOUNT, EC2_TRUST, People, trusting

ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """Alice, who may take on the role `deploy`, as the account lets everybody."""
    people = People(tmp_path / "region.db")
    people.call("CreateUser", UserName="alice")
    people.call("CreateUser", UserName="bob")
    people.call("CreateRole", RoleName="deploy", AssumeRolePolicyDocument=trusting(ACCOUNT), MaxSessionDuration=7200)
    yield people
    people.store.close()


def not_authorized(who: str, role: str = ROLE) -> tuple[str, str]:
    return "AccessDenied", f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}"


def test_everybody_hears_who_they_are(people: People) -> None:
    root = {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
    assert people.sts.call("GetCallerIdentity") == root
    alice = people.become_user("alice")
    assert people.sts.call("GetCallerIdentity") == {
        "UserId": alice.user_id,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    }
    assumed = people.sts.call("AssumeRole", RoleArn=ROLE, RoleSessionName="now")
    people.become(assumed["Credentials"]["AccessKeyId"])
    assert people.sts.call("GetCallerIdentity") == {
        "UserId": assumed["AssumedRoleUser"]["AssumedRoleId"],
        "Account": ACCOUNT,
        "Arn": assumed["AssumedRoleUser"]["Arn"],
    }


def test_a_role_is_assumed_for_an_hour_unless_asked_otherwise(people: People) -> None:
    people.become_user("alice")
    answer = people.sts.call("AssumeRole", RoleArn=ROLE, RoleSessionName="work")
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert credentials["Expiration"] == people.sts.now + timedelta(hours=1)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/work"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":work")
    longer = people.sts.call("AssumeRole", RoleArn=ROLE, RoleSessionName="work", DurationSeconds=7200)
    assert longer["Credentials"]["Expiration"] == people.sts.now + timedelta(hours=2)
    assert people.sts.refusal("AssumeRole", RoleArn=ROLE, RoleSessionName="work", DurationSeconds=7201) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )


def test_a_role_taken_on_from_a_role_lasts_an_hour_at_most(people: People) -> None:
    people.become_user("alice")
    first = people.sts.call("AssumeRole", RoleArn=ROLE, RoleSessionName="one")["Credentials"]
    people.become(first["AccessKeyId"])
    people.sts.call("AssumeRole", RoleArn=ROLE, RoleSessionName="two")
    assert people.sts.refusal("AssumeRole", RoleArn=ROLE, RoleSessionName="two", DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    )


def test_the_root_may_not_take_on_roles(people: People) -> None:
    refusal = people.sts.refusal("AssumeRole", RoleArn=ROLE, RoleSessionName="me")
    assert refusal == ("AccessDenied", "Roles may not be assumed by root accounts.")


def test_only_who_is_trusted_may_take_on_a_role(people: People) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    people.call("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=trusting(arn))
    people.call("CreateRole", RoleName="machine", AssumeRolePolicyDocument=EC2_TRUST)
    root = people.principal
    people.become_user("alice")
    people.sts.call("AssumeRole", RoleArn=ROLE, RoleSessionName="me")
    machine = f"arn:aws:iam::{ACCOUNT}:role/machine"
    refusal = people.sts.refusal("AssumeRole", RoleArn=machine, RoleSessionName="me")
    assert refusal == not_authorized(arn, machine)
    people.principal = root
    bob = people.become_user("bob")
    assert people.sts.refusal("AssumeRole", RoleArn=ROLE, RoleSessionName="me") == not_authorized(bob.arn)


@pytest.mark.parametrize(
    "role",
    [f"arn:aws:iam::{ACCOUNT}:role/none", f"arn:aws:iam::{ACCOUNT}:role/path/deploy", ROLE.replace("role", "user")],
)
def test_a_role_that_does_not_exist_is_refused_like_one_that_may_not_be_assumed(people: People, role: str) -> None:
    alice = people.become_user("alice")
    refusal = people.sts.refusal("AssumeRole", RoleArn=role, RoleSessionName="me")
    assert refusal == not_authorized(alice.arn, role)


@pytest.mark.parametrize(
    "text", ["nothing-valid-in-here", "arn::b:::something/test-role", "arn:a::::something/role", "arn:a:a::aaaaaaaaaa:"]
)
def test_what_is_no_arn_is_refused(people: People, text: str) -> None:
    people.become_user("alice")
    refusal = people.sts.refusal("AssumeRole", RoleArn=text, RoleSessionName="me")
    assert refusal == ("ValidationError", f"{text} is invalid")


def test_an_external_id_is_asked_for(people: People) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "secret"}}
    document = trusting(ACCOUNT, Condition=condition)
    people.call("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=document)
    alice = people.become_user("alice")
    assert people.sts.refusal("AssumeRole", RoleArn=ROLE, RoleSessionName="me") == not_authorized(alice.arn)
    people.sts.call("AssumeRole", RoleArn=ROLE, RoleSessionName="me", ExternalId="secret")


def test_a_user_made_anew_is_not_the_one_who_was_trusted(people: People) -> None:
    document = trusting(f"arn:aws:iam::{ACCOUNT}:user/alice")
    people.call("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=document)
    people.call("DeleteUser", UserName="alice")
    people.call("CreateUser", UserName="alice")
    alice = people.become_user("alice")
    assert people.sts.refusal("AssumeRole", RoleArn=ROLE, RoleSessionName="me") == not_authorized(alice.arn)


@pytest.mark.parametrize(
    "params",
    [
        {"Policy": "{}"},
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]},
        {"Tags": [{"Key": "a", "Value": "b"}]},
        {"SerialNumber": "arn:aws:iam::1:mfa/x", "TokenCode": "123456"},
        {"SourceIdentity": "me"},
    ],
)
def test_what_would_be_without_effect_is_refused_by_name(people: People, params: dict[str, object]) -> None:
    people.become_user("alice")
    code, message = people.sts.refusal("AssumeRole", RoleArn=ROLE, RoleSessionName="me", **params)
    assert (code, message) == (
        "ValidationError",
        f"The parameter {next(iter(params))} is not supported in this region.",
    )


def test_a_session_token_speaks_for_whoever_asked(people: People) -> None:
    root = people.sts.call("GetSessionToken", DurationSeconds=36000)["Credentials"]
    assert root["Expiration"] == people.sts.now + timedelta(hours=1)
    alice = people.become_user("alice")
    own = people.sts.call("GetSessionToken")["Credentials"]
    assert own["Expiration"] == people.sts.now + timedelta(hours=12)
    session = people.become(own["AccessKeyId"])
    assert (session.arn, session.user_id) == (alice.arn, alice.user_id)
    refusal = people.sts.refusal("GetSessionToken")
    assert refusal == ("AccessDenied", "Cannot call GetSessionToken with session credentials")


def test_a_key_tells_its_account(people: People) -> None:
    alice = people.become_user("alice")
    assert people.sts.call("GetAccessKeyInfo", AccessKeyId=alice.access_key_id) == {"Account": ACCOUNT}
    assert people.sts.refusal("GetAccessKeyInfo", AccessKeyId="AKIA0000000000000000")[0] == "ValidationError"
