"""An Fn::If as the whole of a resource's properties."""
# ruff: noqa: E501 - a template's member, and a case, is a line

import pytest

HEAD = """
Parameters: {Stage: {Type: String, Default: test}}
Conditions: {Live: !Equals [!Ref Stage, live], Test: !Equals [!Ref Stage, test]}
Resources:
"""
CHOSEN = (
    HEAD
    + """
  Other: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: other}}
  One:
    Type: AWS::SSM::Parameter
    Properties:
      Fn::If:
        - Live
        - {Type: String, Value: live, Description: !Ref Other}
        - Fn::If: [Test, {Type: String, Value: test}, {Type: String, Value: neither}]
  Free: {Type: AWS::EC2::InternetGateway, Properties: !If [Live, {Tags: [{Key: a, Value: b}]}, !Ref AWS::NoValue]}
"""
)


def stage(text):
    return {"Parameters": [{"ParameterKey": "Stage", "ParameterValue": text}]}


def one(cloud):
    return cloud.ask("ssm", "GetParameter", Name=cloud.physical("One"))["Parameter"]


def test_conditions_choose_all_properties_of_a_resource(cloud):
    cloud.create(CHOSEN)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert one(cloud)["Value"] == "test"
    cloud.cfn("CreateChangeSet", StackName="web", ChangeSetName="live", TemplateBody=CHOSEN, **stage("live"))
    shown = cloud.cfn("DescribeChangeSet", StackName="web", ChangeSetName="live")["Changes"]
    assert {each["ResourceChange"]["LogicalResourceId"] for each in shown} == {"One", "Free"}
    cloud.update(CHOSEN, **stage("live"))
    assert (cloud.status(), one(cloud)["Value"]) == ("UPDATE_COMPLETE", "live"), cloud.events()
    cloud.update(CHOSEN, **stage("other"))
    assert (cloud.status(), one(cloud)["Value"]) == ("UPDATE_COMPLETE", "neither"), cloud.events()


def test_a_name_in_a_branch_needs_its_capability(cloud):
    role = HEAD + (
        "  R: {Type: AWS::IAM::Role, Properties: !If [Live, {RoleName: named, AssumeRolePolicyDocument: {}}, {AssumeRolePolicyDocument: {}}]}"
    )
    assert cloud.cfn("ValidateTemplate", TemplateBody=role)["Capabilities"] == ["CAPABILITY_NAMED_IAM"]


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ("!If [Live, {Type: String, Value: a}, {Type: String, Value: a, Colour: red}]", "unsupported property Colour"),
        ("!If [Live, {Type: String, Value: a}, {Type: String}]", "Property Value cannot be empty."),
        ("!If [Live, {Type: String, Value: a}]", "Fn::If requires a list argument with three elements"),
        ("!If [Live, {Type: String, Value: a}, text]", "Every Properties member must be an object."),
        (
            "!If [Nobodys, {Type: String, Value: a}, {Type: String, Value: b}]",
            "Unresolved condition dependency Nobodys",
        ),
        ("{Fn::If: [Live, {Type: String}, {Type: String}], Value: a}", "unsupported property Fn::If"),
    ],
)
def test_every_branch_is_checked_before_anything_is_made(cloud, properties, why):
    template = f"{HEAD}  One: {{Type: AWS::SSM::Parameter, Properties: {properties}}}"
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=template)
    assert code == "ValidationError" and why in message


def test_a_branch_of_a_type_that_the_region_does_not_have_is_refused_where_it_holds(cloud):
    template = f"{HEAD}  One: {{Type: AWS::Nobodys::Thing, Condition: Test, Properties: !If [Live, text]}}"
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=template)
    assert code == "ValidationError" and "Fn::If requires" in message


@pytest.mark.parametrize(("length", "fits"), [(4000, True), (4001, False)])
def test_a_parameter_is_described_in_four_thousand_characters_at_most(cloud, length, fits):
    template = (
        HEAD.replace("Default: test}", f"Default: test, Description: {'ä' * length}}}")
        + "  G: {Type: AWS::EC2::InternetGateway}"
    )
    if fits:
        assert len(cloud.cfn("ValidateTemplate", TemplateBody=template)["Parameters"][0]["Description"]) == length
    else:
        code, message = cloud.refused("ValidateTemplate", TemplateBody=template)
        assert code == "ValidationError" and "'Stage' is longer than 4000 characters" in message
