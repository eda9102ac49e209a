"""Private subnets in a whole region: a NAT gateway in each of two zones, and a third zone that saves its own."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aftershock.ground import launcher
from tests.conftest import eventually
from tests.region import Region, a_region, up

WITHIN_S = 240.0
PACE = 20.0
SEER = """#!/bin/sh
# A page that tells who asks.
cat > /srv/seer.py <<END
import http.server
class Seer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
http.server.ThreadingHTTPServer(("", 80), Seer).serve_forever()
END
cat > /etc/systemd/system/seer.service <<END
[Service]
ExecStart=/usr/bin/python3 /srv/seer.py
[Install]
WantedBy=multi-user.target
END
systemctl enable --now seer
"""
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Description: Public and private subnets in three zones, with ways out of the private ones in two.
Parameters:
  Image: {Type: "AWS::EC2::Image::Id"}
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.192.0.0/16, Tags: [{Key: Name, Value: net}]}}
  Gate: {Type: AWS::EC2::InternetGateway}
  Gated: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {InternetGatewayId: !Ref Gate, VpcId: !Ref Net}}
  PublicTable: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Net}}
  PublicRoute:
    Type: AWS::EC2::Route
    DependsOn: Gated
    Properties: {RouteTableId: !Ref PublicTable, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gate}
  TableA: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Net}}
  TableB: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Net}}
  RouteA:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !Ref TableA, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref NatA}
  RouteB:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !Ref TableB, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !GetAtt NatB.NatGatewayId}
  AddressA: {Type: AWS::EC2::EIP, DependsOn: Gated, Properties: {Domain: vpc}}
  AddressB: {Type: AWS::EC2::EIP, DependsOn: Gated, Properties: {Domain: vpc}}
  NatA:
    Type: AWS::EC2::NatGateway
    Properties:
      AllocationId: !GetAtt AddressA.AllocationId
      SubnetId: !Ref PublicA
      Tags: [{Key: Name, Value: nat-a}]
  NatB:
    Type: AWS::EC2::NatGateway
    Properties: {AllocationId: !GetAtt AddressB.AllocationId, SubnetId: !Ref PublicB}
  PublicA:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, AvailabilityZone: us-east-1a, CidrBlock: 10.192.10.0/24, MapPublicIpOnLaunch: true}
  PublicB:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, AvailabilityZone: us-east-1b, CidrBlock: 10.192.11.0/24, MapPublicIpOnLaunch: true}
  PrivateB:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, AvailabilityZone: us-east-1b, CidrBlock: 10.192.21.0/24}
  PrivateC:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, AvailabilityZone: us-east-1c, CidrBlock: 10.192.22.0/24}
  OfPublicA:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !Ref PublicTable, SubnetId: !Ref PublicA}
  OfPublicB:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !Ref PublicTable, SubnetId: !Ref PublicB}
  OfPrivateB:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !Ref TableB, SubnetId: !Ref PrivateB}
  OfPrivateC:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !Ref TableA, SubnetId: !Ref PrivateC}
  AppB:
    Type: AWS::EC2::Instance
    DependsOn: [RouteB, OfPrivateB]
    Properties: {ImageId: !Ref Image, InstanceType: t2.micro, SubnetId: !Ref PrivateB}
  AppC:
    Type: AWS::EC2::Instance
    DependsOn: [RouteA, OfPrivateC]
    Properties: {ImageId: !Ref Image, InstanceType: t2.micro, SubnetId: !Ref PrivateC}
Outputs:
  NatA: {Value: !Ref NatA}
  TableA: {Value: !Ref TableA}
  AddressA: {Value: !Ref AddressA}
  AddressB: {Value: !Ref AddressB}
  AppB: {Value: !Ref AppB}
  AppC: {Value: !Ref AppC}
  PublicA: {Value: !Ref PublicA}
"""


@pytest.fixture
def region() -> Iterator[Region]:
    with a_region(pace=PACE) as region:
        yield region


