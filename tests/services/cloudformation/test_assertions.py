"""The Rules section: every function that it has beyond the others'."""

import pytest

from aftershock.services.cloudformation.rules.assertions import check
from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.functions import Scope
from aftershock.services.cloudformation.rules.loading import load

SCOPE = Scope(values={"Kind": "t2.micro", "Zones": ["a", "b"], "Stage": "live"})


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ("!Contains [[t2.micro, t3.micro], !Ref Kind]", True),
        ("!Contains [[t3.micro], !Ref Kind]", False),
        ("{'Fn::Contains': [!Ref Zones, a]}", True),
        ("!EachMemberIn [!Ref Zones, [a, b, c]]", True),
        ("!EachMemberIn [!Ref Zones, [a]]", False),
        ("!EachMemberEquals [[live, live], !Ref Stage]", True),
        ("!EachMemberEquals [!Ref Zones, a]", False),
        ("!Equals [!Ref Stage, live]", True),
        ("!And [!Contains [!Ref Zones, a], !Not [!Contains [!Ref Zones, z]]]", True),
        ("!Or [!Equals [!Ref Stage, trial], !EachMemberIn [[x], [y]]]", False),
    ],
)
def test_an_assertion_says_what_its_function_says(written, holds):
    rules = load(f"Rule: {{Assertions: [{{Assert: {written}, AssertDescription: not so}}]}}").value
    if holds:
        check(rules, SCOPE)
        return
    with pytest.raises(TemplateError, match="Rule Rule failed: not so"):
        check(rules, SCOPE)


def test_a_rule_whose_condition_does_not_hold_says_nothing():
    rules = {"Rule": {"RuleCondition": {"Fn::Equals": [{"Ref": "Stage"}, "x"]}, "Assertions": [{"Assert": False}]}}
    check(rules, SCOPE)


@pytest.mark.parametrize("name", ["RefAll", "ValueOf", "ValueOfAll"])
def test_what_asks_about_the_account_is_refused(name):
    rules = {"Rule": {"Assertions": [{"Assert": {f"Fn::{name}": ["AWS::EC2::VPC::Id", "x"]}}]}}
    with pytest.raises(TemplateError, match=f"Fn::{name} is not supported in this region"):
        check(rules, SCOPE)
