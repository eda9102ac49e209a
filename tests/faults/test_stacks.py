"""The control plane dies in the middle of a stack's operations: its successor goes on where they were."""

from collections.abc import Iterator

import pytest

from tests.conftest import eventually
from tests.region import IMAGE_PARAMETER, Region, a_region

WITHIN_S = 150.0
TEXT = f"""
Parameters:
  Image: {{Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: {IMAGE_PARAMETER}}}
  Said: {{Type: String, Default: first}}
Resources:
  Net: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  Gateway: {{Type: AWS::EC2::InternetGateway}}
  Attached: {{Type: AWS::EC2::VPCGatewayAttachment, Properties: {{VpcId: !Ref Net, InternetGatewayId: !Ref Gateway}}}}
  Routes: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Net}}}}
  Out:
    Type: AWS::EC2::Route
    DependsOn: Attached
    Properties: {{RouteTableId: !Ref Routes, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {{VpcId: !Ref Net, CidrBlock: 10.0.0.0/24, MapPublicIpOnLaunch: true}}
  Routed:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {{SubnetId: !Ref Subnet, RouteTableId: !Ref Routes}}
  Door:
    Type: AWS::EC2::SecurityGroup
    Properties: {{GroupDescription: !Ref Said, VpcId: !Ref Net}}
  Web:
    Type: AWS::EC2::Instance
    DependsOn: [Out, Routed]
    CreationPolicy: {{ResourceSignal: {{Timeout: PT10M}}}}
    Properties:
      ImageId: !Ref Image
      InstanceType: t2.micro
      SubnetId: !Ref Subnet
      SecurityGroupIds: [!Ref Door]
      UserData:
        Fn::Base64: !Sub |
          #!/bin/bash
          /opt/aws/bin/cfn-signal --stack ${{AWS::StackName}} --resource Web --region ${{AWS::Region}}
"""
KILLS = 3


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with a_region() as region:
        yield region


def moved(region: Region, stack: str, events: int) -> tuple[str, int]:
    """The stack's status and how many events it has, as soon as there are more than these or nothing is under way."""
    cloudformation = region.client("cloudformation")

    def look() -> tuple[str, int]:
        status: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        count = sum(len(page["StackEvents"]) for page in pages)
        assert count > events or not status.endswith("_IN_PROGRESS"), (status, count)
        return status, count

    return eventually(look, within_s=WITHIN_S)


def killed_under_way(region: Region, stack: str, wanted: str) -> None:
    """Kill the control plane each time that the stack has moved, until it stands; in this status at last."""
    kills, (status, events) = 0, moved(region, stack, 0)
    while status.endswith("_IN_PROGRESS"):
        if kills < KILLS:
            region.kill_control()
            region.wait_ready()
            kills += 1
        status, events = moved(region, stack, events)
    assert status == wanted
    assert kills


def test_a_stack_is_made_changed_and_deleted_though_the_control_plane_is_killed_each_time(region: Region) -> None:
    cloudformation = region.client("cloudformation")
    nets = {one["VpcId"] for one in region.ec2.describe_vpcs()["Vpcs"]}
    groups = {one["GroupId"] for one in region.ec2.describe_security_groups()["SecurityGroups"]}
    stack = cloudformation.create_stack(StackName="site", TemplateBody=TEXT)["StackId"]
    killed_under_way(region, stack, "CREATE_COMPLETE")
    assert len(live(region)) == 1

    cloudformation.update_stack(
        StackName="site", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Said", "ParameterValue": "second"}]
    )
    killed_under_way(region, stack, "UPDATE_COMPLETE")
    assert len(live(region)) == 1
    own = region.ec2.describe_security_groups(Filters=[{"Name": "description", "Values": ["first", "second"]}])
    assert [one["Description"] for one in own["SecurityGroups"]] == ["second"]

    cloudformation.delete_stack(StackName="site")
    killed_under_way(region, stack, "DELETE_COMPLETE")
    assert live(region) == []
    assert {one["VpcId"] for one in region.ec2.describe_vpcs()["Vpcs"]} == nets
    assert {one["GroupId"] for one in region.ec2.describe_security_groups()["SecurityGroups"]} == groups


def live(region: Region) -> list[str]:
    """The instances that are not terminated: what was made twice would show here."""
    found = region.ec2.describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    )
    return [one["InstanceId"] for reservation in found["Reservations"] for one in reservation["Instances"]]
