"""Templates read from text: JSON, YAML, and what a stranger may send."""
# ruff: noqa: E501 - a case is a line

import contextlib
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.services.cloudformation.rules import assertions, parameters
from aftershock.services.cloudformation.rules.checking import check
from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.functions import Scope, Unknown
from aftershock.services.cloudformation.rules.loading import load
from aftershock.services.cloudformation.rules.template import order, read
from aftershock.services.cloudformation.types import TYPES

from .test_tiers import TIER


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: !Ref B", {"a": {"Ref": "B"}}),
        ("a: !GetAtt B.C.D", {"a": {"Fn::GetAtt": ["B", "C.D"]}}),
        ("a: !GetAtt [B, C]", {"a": {"Fn::GetAtt": ["B", "C"]}}),
        ('a: !Sub "${B}"', {"a": {"Fn::Sub": "${B}"}}),
        ("a: !Join [',', [!Ref B, c]]", {"a": {"Fn::Join": [",", [{"Ref": "B"}, "c"]]}}),
        ("a: !If [C, 1, 2.5]", {"a": {"Fn::If": ["C", 1, 2.5]}}),
        ("a: !Not [!Condition C]", {"a": {"Fn::Not": [{"Condition": "C"}]}}),
        ("a: !Base64 {'Fn::Sub': x}", {"a": {"Fn::Base64": {"Fn::Sub": "x"}}}),
        ("a: 2010-09-09", {"a": "2010-09-09"}),
        ("a: 0755", {"a": "0755"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 1.10", {"a": "1.10"}),
        ("a: yes", {"a": True}),
        ("a: '1'", {"a": "1"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ('{"a": [1, true, "x"]}', {"a": [1, True, "x"]}),
    ],
)
def test_text_becomes_plain_values(text, value):
    assert load(text).value == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\nb: *x", "YAML aliases are not allowed"),
        ("a: 1\na: 2", "Duplicate key 'a' (line 2, column 1)"),
        ('{"a": 1, "a": 2}', "Duplicate key 'a'"),
        ("a: [1\nb: 2", "YAML not well-formed. (line 2"),
        ('{"a": 1,\n}', "JSON not well-formed. (line 2, column 1)"),
        ("a: !Nothing b", "Unresolved tag: !Nothing (line 1, column 4)"),
        ("a: !!python/object:os.system b", "Unresolved tag"),
        ("a:\n  b:", "[/a/b] 'null' values are not allowed in templates"),
        ("a: {80: b}", "[/a] map keys must be strings; received numeric [80] instead"),
        ("- a", "unsupported structure"),
        ("", "unsupported structure"),
        ("a: 1\n---\nb: 2", "YAML not well-formed"),
        ("[" * 5000, "Template format error"),
        ('{"a":' * 5000, "Template format error"),
        ('{"a":' * 150 + "1" + "}" * 150, "deeper than 100 levels"),
        ("a: " + "[" * 150 + "]" * 150, "deeper than 100 levels"),
        ('{"a": ' + "9" * 5000 + "}", "JSON not well-formed"),
        ('{"a": NaN}', "JSON not well-formed"),
        ("a: \ud800", "not well-formed"),
        ("? [a]\n: b", "A key has to be a string"),
    ],
)
def test_hostile_text_is_refused(text, message):
    with pytest.raises(TemplateError) as caught:
        load(text)
    assert message in str(caught.value)


