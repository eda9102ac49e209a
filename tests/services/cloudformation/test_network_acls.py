"""Network ACLs of a stack: they guard its subnets, change in place, and leave the default one behind."""

import pytest

from tests.services.cloudformation.test_more_types import gone, made, updated

BASE = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.9.1.0/24}}
  Other: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.9.2.0/24}}
  Acl: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc, Tags: [{Key: Name, Value: edge}]}}
  In:
    Type: AWS::EC2::NetworkAclEntry
    Properties:
      {NetworkAclId: !Ref Acl, RuleNumber: 100, Protocol: 6, RuleAction: allow, CidrBlock: 0.0.0.0/0,
      PortRange: {From: 443, To: 443}}
  Out:
    Type: AWS::EC2::NetworkAclEntry
    Properties:
      {NetworkAclId: !Ref Acl, RuleNumber: "100", Egress: true, Protocol: -1, RuleAction: ALLOW, CidrBlock: 0.0.0.0/0,
      PortRange: {From: 0, To: 65535}}
  Ping:
    Type: AWS::EC2::NetworkAclEntry
    Properties:
      {NetworkAclId: !Ref Acl, RuleNumber: 200, Protocol: 1, RuleAction: deny, CidrBlock: 10.0.0.1/8,
      Icmp: {Type: 8, Code: -1}}
  Six:
    Type: AWS::EC2::NetworkAclEntry
    Properties: {NetworkAclId: !Ref Acl, RuleNumber: 300, Protocol: -1, RuleAction: allow, Ipv6CidrBlock: "::/0"}
  Guard:
    Type: AWS::EC2::SubnetNetworkAclAssociation
    Properties: {NetworkAclId: !Ref Acl, SubnetId: !Ref Subnet}
Outputs:
  Acl: {Value: !GetAtt Acl.Id}
  Default: {Value: !GetAtt Vpc.DefaultNetworkAcl}
  Association: {Value: !GetAtt Guard.AssociationId}
  Of: {Value: !GetAtt Other.NetworkAclAssociationId}
"""


def acl(cloud, acl_id):
    return cloud.ask("ec2", "DescribeNetworkAcls", NetworkAclIds=[acl_id])["NetworkAcls"][0]


def entries(cloud, acl_id, *, egress=False):
    found = [one for one in acl(cloud, acl_id)["Entries"] if one["Egress"] == egress]
    return {one["RuleNumber"]: one for one in found if one["RuleNumber"] < 32767}


def associations(cloud, acl_id):
    return {one["SubnetId"]: one["NetworkAclAssociationId"] for one in acl(cloud, acl_id)["Associations"]}


def test_they_guard_the_stacks_subnets(cloud):
    made(cloud, BASE)
    told = cloud.outputs()
    subnet, other = cloud.physical("Subnet"), cloud.physical("Other")
    assert cloud.physical("Acl") == told["Acl"]
    assert {"Key": "Name", "Value": "edge"} in acl(cloud, told["Acl"])["Tags"]
    assert associations(cloud, told["Acl"]) == {subnet: told["Association"]}
    assert associations(cloud, told["Default"]) == {other: told["Of"]}
    found = entries(cloud, told["Acl"])
    assert found[100]["PortRange"] == {"From": 443, "To": 443}
    assert (found[200]["IcmpTypeCode"], found[200]["RuleAction"]) == ({"Type": 8, "Code": -1}, "deny")
    assert found[300]["Ipv6CidrBlock"] == "::/0"
    assert entries(cloud, told["Acl"], egress=True)[100]["RuleAction"] == "allow"
    gone(cloud)


@pytest.mark.parametrize(
    ("old", "new", "numbers"),
    [
        ("{From: 443, To: 443}", "{From: 80, To: 80}", {100, 200, 300}),
        ("RuleNumber: 100, Protocol: 6", "RuleNumber: 50, Protocol: 6", {50, 200, 300}),
    ],
)
def test_an_entry_is_changed_in_place_or_replaced_under_another_number(cloud, old, new, numbers):
    made(cloud, BASE)
    before = cloud.physical("In")
    updated(cloud, BASE.replace(old, new))
    found = entries(cloud, cloud.physical("Acl"))
    assert set(found) == numbers
    assert (cloud.physical("In") == before) == (100 in numbers)
    assert ({"From": 80, "To": 80} in [one.get("PortRange") for one in found.values()]) == (100 in numbers)


def test_a_subnet_that_is_let_go_gets_the_default_one(cloud):
    made(cloud, BASE)
    subnet, other = cloud.physical("Subnet"), cloud.physical("Other")
    updated(
        cloud,
        BASE.replace("NetworkAclId: !Ref Acl, SubnetId: !Ref Subnet", "NetworkAclId: !Ref Acl, SubnetId: !Ref Other"),
    )
    told = cloud.outputs()
    assert set(associations(cloud, told["Acl"])) == {other}
    assert set(associations(cloud, told["Default"])) == {subnet}
    another = BASE.replace("  In:", "  Second: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}\n  In:", 1)
    updated(
        cloud,
        another.replace(
            "NetworkAclId: !Ref Acl, SubnetId: !Ref Subnet", "NetworkAclId: !Ref Second, SubnetId: !Ref Other"
        ),
    )
    assert set(associations(cloud, cloud.physical("Second"))) == {other}
    assert set(associations(cloud, told["Acl"])) == set()


def test_what_ec2_refuses_fails_the_stack_with_its_words(cloud):
    cloud.create(BASE.replace("RuleNumber: 200", "RuleNumber: 100"))
    assert cloud.status() == "ROLLBACK_COMPLETE"
    assert any("The network acl entry identified by 100 already exists." in reason for _, _, reason in cloud.events())


def test_an_entry_that_somebody_else_changed_has_drifted(cloud):
    made(cloud, BASE)
    entry = {
        "NetworkAclId": cloud.physical("Acl"),
        "RuleNumber": 100,
        "Protocol": "6",
        "PortRange": {"From": 1, "To": 2},
    }
    cloud.ask("ec2", "ReplaceNetworkAclEntry", **entry, Egress=False, RuleAction="deny", CidrBlock="10.0.0.0/8")
    cloud.ask("ec2", "CreateTags", Resources=[entry["NetworkAclId"]], Tags=[{"Key": "Name", "Value": "door"}])
    cloud.cfn("DetectStackDrift", StackName="web")
    drifts = cloud.cfn("DescribeStackResourceDrifts", StackName="web")["StackResourceDrifts"]
    assert {
        (one["LogicalResourceId"], difference["PropertyPath"])
        for one in drifts
        for difference in one.get("PropertyDifferences", [])
    } == {("In", "/CidrBlock"), ("In", "/PortRange"), ("In", "/RuleAction"), ("Acl", "/Tags")}
