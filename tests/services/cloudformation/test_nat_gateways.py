"""Templates with private subnets: NAT gateways, and routes through them, through interfaces and through instances."""

import pytest

NETWORK = """
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Gate: {Type: AWS::EC2::InternetGateway}
  Gated: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref Gate}}
  Sub: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net, CidrBlock: 10.0.0.0/24}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Net}}
"""
NAT = """
  Address: {Type: AWS::EC2::EIP, DependsOn: Gated, Properties: {Domain: vpc}}
  Nat:
    Type: AWS::EC2::NatGateway
    Properties:
      AllocationId: !GetAtt Address.AllocationId
      ConnectivityType: public
      SubnetId: !Ref Sub
      PrivateIpAddress: 10.0.0.9
      Tags: [{Key: Name, Value: way-out}]
  Way:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}
"""
OUTPUTS = """
Outputs:
  Id: {Value: !GetAtt Nat.NatGatewayId}
  Face: {Value: !GetAtt Nat.EniId}
  Address: {Value: !Ref Address}
"""


def gateways(cloud):
    return {one["NatGatewayId"]: one for one in cloud.ask("ec2", "DescribeNatGateways")["NatGateways"]}


def route(cloud):
    (table,) = cloud.ask("ec2", "DescribeRouteTables", RouteTableIds=[cloud.physical("Table")])["RouteTables"]
    return table["Routes"][1]


def drift(cloud):
    detection = cloud.cfn("DetectStackDrift", StackName="web")["StackDriftDetectionId"]
    return cloud.cfn("DescribeStackDriftDetectionStatus", StackDriftDetectionId=detection)["StackDriftStatus"]


def test_a_gateway_comes_changes_its_tags_and_goes_with_its_stack(cloud):
    cloud.create(NETWORK + NAT + OUTPUTS)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    nat = cloud.physical("Nat")
    shown = gateways(cloud)[nat]
    (address,) = shown["NatGatewayAddresses"]
    assert (shown["State"], address["PrivateIp"]) == ("available", "10.0.0.9")
    out = {"Id": nat, "Face": address["NetworkInterfaceId"], "Address": address["PublicIp"]}
    assert cloud.outputs() == out
    assert (route(cloud)["NatGatewayId"], route(cloud)["State"]) == (nat, "active")
    assert drift(cloud) == "IN_SYNC"
    cloud.update((NETWORK + NAT + OUTPUTS).replace("way-out", "other"))
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert cloud.physical("Nat") == nat
    assert {"Key": "Name", "Value": "other"} in gateways(cloud)[nat]["Tags"]
    cloud.update(
        (NETWORK + NAT + OUTPUTS).replace("way-out", "other").replace("NatGatewayId: !Ref Nat", "GatewayId: !Ref Gate")
    )
    assert (cloud.status(), route(cloud)["GatewayId"]) == ("UPDATE_COMPLETE", cloud.physical("Gate"))
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert {one["State"] for one in gateways(cloud).values()} <= {"deleted"}
    assert cloud.ask("ec2", "DescribeAddresses")["Addresses"] == []


def test_a_gateway_that_fails_fails_its_stack_with_its_reason(cloud):
    attached = next(line for line in NETWORK.splitlines() if "Gated:" in line)
    cloud.create((NETWORK + NAT).replace(attached, "").replace("DependsOn: Gated, ", ""))
    assert cloud.status() == "ROLLBACK_COMPLETE", cloud.events()
    assert "has no Internet gateway attached" in str(cloud.events())
    assert cloud.ask("ec2", "DescribeAddresses")["Addresses"] == []


@pytest.mark.parametrize(
    ("more", "member"),
    [
        ("", "NetworkInterfaceId"),
        (
            "  Box: {Type: AWS::EC2::Instance, Properties: {ImageId: IMAGE, InstanceType: t2.micro, SubnetId: !Ref Sub,"
            " SourceDestCheck: false}}\n",
            "InstanceId",
        ),
    ],
)
def test_routes_lead_through_interfaces_and_instances(cloud, more, member):
    text = (
        NETWORK
        + "  Face: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref Sub, SourceDestCheck: false}}\n"
        + more.replace("IMAGE", cloud.image)
        + "  Way:\n    Type: AWS::EC2::Route\n    Properties: {RouteTableId: !Ref Table,"
        + f" DestinationCidrBlock: 0.0.0.0/0, {member}: !Ref {'Box' if more else 'Face'}}}\n"
    )
    cloud.create(text)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert route(cloud)[member] == cloud.physical("Box" if more else "Face")
    assert route(cloud)["State"] == ("active" if more else "blackhole")  # nothing is plugged into the interface
    faces = cloud.ask("ec2", "DescribeNetworkInterfaces")["NetworkInterfaces"]
    assert not any(face["SourceDestCheck"] for face in faces)
    assert drift(cloud) == "IN_SYNC"