@given(st.text(max_size=200) | st.text(alphabet="a:-!&*[]{}\"'\n #|>?,", max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(TemplateError):
        load(text)


PLAIN = st.recursive(
    st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex("[a-z]{2,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.from_regex("[A-Z][a-z]{1,5}", fullmatch=True), PLAIN, max_size=3))
def test_json_and_yaml_say_the_same(value):
    assert load(json.dumps(value)).value == value
    names = [name for name in value if name.lower() in ("on", "off", "yes", "no", "true", "false", "null")]
    if value and not names:
        assert load(yaml.safe_dump(value)).value == value


def test_lines_are_known():
    text = "Resources:\n  A:\n    Type: X\n  B:\n    Type: X\n"
    assert load(text).line("Resources", "B") == 4
    assert load(json.dumps({"Resources": {"A": {}, "B": {}}}, indent=1)).line("Resources", "B") == 4


VPC = "{Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.0.0.0/16%s}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Outputs: {}", "At least one Resources member must be defined."),
        ("Nothing: {}\nResources: {A: " + VPC % "" + "}", "Invalid template property or properties [Nothing]"),
        ("Resources: {A: {Properties: {}}}", "Every Resources object must contain a Type member"),
        ("Resources: {A-b: " + VPC % "" + "}", "Resource name A-b is non alphanumeric"),
        ("Resources: {A: {Type: 'AWS::No::Such'}}", "Unrecognized resource types: [AWS::No::Such]"),
        ("Resources: {A: {Type: 'Custom::Own'}}", "[Custom::Own]; resource A (line 1). A custom resource is made by an AWS Lambda function"),
        ("Resources: {A: {Type: 'AWS::CloudFormation::CustomResource'}}", "this region has neither service."),
        ("Transform: Mine\nResources: {A: " + VPC % "" + "}", "No transform named Mine found. A macro is an AWS Lambda function"),
        ("Resources:\n  A: " + VPC % ", Colour: red", "resource A (line 2): Encountered unsupported property Colour"),
        ("Resources:\n  A: {Type: 'AWS::EC2::VPC'}", "Property CidrBlock cannot be empty."),
        ("Resources:\n  A: " + VPC % ", Tags: {}", "Value of property Tags must be of type"),
        ("Resources:\n  A: " + VPC % ", Tags: [{Key: a}]", "Property Tags.Value cannot be empty."),
        ("Resources:\n  A: " + VPC % ", EnableDnsSupport: perhaps", "EnableDnsSupport must be of type Boolean"),
        ("Resources: {A: " + VPC % ", InstanceTenancy: !Ref B" + "}", "Unresolved resource dependencies [B] in the Resources block"),
        ("Resources: {A: " + VPC % "" + "}\nOutputs: {O: {Value: !Ref B}}", "Unresolved resource dependencies [B] in the Outputs"),
        ("Resources: {A: " + VPC % "" + "}\nOutputs: {O: {Value: !GetAtt A.Colour}}", "resource A does not support attribute type Colour in Fn::GetAtt"),
        ("Resources: {A: {Type: 'AWS::EC2::VPC', Condition: C, Properties: {CidrBlock: a}}}", "Unresolved condition dependency C"),
        ("Resources: {A: {Type: 'AWS::EC2::VPC', DeletionPolicy: Snapshot, Properties: {CidrBlock: a}}}", "does not support deletion policy Snapshot"),
        ("Resources: {A: {Type: 'AWS::EC2::VPC', DeletionPolicy: Burn, Properties: {CidrBlock: a}}}", "Unrecognized DeletionPolicy Burn"),
        ("Transform: AWS::Serverless-2016-10-31\nResources: {A: " + VPC % "" + "}", "No transform named AWS::Serverless-2016-10-31 found."),
        ("AWSTemplateFormatVersion: 2011-01-01\nResources: {A: " + VPC % "" + "}", "not a supported value for AWSTemplateFormatVersion"),
        (
            "Resources: {A: {Type: 'AWS::EC2::InternetGateway', DependsOn: B}, B: {Type: 'AWS::EC2::InternetGateway', "
            "DependsOn: A}, C: {Type: 'AWS::EC2::InternetGateway', DependsOn: A}}",
            "Circular dependency between resources: [A, B]",
        ),
    ],
)  # fmt: skip
def test_a_broken_template_is_refused_by_name(text, message):
    with pytest.raises(TemplateError) as caught:
        check(read(text), TYPES)
    assert message in str(caught.value)


def test_loops_are_unrolled():
    text = """
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: "a,b"}}
Resources:
  Fn::ForEach::Each:
    - Name
    - !Ref Names
    - Setting${Name}:
        Type: AWS::SSM::Parameter
        Properties: {Type: String, Name: !Sub "/x/${Name}", Value: !Ref Name}
"""
    found = read(text).resources
    assert sorted(found) == ["Settinga", "Settingb"]
    assert found["Settinga"].properties == {"Type": "String", "Name": {"Fn::Sub": "/x/a"}, "Value": "a"}
    assert sorted(read(text, {"Names": ["c"]}).resources) == ["Settingc"]


LOOP = """
Transform: AWS::LanguageExtensions
Parameters: {Stage: {Type: String}}
Mappings: {Names: {live: {Many: [A, B]}, trial: {Many: [C]}}}
Conditions: {Live: !Equals [!Ref Stage, live]}
Resources:
  Fn::ForEach::Each:
    - Name
    - !FindInMap [Names, !Ref Stage, Many]
    - Setting${Name}:
        Type: AWS::SSM::Parameter
        DeletionPolicy: !If [Live, Retain, Delete]
        UpdateReplacePolicy: !FindInMap [Names, none, none, {DefaultValue: Retain}]
        Properties: {Type: String, Value: !Sub "${Name}"}
Outputs:
  Fn::ForEach::Values:
    - Name
    - !FindInMap [Names, !Ref Stage, Many]
    - Value${Name}: {Value: !GetAtt [!Sub "Setting${Name}", Value]}
      Name${Name}: {Value: {Ref: !Sub "Setting${Name}"}}
"""


@pytest.mark.parametrize(
    ("stage", "names", "policy"), [("live", ["SettingA", "SettingB"], "Retain"), ("trial", ["SettingC"], "Delete")]
)
def test_with_the_extensions_functions_give_names_and_policies(stage, names, policy):
    found = read(LOOP, {"Stage": stage})
    assert sorted(found.resources) == names
    assert {one.deletion_policy for one in found.resources.values()} == {policy}
    assert {one.replace_policy for one in found.resources.values()} == {"Retain"}
    letter = names[0][-1]
    assert found.outputs[f"Value{letter}"] == {"Value": {"Fn::GetAtt": [names[0], "Value"]}}
    assert found.outputs[f"Name{letter}"] == {"Value": {"Ref": names[0]}}


def test_the_form_of_a_loop_is_looked_at_before_its_parameters_are_known():
    assert sorted(read(LOOP).resources) == ["SettingName"]
    with pytest.raises(TemplateError, match="Unresolved resource dependencies"):
        read(LOOP.replace('!Sub "Setting${Name}", Value', '!Sub "Set${Name}", Value'))


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"))))
def test_an_order_respects_all_dependencies_or_names_a_ring(depends):
    try:
        found = order(depends)
    except TemplateError as error:
        assert "Circular dependency between resources: [" in str(error)
        return
    for name, others in depends.items():
        assert all(found.index(other) < found.index(name) for other in others if other in depends)
    assert sorted(found) == sorted(depends)


@pytest.mark.parametrize(
    ("declared", "text", "message"),
    [
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "Parameter 'P' must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", "Parameter 'P' must match pattern [a-z]+"),
        ({"Type": "String", "MinLength": 2}, "a", "Parameter 'P' must contain at least 2 characters"),
        ({"Type": "String", "MaxLength": "2"}, "abc", "Parameter 'P' must contain at most 2 characters"),
        ({"Type": "Number"}, "a", "Parameter 'P' must be a number"),
        ({"Type": "Number", "MinValue": 2}, "1", "Parameter 'P' must be a number not less than 2"),
        ({"Type": "Number", "MaxValue": 2}, "3", "Parameter 'P' must be a number not greater than 2"),
        ({"Type": "List<Number>"}, "1,b", "Parameter 'P' must be a number"),
        ({"Type": "Number", "ConstraintDescription": "how many"}, "a", "Parameter P failed to satisfy constraint: how many"),
        ({"Type": "String"}, "x" * 4097, "Parameter 'P' must be at most 4096 bytes"),
    ],
)  # fmt: skip
def test_values_that_break_their_parameter_are_refused(declared, text, message):
    one = parameters.declared({"P": declared})
    with pytest.raises(TemplateError) as caught:
        parameters.given(one, [{"ParameterKey": "P", "ParameterValue": text}], None)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ([], "Parameters: [A] must have values"),
        ([{"ParameterKey": "A", "ParameterValue": "x"}, {"ParameterKey": "C", "ParameterValue": "x"}], "Parameters: [C] do not exist in the template"),
        ([{"ParameterKey": "A", "UsePreviousValue": True}], "Cannot specify usePreviousValue as true"),
    ],
)  # fmt: skip
def test_parameters_are_all_there_and_known(given_, message):
    one = parameters.declared({"A": {"Type": "String"}, "B": {"Type": "String", "Default": ""}})
    with pytest.raises(TemplateError) as caught:
        parameters.given(one, given_, None)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "kind", ["Text", "List<Colour>", "AWS::SSM::Parameter::Value<Colour>", "AWS::RDS::DBInstance::Id"]
)
def test_an_unknown_parameter_type_is_refused(kind):
    with pytest.raises(TemplateError, match="Unrecognized parameter type"):
        parameters.declared({"A": {"Type": kind}})


WHOLE = load(TIER).value


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_template_with_anything_anywhere_is_checked_or_refused(data):
    """One place of a good template, at any depth, holds something else."""

    def spoil(value):
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        places = list(inside)
        if not places or data.draw(st.integers(0, 4)) == 0:
            return data.draw(PLAIN)
        at, inner = data.draw(st.sampled_from(places))
        made = dict(value) if isinstance(value, dict) else list(value)
        made[at] = spoil(inner)
        return made

    text = json.dumps(spoil(WHOLE))
    try:
        template = read(text)
        check(template, TYPES)
        parameters.declared(template.parameters)
        assertions.check(template.rules, Scope(conditions=template.conditions))
    except (TemplateError, Unknown):
        pass
