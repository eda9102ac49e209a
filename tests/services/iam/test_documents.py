import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.iam.operations import managed
from aftershock.services.iam.rules import documents

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
SYNTAX = "Syntax errors in policy."


def document(*statements: Any, **top: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **top})


def changed(statement: dict[str, Any], **elements: Any) -> dict[str, Any]:
    after = {**statement, **elements}
    return {name: value for name, value in after.items() if value is not None}


@pytest.mark.parametrize(
    "text",
    [
        document(ALLOW),
        json.dumps({"Version": "2012-10-17", "Statement": ALLOW}),
        document(ALLOW, Id="me"),
        document(changed(ALLOW, Action=["ec2:*", "*"], Resource=["arn:aws:s3:::bucket/*", "arn:aws:iam::*:role/x"])),
        document(changed(ALLOW, Action=None, NotAction="iam:*", Sid="One"), changed(ALLOW, Sid="Two")),
        document(changed(ALLOW, Condition={"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}})),
        document(changed(ALLOW, Condition={"Bool": {"aws:SecureTransport": True}})),
    ],
)
def test_a_well_formed_policy_is_taken(text: str) -> None:
    documents.check_identity_policy(text, managed=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", SYNTAX),
        ("[]", SYNTAX),
        ("null", SYNTAX),
        ("[" * 100_000, SYNTAX),
        ('{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}', SYNTAX),
        (document(), SYNTAX),
        (document(ALLOW, Extra=1), SYNTAX),
        (document(ALLOW, Version="2020-01-01"), SYNTAX),
        (document(changed(ALLOW, Extra=1)), SYNTAX),
        (document(changed(ALLOW, Effect=None)), SYNTAX),
        (document(changed(ALLOW, Effect="Perhaps")), SYNTAX),
        (document(changed(ALLOW, NotAction="s3:*")), SYNTAX),
        (document(changed(ALLOW, Action={"a": 1})), SYNTAX),
        (document(changed(ALLOW, Condition={"StringAlike": {"a": "b"}})), SYNTAX),
        (document(changed(ALLOW, Effect="allow")), "The policy failed legacy parsing"),
        (json.dumps({"Statement": [ALLOW]}), "Policy document must be version 2012-10-17 or greater."),
        (document(ALLOW, Version="2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
        (document(TRUST), "Policy document should not specify a principal."),
        (document(changed(ALLOW, Action=None)), "Policy statement must contain actions."),
        (document(changed(ALLOW, Action=[])), "Policy statement must contain actions."),
        (document(changed(ALLOW, Resource=None)), "Policy statement must contain resources."),
        (
            document(changed(ALLOW, Sid="A"), changed(ALLOW, Sid="A")),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            document(changed(ALLOW, Sid="a b")),
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
        (
            document(changed(ALLOW, Action="invalid")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (document(changed(ALLOW, Action="a:b:c")), "Actions/Condition can contain only one colon."),
        (document(changed(ALLOW, Action="a b:c")), "Vendor a b is not valid"),
        (document(changed(ALLOW, Resource="bucket")), 'Resource bucket must be in ARN format or "*".'),
        (
            document(changed(ALLOW, Resource="arn:gcp:s3:::b")),
            'Partition "gcp" is not valid for resource "arn:gcp:s3:::b".',
        ),
        (
            document(changed(ALLOW, Resource="arn:aws")),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (document(changed(ALLOW, Resource="arn:aws:s3::b")), "The policy failed legacy parsing"),
        (
            document(changed(ALLOW, Resource="arn:aws:iam:us-east-1::role/x")),
            "IAM resource arn:aws:iam:us-east-1::role/x cannot contain region information.",
        ),
        (
            document(changed(ALLOW, Resource="arn:aws:s3:us-east-1::b")),
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
        ),
    ],
)
def test_a_malformed_policy_is_refused_in_aws_words(text: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        documents.check_identity_policy(text, managed=True)
    assert (caught.value.code, caught.value.message) == ("MalformedPolicyDocument", message)


def test_an_inline_policy_may_be_of_the_older_version() -> None:
    documents.check_identity_policy(document(ALLOW, Version="2008-10-17"), managed=False)
    documents.check_identity_policy(json.dumps({"Statement": [ALLOW]}), managed=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ("[]", SYNTAX),
        (document(changed(TRUST, Resource="*")), "Has prohibited field Resource"),
        (document(changed(TRUST, NotResource="*")), "Has prohibited field NotResource"),
        (document(changed(TRUST, Principal=None)), "Missing required field Principal"),
        (document(changed(TRUST, Action=None)), "Missing required field Action"),
        (document(changed(TRUST, Effect=None)), "Missing required field Effect"),
        (document(changed(TRUST, Principal={"Nobody": "x"})), SYNTAX),
        (document(changed(TRUST, Principal="me")), SYNTAX),
        (
            document(changed(TRUST, Principal={"AWS": []})),
            "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: "
            "The passed in policy has a statement with no principals!",
        ),
        (
            document(changed(TRUST, Action="s3:GetObject")),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
    ],
)
def test_a_malformed_trust_policy_is_refused_in_aws_words(text: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        documents.check_trust_policy(text)
    assert (caught.value.code, caught.value.message) == ("MalformedPolicyDocument", message)


def test_a_trust_policy_tells_whom_it_names() -> None:
    text = document(TRUST, changed(TRUST, Principal="*"), changed(TRUST, Principal={"AWS": ["1", "2"]}))
    expected = [("Service", "ec2.amazonaws.com"), ("AWS", "*"), ("AWS", "1"), ("AWS", "2")]
    assert documents.check_trust_policy(text) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
statements = st.dictionaries(
    st.sampled_from(
        ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"]
    ),
    json_values | st.sampled_from(["Allow", "sts:AssumeRole", "*", {"AWS": "*"}]),
)


@given(statement=statements | json_values, top=st.dictionaries(st.sampled_from(["Id", "Version"]), json_values))
def test_whatever_json_is_sent_is_taken_or_refused_as_malformed(statement: Any, top: dict[str, Any]) -> None:
    text = document(statement, **top)
    for check in (documents.check_trust_policy, lambda one: documents.check_identity_policy(one, managed=False)):
        try:
            check(text)
        except AwsError as error:
            assert error.code == "MalformedPolicyDocument"


def test_the_policies_of_aws_would_be_taken_from_a_user_as_well() -> None:
    for arn, policy in managed.of_aws().items():
        assert arn.startswith("arn:aws:iam::aws:policy/")
        documents.check_identity_policy(policy.versions[0].document, managed=True)
