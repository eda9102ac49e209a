import json
from typing import Any

import pytest

from aftershock.services.iam.rules.trust import Asker, allows

ALICE = Asker(
    account="123456789012",
    arn="arn:aws:iam::123456789012:user/alice",
    principal_arn="arn:aws:iam::123456789012:user/alice",
    user_id="AIDAALICE",
    session_name="work",
)
DEPLOY = Asker(
    account="123456789012",
    arn="arn:aws:sts::123456789012:assumed-role/deploy/run",
    principal_arn="arn:aws:iam::123456789012:role/ci/deploy",
    user_id="AROADEPLOY:run",
    session_name="work",
)
EC2 = Asker(service="ec2.amazonaws.com")
IDS = {ALICE.arn: "AIDAALICE", "arn:aws:iam::123456789012:role/ci/deploy": "AROADEPLOY"}


def statement(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **more}


def decide(asker: Asker, *statements: dict[str, Any], ids: dict[str, str] = IDS) -> bool:
    return allows(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), ids, asker)


@pytest.mark.parametrize(
    ("principal", "who"),
    [
        ("*", {ALICE, DEPLOY}),
        ({"AWS": "*"}, {ALICE, DEPLOY}),
        ({"AWS": "123456789012"}, {ALICE, DEPLOY}),
        ({"AWS": "arn:aws:iam::123456789012:root"}, {ALICE, DEPLOY}),
        ({"AWS": "arn:aws:iam::999999999999:root"}, set()),
        ({"AWS": "arn:aws:iam::123456789012:user/alice"}, {ALICE}),
        ({"AWS": ["arn:aws:iam::123456789012:role/ci/deploy"]}, {DEPLOY}),
        ({"AWS": "arn:aws:sts::123456789012:assumed-role/deploy/run"}, {DEPLOY}),
        ({"AWS": "arn:aws:sts::123456789012:assumed-role/deploy/other"}, set()),
        ({"Service": "ec2.amazonaws.com"}, {EC2}),
        ({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}, {EC2}),
        ({"Federated": "accounts.google.com"}, set()),
        ({"AWS": "arn:aws:iam::123456789012:user/alice", "Service": "ec2.amazonaws.com"}, {ALICE, EC2}),
    ],
)
def test_a_principal_lets_in_whom_it_names_and_nobody_else(principal: Any, who: set[Asker]) -> None:
    assert {asker for asker in (ALICE, DEPLOY, EC2) if decide(asker, statement(principal))} == who


def test_a_new_user_of_an_old_name_is_somebody_else() -> None:
    assert not decide(ALICE, statement({"AWS": ALICE.arn}), ids={ALICE.arn: "AIDABEFORE"})


def test_a_denial_wins() -> None:
    assert not decide(ALICE, statement("*"), statement({"AWS": ALICE.arn}, "Deny"))
    assert decide(DEPLOY, statement("*"), statement({"AWS": ALICE.arn}, "Deny"))


def test_nothing_said_is_nothing_allowed() -> None:
    assert not decide(ALICE, statement("*", Action="sts:TagSession"))


@pytest.mark.parametrize(("action", "expected"), [("sts:Assume*", True), ("STS:ASSUMEROLE", True), ("sts:T*", False)])
def test_actions_are_matched_with_wildcards_and_without_case(action: str, expected: bool) -> None:
    assert decide(ALICE, statement("*", Action=[action])) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, True),
        ({"StringEquals": {"sts:ExternalId": "secret"}}, True),
        ({"StringEquals": {"sts:ExternalId": ["other", "secret"]}}, True),
        ({"StringEquals": {"sts:ExternalId": "other"}}, False),
        ({"StringNotEquals": {"sts:ExternalId": "other"}}, True),
        ({"StringEqualsIgnoreCase": {"STS:ExternalID": "SECRET"}}, True),
        ({"StringLike": {"sts:RoleSessionName": "w?r*"}}, True),
        ({"StringNotLike": {"sts:RoleSessionName": "w*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/x"}}, False),
        ({"Null": {"sts:ExternalId": "false"}}, True),
        ({"Null": {"sts:ExternalId": True}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": "123456789012"}, "StringLike": {"aws:userid": "AIDA*"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": "123456789012"}, "StringLike": {"aws:userid": "AROA*"}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"ForAnyValue:StringEquals": {"sts:ExternalId": "secret"}}, False),
    ],
)
def test_conditions_are_held_to(condition: Any, expected: bool) -> None:
    asker = Asker(**{**_fields(ALICE), "external_id": "secret"})
    assert decide(asker, statement("*", Condition=condition)) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"sts:ExternalId": "secret"}}, False),
        ({"StringEqualsIfExists": {"sts:ExternalId": "secret"}}, True),
        ({"StringNotEquals": {"sts:ExternalId": "secret"}}, True),
        ({"Null": {"sts:ExternalId": "true"}}, True),
    ],
)
def test_what_the_caller_does_not_give_is_missing(condition: Any, expected: bool) -> None:
    assert decide(ALICE, statement("*", Condition=condition)) == expected


def test_a_denial_on_what_is_not_known_here_denies() -> None:
    condition = {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    assert not decide(ALICE, statement("*"), statement("*", "Deny", Condition=condition))


def _fields(asker: Asker) -> dict[str, Any]:
    return {name: getattr(asker, name) for name in Asker.__dataclass_fields__}
