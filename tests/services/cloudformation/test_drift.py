"""Drift: what was changed behind a stack's back is seen, and nothing else is called so."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.services.cloudformation.rules.drift import differences, of_stack, plain
from tests.services.cloudformation.test_tiers import TIER

TEXT = """
Parameters:
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}
  Word: {Type: String, NoEcho: true, Default: topsecret}
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true}}
  Sub: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net, CidrBlock: 10.0.0.0/24}}
  Door:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: door
      VpcId: !Ref Net
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: "80", ToPort: 80, CidrIp: 0.0.0.0/0}
        - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8, Description: in}
  Web:
    Type: AWS::EC2::Instance
    Properties:
      {ImageId: !Ref Image, InstanceType: t2.micro, SubnetId: !Ref Sub, SecurityGroupIds: [!Ref Door],
      Tags: [{Key: Name, Value: web}]}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
  Said: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Word}}
  Mark: {Type: AWS::CloudFormation::WaitConditionHandle}
"""


def detected(cloud, **params):
    made = cloud.cfn("DetectStackDrift", StackName="web", **params)["StackDriftDetectionId"]
    found = cloud.cfn("DescribeStackDriftDetectionStatus", StackDriftDetectionId=made)
    assert found["DetectionStatus"] == "DETECTION_COMPLETE"
    return found["StackDriftStatus"], found["DriftedStackResourceCount"]


def drifts(cloud, *statuses):
    filters = {"StackResourceDriftStatusFilters": list(statuses)} if statuses else {}
    found = cloud.cfn("DescribeStackResourceDrifts", StackName="web", **filters)["StackResourceDrifts"]
    return {one["LogicalResourceId"]: one for one in found}


def capable(cloud, text, **params):
    cloud.create(text, Capabilities=["CAPABILITY_IAM"], **params)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()


def test_a_stack_as_it_was_made_is_in_sync(cloud):
    capable(cloud, TEXT)
    assert cloud.stack()["DriftInformation"] == {"StackDriftStatus": "NOT_CHECKED"}
    assert detected(cloud) == ("IN_SYNC", 0)
    assert {name: one["StackResourceDriftStatus"] for name, one in drifts(cloud).items()} == dict.fromkeys(
        ("Net", "Sub", "Door", "Web", "Role", "Said"), "IN_SYNC"
    )
    assert cloud.stack()["DriftInformation"]["StackDriftStatus"] == "IN_SYNC"


def test_a_whole_tier_as_it_was_made_is_in_sync(cloud):
    cloud.create(TIER)
    assert detected(cloud) == ("IN_SYNC", 0), drifts(cloud, "MODIFIED", "DELETED")


def test_what_was_changed_or_deleted_behind_its_back_is_seen(cloud):
    capable(cloud, TEXT)
    cloud.ask("ec2", "ModifyVpcAttribute", VpcId=cloud.physical("Net"), EnableDnsHostnames={"Value": False})
    cloud.ask("ec2", "CreateTags", Resources=[cloud.physical("Web")], Tags=[{"Key": "Name", "Value": "other"}])
    cloud.ask("ssm", "DeleteParameter", Name=cloud.physical("Said"))
    everyone = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.ask("ec2", "AuthorizeSecurityGroupIngress", GroupId=cloud.physical("Door"), IpPermissions=[everyone])
    assert detected(cloud) == ("DRIFTED", 4)
    found = drifts(cloud, "MODIFIED")
    assert sorted(found) == ["Door", "Net", "Web"]
    assert found["Net"]["PropertyDifferences"] == [
        {
            "PropertyPath": "/EnableDnsHostnames",
            "ExpectedValue": "true",
            "ActualValue": "false",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    assert json.loads(found["Web"]["ActualProperties"])["Tags"] == [{"Key": "Name", "Value": "other"}]
    gone = drifts(cloud, "DELETED")
    assert list(gone) == ["Said"]
    assert "topsecret" not in gone["Said"]["ExpectedProperties"]
    listed = cloud.cfn("ListStackResources", StackName="web")["StackResourceSummaries"]
    assert {one["LogicalResourceId"]: one["DriftInformation"]["StackResourceDriftStatus"] for one in listed}[
        "Said"
    ] == "DELETED"


def test_one_resource_can_be_asked_for(cloud):
    capable(cloud, TEXT)
    found = cloud.cfn("DetectStackResourceDrift", StackName="web", LogicalResourceId="Net")["StackResourceDrift"]
    assert (found["StackResourceDriftStatus"], found["PropertyDifferences"]) == ("IN_SYNC", [])
    assert detected(cloud, LogicalResourceIds=["Sub"]) == ("IN_SYNC", 0)
    assert sorted(drifts(cloud)) == ["Net", "Sub"]


@pytest.mark.parametrize(
    ("operation", "params", "words"),
    [
        ("DetectStackResourceDrift", {"LogicalResourceId": "Mark"}, "Drift detection is not supported"),
        ("DetectStackResourceDrift", {"LogicalResourceId": "Nope"}, "Resource Nope does not exist for stack web"),
        ("DetectStackDrift", {"LogicalResourceIds": ["Nope"]}, "Resource Nope does not exist for stack web"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(cloud, operation, params, words):
    capable(cloud, TEXT)
    code, message = cloud.refused(operation, StackName="web", **params)
    assert code == "ValidationError"
    assert words in message


def test_drift_says_nothing_of_what_an_update_has_made_since(cloud):
    capable(cloud, TEXT)
    detected(cloud)
    cloud.cfn(
        "UpdateStack",
        StackName="web",
        TemplateBody=TEXT.replace("10.0.0.0/8", "10.0.0.0/9"),
        Capabilities=["CAPABILITY_IAM"],
    )
    assert cloud.refused("DetectStackDrift", StackName="web")[1].endswith(
        "is in UPDATE_IN_PROGRESS state and drift detection can not be performed."
    )
    cloud.drive()
    assert cloud.stack()["DriftInformation"] == {"StackDriftStatus": "NOT_CHECKED"}
    assert drifts(cloud) == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=2), VALUES, max_size=4))
def test_nothing_differs_from_itself(properties):
    assert differences(properties, properties) == []
    assert differences(properties, {}) == []  # AWS too: what is not known to be there is not compared


@given(VALUES, VALUES)
def test_what_differs_is_told_and_what_does_not_is_not(one, other):
    assert bool(differences({"a": one}, {"a": other})) == (plain(one) != plain(other))


@pytest.mark.parametrize(
    ("expected", "actual", "differ"),
    [
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, False),
        ({"a": 1}, {"a": 2}, True),
        ({"a": 50}, {"a": 50.0}, False),
        ({"a": True}, {"a": "true"}, False),
        ({"a": 1}, {"b": 2}, False),
        ({"a": [{"Key": "k", "Value": "v"}]}, {"a": []}, True),
    ],
)
def test_values_are_compared_by_what_they_say(expected, actual, differ):
    assert bool(differences(expected, actual)) is differ


def test_a_stack_has_drifted_when_one_of_its_resources_has():
    assert of_stack(["IN_SYNC", "IN_SYNC"]) == "IN_SYNC"
    assert of_stack([]) == "IN_SYNC"
    assert of_stack(["IN_SYNC", "DELETED"]) == of_stack(["MODIFIED"]) == "DRIFTED"
