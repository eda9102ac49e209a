"""Intrinsic functions, each a line of a table."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.functions import NO_VALUE, Scope, Unknown, condition, evaluate


def _reference(name):
    if name == "Later":
        raise Unknown(name)
    return {"Web": "i-1"}[name]


SCOPE = Scope(
    values={"Size": "t2.micro", "Zones": ["a", "b"], "AWS::Region": "us-east-1", "Count": "3"},
    mappings={"Ami": {"us-east-1": {"id": "ami-1", "many": ["x", "y"]}}},
    conditions={
        "Big": {"Fn::Equals": [{"Ref": "Size"}, "m5.large"]},
        "Small": {"Fn::Not": [{"Condition": "Big"}]},
        "Both": {"Fn::And": [{"Condition": "Big"}, {"Condition": "Small"}]},
        "Any": {"Fn::Or": [{"Condition": "Big"}, {"Condition": "Small"}]},
        "Ring": {"Fn::Not": [{"Condition": "Other"}]},
        "Other": {"Condition": "Ring"},
    },
    reference=_reference,
    attribute=lambda name, attribute: f"{name}/{attribute}",
    imported=lambda name: f"import of {name}",
    zones=lambda region: ["us-east-1a", "us-east-1b"],
    extended=True,
)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"Ref": "Size"}, "t2.micro"),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "Web"}, "i-1"),
        ({"Ref": "AWS::NoValue"}, NO_VALUE),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"Fn::GetAtt": ["Web", "PublicIp"]}, "Web/PublicIp"),
        ({"Fn::GetAtt": "Web.Endpoint.Port"}, "Web/Endpoint.Port"),
        ({"Fn::GetAtt": ["Web", {"Ref": "Size"}]}, "Web/t2.micro"),
        ({"Fn::Sub": "${AWS::Region}-${Web}-${Web.Arn}-${!Kept}-$5"}, "us-east-1-i-1-Web/Arn-${Kept}-$5"),
        ({"Fn::Sub": ["${a}${Size}", {"a": {"Ref": "Web"}}]}, "i-1t2.micro"),
        ({"Fn::Sub": ["${Size}", {"Size": 5}]}, "5"),
        ({"Fn::Join": [",", ["a", 1, True, {"Ref": "Web"}]]}, "a,1,true,i-1"),
        ({"Fn::Join": ["", {"Ref": "Zones"}]}, "ab"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::NoValue"}]]}, "a"),
        ({"Fn::Select": ["1", {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "us-east-1a"),
        ({"Fn::Split": [",", "a,b,,c"]}, ["a", "b", "", "c"]),
        ({"Fn::FindInMap": ["Ami", {"Ref": "AWS::Region"}, "id"]}, "ami-1"),
        ({"Fn::FindInMap": ["Ami", "eu", "id", {"DefaultValue": "none"}]}, "none"),
        ({"Fn::If": ["Big", "a", "b"]}, "b"),
        ({"Fn::If": ["Small", {"Ref": "Web"}, {"Ref": "Nowhere"}]}, "i-1"),
        ({"Fn::If": ["Both", 1, {"Ref": "AWS::NoValue"}]}, NO_VALUE),
        ({"Fn::If": ["Any", 1, 2]}, 1),
        ({"Fn::Equals": [1, "1"]}, True),
        ({"Fn::Equals": [True, "true"]}, True),
        ({"Fn::Base64": "a"}, "YQ=="),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Cidr": ["10.0.0.0/24", "2", "5"]}, ["10.0.0.0/27", "10.0.0.32/27"]),
        ({"Fn::Cidr": ["2001:db8::/56", 1, 64]}, ["2001:db8::/64"]),
        ({"Fn::ImportValue": {"Fn::Sub": "${Size}-x"}}, "import of t2.micro-x"),
        ({"Fn::Length": {"Ref": "Zones"}}, 2),
        ({"Fn::ToJsonString": {"a": [{"Ref": "Web"}]}}, '{"a":["i-1"]}'),
        ({"Condition": {"StringEquals": {"a": "b"}}}, {"Condition": {"StringEquals": {"a": "b"}}}),
        ({"Ref": "Size", "more": 1}, {"Ref": "Size", "more": 1}),
    ],
)
def test_a_function_gives_what_aws_says(written, value):
    assert evaluate(written, SCOPE) == value


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"Fn::FindInMap": ["Ami", "eu", "id"]}, "Template error: Unable to get mapping for Ami::eu::id"),
        ({"Fn::FindInMap": ["No", "eu", "id"]}, "Mapping named 'No' is not present"),
        ({"Fn::Select": [2, ["a"]]}, "Template error: Fn::Select  cannot select nonexistent value at index 2"),
        ({"Fn::Select": [-1, ["a"]]}, "nonexistent value at index -1"),
        ({"Fn::Select": ["x", ["a"]]}, "an integer index"),
        ({"Fn::Join": [",", "a"]}, "every Fn::Join object requires two parameters"),
        ({"Fn::Join": ["a"]}, "every Fn::Join object requires two parameters"),
        ({"Fn::Join": [",", [{"a": 1}]]}, "takes strings"),
        ({"Fn::Sub": 5}, "don't specify expected arguments"),
        ({"Fn::Sub": ["a"]}, "don't specify expected arguments"),
        ({"Fn::Sub": "${a b$}"}, None),
        ({"Fn::Sub": "${}"}, "variable names in Fn::Sub"),
        ({"Fn::Sub": "${Zones}"}, "takes strings"),
        ({"Fn::Split": ["", "a"]}, "every Fn::Split object requires two parameters"),
        ({"Fn::If": ["Nothing", 1, 2]}, "Unresolved condition dependency Nothing"),
        ({"Fn::If": ["Ring", 1, 2]}, "Circular dependency between conditions: [Ring, Other]"),
        ({"Fn::Not": ["a", "b"]}, "every Fn::Not object requires one boolean parameter."),
        ({"Fn::And": [True]}, "at least 2 and at most 10"),
        ({"Fn::GetAtt": "Web"}, "requires two non-empty parameters"),
        ({"Fn::Cidr": ["10.0.0.0/24", 300, 4]}, "between 1 and 256"),
        ({"Fn::Cidr": ["10.0.0.0/24", 17, 4]}, "cannot make 17 blocks"),
        ({"Fn::Cidr": ["ten", 1, 4]}, "ten is not a valid CIDR block"),
        ({"Fn::Transform": {"Name": "x"}}, "Fn::Transform is not supported"),
        ({"Fn::Nothing": 1}, "Fn::Nothing is not supported"),
        ({"Ref": ["a"]}, "every Ref object must have a single String value"),
    ],
)
def test_a_function_used_wrongly_is_refused_in_aws_words(written, message):
    if message is None:
        assert evaluate(written, SCOPE) == written["Fn::Sub"]
        return
    with pytest.raises(TemplateError) as caught:
        evaluate(written, SCOPE)
    assert message in str(caught.value)


def test_what_hangs_on_a_resource_to_come_is_unknown_wherever_it_stands():
    with pytest.raises(Unknown):
        evaluate({"a": [{"Fn::Sub": "${Later}"}]}, SCOPE)


def test_a_condition_that_is_no_condition_is_refused():
    with pytest.raises(TemplateError, match="must be a condition function"):
        condition("C", Scope(conditions={"C": "maybe"}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["Ref", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::Cidr", "Fn::Select", "Fn::GetAtt", "Condition", "a"]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_written_gives_a_value_or_a_refusal(written):
    scope = Scope(values={"": ""}, conditions=SCOPE.conditions)
    with contextlib.suppress(TemplateError, Unknown):
        evaluate(written, scope)