class Site:
    def __init__(self, region: Region) -> None:
        self.region = region
        far = region.run(UserData=SEER, SecurityGroupIds=[region.open_port(80)], Placement=zone("us-east-1c"))
        cfn = region.client("cloudformation")
        parameters = [{"ParameterKey": "Image", "ParameterValue": region.image_id}]
        cfn.create_stack(StackName="net", TemplateBody=TEMPLATE, Parameters=parameters)
        cfn.get_waiter("stack_create_complete").wait(StackName="net", WaiterConfig={"Delay": 1, "MaxAttempts": 240})
        (stack,) = cfn.describe_stacks(StackName="net")["Stacks"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        self.far = region.in_state(far["InstanceId"], "running")["PublicIpAddress"]
        region.eventual_page(self.far, within_s=WITHIN_S)

    def seen_as(self, app: str, host: str | None = None) -> str:
        """As whom a private instance is seen on the internet, or "nobody"."""
        url = f"http://{host or self.far}/"
        ask = f"import urllib.request as u; print(u.urlopen('{url}', timeout=3).read().decode())"
        return self.region.inside(self.outputs[app], f'python3 -c "{ask}" 2>/dev/null || echo nobody').strip()

    def is_seen(self, app: str, as_whom: str) -> None:
        def check() -> None:
            assert self.seen_as(app) == as_whom

        eventually(check, within_s=WITHIN_S)


def zone(name: str) -> dict[str, str]:
    return {"AvailabilityZone": name}


def state(region: Region, gateway: str) -> str:
    return str(region.ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"])


def test_private_instances_have_a_way_out_that_fails_and_heals_with_its_zone(region: Region) -> None:
    site = Site(region)
    a, b = site.outputs["AddressA"], site.outputs["AddressB"]
    assert "PublicIpAddress" not in region.instance(site.outputs["AppB"])
    assert (site.seen_as("AppB"), site.seen_as("AppC")) == (b, a)
    endpoint = "curl -s -o /dev/null -w '%{http_code}' --max-time 5 https://sts.us-east-1.amazonaws.com/"
    assert region.inside(site.outputs["AppB"], f"{endpoint} || true") != "000"
    for address in (a, b):
        with pytest.raises(TimeoutError):
            region.page(address, timeout_s=1.0)

    for words in ((), ("--network",)):
        region.aftershock("quake", "us-east-1a", *words)
        site.is_seen("AppC", "nobody")
        assert site.seen_as("AppB") == b
        assert state(region, site.outputs["NatA"]) == "available"
        region.aftershock("heal", "us-east-1a")
        site.is_seen("AppC", a)
        assert site.seen_as("AppB") == b

    region.kill_control()
    assert site.seen_as("AppC") == a  # the kernel goes on
    region.wait_ready()
    _replaced(site)
    _billed(region)
    _forwarding_instance(site)
    assert "iptables" in region.inside(site.outputs["AppC"], "apt-get update > /dev/null; apt-get install -y iptables")

    launcher.stop(region.state)
    site.region = up(region.state, pace=PACE)
    site.region.eventual_page(site.far, within_s=WITHIN_S)
    site.is_seen("AppC", a)
    site.is_seen("AppB", b)


def _replaced(site: Site) -> None:
    """Another gateway takes the place of the first, with the control plane killed on the way to it and from it."""
    region, ec2 = site.region, site.region.ec2
    allocation = ec2.allocate_address(Domain="vpc")
    other = ec2.create_nat_gateway(SubnetId=site.outputs["PublicA"], AllocationId=allocation["AllocationId"])
    other = other["NatGateway"]["NatGatewayId"]
    region.kill_control()
    region.wait_ready()
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[other], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    route = {"RouteTableId": site.outputs["TableA"], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.replace_route(**route, NatGatewayId=other)
    site.is_seen("AppC", allocation["PublicIp"])
    ec2.replace_route(**route, NatGatewayId=site.outputs["NatA"])
    site.is_seen("AppC", site.outputs["AddressA"])
    with pytest.raises(ClientError, match="in use"):
        ec2.release_address(AllocationId=allocation["AllocationId"])
    ec2.delete_nat_gateway(NatGatewayId=other)
    region.kill_control()
    region.wait_ready()
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[other], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    ec2.release_address(AllocationId=allocation["AllocationId"])


def _billed(region: Region) -> None:
    """Hours from when it was available, and bytes that were seen to pass."""
    ce = region.client("ce")
    day = time.time()
    period = {"Start": time.strftime("%Y-%m-%d", time.gmtime(day - 86400)),
              "End": time.strftime("%Y-%m-%d", time.gmtime(day + 86400))}  # fmt: skip
    by: list[Any] = [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}]

    def check() -> None:
        found = ce.get_cost_and_usage(TimePeriod=period, Granularity="DAILY", Metrics=["UsageQuantity"], GroupBy=by)
        groups = [group for result in found["ResultsByTime"] for group in result["Groups"]]
        amounts = {one["Keys"][0]: float(one["Metrics"]["UsageQuantity"]["Amount"]) for one in groups}
        assert amounts["NatGateway-Hours"] >= 2
        assert amounts["NatGateway-Bytes"] > 0

    eventually(check, within_s=90)


def _forwarding_instance(site: Site) -> None:
    """A NAT instance as people write them: the kernel's forwarding, masquerade, and no source/destination check."""
    region, ec2 = site.region, site.region.ec2
    vpc = ec2.describe_subnets(SubnetIds=[site.outputs["PublicA"]])["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="nat", Description="nat", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="-1", CidrIp="10.192.0.0/16")
    box = region.run(SubnetId=site.outputs["PublicA"], SecurityGroupIds=[group])["InstanceId"]
    address = region.in_state(box, "running", within_s=60)["PublicIpAddress"]
    ec2.modify_instance_attribute(InstanceId=box, SourceDestCheck={"Value": False})
    installed = "(apt-get update && apt-get install -y iptables) > /tmp/apt.log 2>&1"
    masquerade = "iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE"
    said = region.inside(box, f"sysctl -w net.ipv4.ip_forward=1 && {installed} && {masquerade} && echo done")
    assert "done" in said
    route = {"RouteTableId": site.outputs["TableA"], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.replace_route(**route, InstanceId=box)
    site.is_seen("AppC", address)
    ec2.modify_instance_attribute(InstanceId=box, SourceDestCheck={"Value": True})
    site.is_seen("AppC", "nobody")
    ec2.replace_route(**route, NatGatewayId=site.outputs["NatA"])
    site.is_seen("AppC", site.outputs["AddressA"])
