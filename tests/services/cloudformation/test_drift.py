"""Drift: what was changed behind a stack's back is seen, and nothing else is called so."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.services.cloudformation.rules.drift import differences, of_stack, plain
from aftershock.services.cloudformation.types.live import LIVE
from tests.services.cloudformation.test_dhcp_options import NETWORK as OPTIONS
from tests.services.cloudformation.test_more_types import (
    ALLOW,
    BALANCED,
    EXPERIMENT,
    GROUP,
    INTERFACE,
    MACHINE,
    MORE,
    PEOPLE,
)
from tests.services.cloudformation.test_nat_gateways import NAT, NETWORK
from tests.services.cloudformation.test_network_acls import BASE as ACLS
from tests.services.cloudformation.test_tiers import TIER, synchronised

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


def test_whatever_else_can_be_compared_is_in_sync_as_it_was_made(cloud):
    several = (PEOPLE, ACLS, EXPERIMENT, INTERFACE, NETWORK + NAT, OPTIONS, SETTINGS, BALANCED, MACHINE + MORE)
    several += (GROUP, TIER)
    for number, text in enumerate(several):
        name = f"stack{number}"
        cloud.create(text, name=name, Capabilities=["CAPABILITY_NAMED_IAM"], Tags=[{"Key": "stage", "Value": "one"}])
        assert cloud.status(name) == "CREATE_COMPLETE", cloud.events(name)
        cloud.cfn("DetectStackDrift", StackName=name)
        found = cloud.cfn("DescribeStackResourceDrifts", StackName=name)["StackResourceDrifts"]
        assert [one for one in found if one["StackResourceDriftStatus"] != "IN_SYNC"] == []
        cloud.cfn("DeleteStack", StackName=name)
        cloud.drive()
    looked_at = {one for text in (*several, TEXT, TIER, NAMES) for one in re.findall(r"Type: (AWS::\w+::\w+)", text)}
    assert LIVE.keys() - looked_at <= {
        "AWS::CertificateManager::Certificate",  # complete only when the DNS answers
        "AWS::ECR::Repository",
    }


SETTINGS = """
Parameters:
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}
Resources:
  Key: {Type: AWS::EC2::KeyPair, Properties: {KeyName: web, KeyType: ed25519}}
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Linked:
    Type: AWS::IAM::ServiceLinkedRole
    Properties: {AWSServiceName: autoscaling.amazonaws.com, Description: ours}
  Probe:
    Type: AWS::Route53::HealthCheck
    Properties:
      HealthCheckConfig: {Type: HTTP, IPAddress: 198.18.1.1, Port: 80}
      HealthCheckTags: [{Key: team, Value: web}]
  Gate: {Type: AWS::EC2::InternetGateway, Properties: {Tags: [{Key: Name, Value: gate}]}}
  Way: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref Gate}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Net, Tags: [{Key: Name, Value: table}]}}
  Route:
    Type: AWS::EC2::Route
    DependsOn: Way
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gate}
  Low:
    Type: AWS::CloudWatch::Alarm
    Properties:
      {Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1,
      ComparisonOperator: LessThanThreshold}
  Any: {Type: AWS::CloudWatch::CompositeAlarm, Properties: {AlarmRule: !Sub "ALARM(${Low})", ActionsEnabled: false}}
  Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: '{"widgets": []}'}}
  Ann: {Type: AWS::IAM::User, Properties: {Path: /a/, Policies: [{PolicyName: p, PolicyDocument: DOCUMENT}]}}
  Key1: {Type: AWS::IAM::AccessKey, Properties: {UserName: !Ref Ann, Status: Inactive}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
      Policies: [{PolicyName: p, PolicyDocument: DOCUMENT}]
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Kept:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true}
      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
      Tags: [{Key: team, Value: web}]
  Said:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Kept
      PolicyDocument:
        Statement: [{Effect: Deny, Principal: "*", Action: "s3:*", Resource: !Sub "${Kept.Arn}/*"}]
  Launch:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {ImageId: !Ref Image, InstanceType: t2.micro}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {MinSize: 0, MaxSize: 1, LaunchConfigurationName: !Ref Launch, AvailabilityZones: !GetAZs ""}
  Step:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties: {AutoScalingGroupName: !Ref Group, AdjustmentType: ChangeInCapacity, ScalingAdjustment: 1}
  Night:
    Type: AWS::AutoScaling::ScheduledAction
    Properties: {AutoScalingGroupName: !Ref Group, MinSize: 0, MaxSize: 1, Recurrence: "0 22 * * *"}
  Hook:
    Type: AWS::AutoScaling::LifecycleHook
    Properties:
      {AutoScalingGroupName: !Ref Group, LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING"}
""".replace("DOCUMENT", ALLOW)


NAMES = """
Resources:
  Zone:
    Type: AWS::Route53::HostedZone
    Properties: {Name: example.org, HostedZoneConfig: {Comment: ours}, HostedZoneTags: [{Key: team, Value: web}]}
  Www:
    Type: AWS::Route53::RecordSet
    Properties: {HostedZoneId: !Ref Zone, Name: www.example.org, Type: A, TTL: 60, ResourceRecords: [198.18.1.1]}
"""


def test_a_record_that_somebody_else_changed_is_seen(cloud):
    cloud.cfn("CreateStack", StackName="web", TemplateBody=NAMES)
    synchronised(cloud, "CREATE_COMPLETE")
    assert detected(cloud) == ("IN_SYNC", 0)
    record = {"Name": "www.example.org", "Type": "A", "TTL": 30, "ResourceRecords": [{"Value": "198.18.1.1"}]}
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
    zone = cloud.physical("Zone")
    cloud.ask("route53", "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch={"Changes": changes})
    cloud.ask("route53", "UpdateHostedZoneComment", Id=zone, Comment="theirs")
    assert detected(cloud) == ("DRIFTED", 2)
    found = drifts(cloud, "MODIFIED")
    assert [one["PropertyPath"] for one in found["Www"]["PropertyDifferences"]] == ["/TTL"]
    assert [one["PropertyPath"] for one in found["Zone"]["PropertyDifferences"]] == ["/HostedZoneConfig"]


def test_each_change_is_seen_where_it_was_made(cloud):
    cloud.create(SETTINGS, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    tag, suspended = {"Key": "Name", "Value": "x"}, {"Status": "Suspended"}
    cloud.ask("ec2", "CreateTags", Resources=[cloud.physical("Gate")], Tags=[tag])
    cloud.ask("cloudwatch", "PutDashboard", DashboardName=cloud.physical("Board"), DashboardBody="{}")
    cloud.ask("iam", "UpdateUser", UserName=cloud.physical("Ann"), NewPath="/b/")
    cloud.ask("iam", "DeleteUserPolicy", UserName=cloud.physical("Ann"), PolicyName="p")
    bucket = {"Bucket": cloud.physical("Kept")}
    cloud.ask("s3", "DeletePublicAccessBlock", **bucket)
    cloud.ask("s3", "DeleteBucketTagging", **bucket)
    cloud.ask("s3", "PutBucketVersioning", **bucket, VersioningConfiguration=suspended)
    assert detected(cloud) == ("DRIFTED", 4)
    assert {
        name: {one["PropertyPath"]: one["DifferenceType"] for one in found["PropertyDifferences"]}
        for name, found in drifts(cloud, "MODIFIED").items()
    } == {
        "Gate": {"/Tags": "NOT_EQUAL"},
        "Board": {"/DashboardBody": "NOT_EQUAL"},
        "Ann": {"/Path": "NOT_EQUAL", "/Policies": "REMOVE"},
        "Kept": {
            "/PublicAccessBlockConfiguration": "REMOVE",
            "/Tags": "REMOVE",
            "/VersioningConfiguration": "NOT_EQUAL",
        },
    }


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
