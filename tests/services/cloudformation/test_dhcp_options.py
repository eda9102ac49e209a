"""DHCP option sets of a stack, as templates of whole networks have them: what they say is so, or they are refused."""

from tests.services.cloudformation.test_more_types import gone, made, updated

NETWORK = """
Resources:
  Options:
    Type: AWS::EC2::DHCPOptions
    Properties:
      DomainName: !If [Virginia, ec2.internal, !Sub "${AWS::Region}.compute.internal"]
      DomainNameServers: [AmazonProvidedDNS]
      Tags: [{Key: Name, Value: set}]
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Has: {Type: AWS::EC2::VPCDHCPOptionsAssociation, Properties: {VpcId: !Ref Net, DhcpOptionsId: !Ref Options}}
Conditions: {Virginia: !Equals [!Ref AWS::Region, us-east-1]}
Outputs: {Id: {Value: !GetAtt Options.DhcpOptionsId}}
"""


def options_of(cloud):
    (vpc,) = cloud.ask("ec2", "DescribeVpcs", VpcIds=[cloud.physical("Net")])["Vpcs"]
    return vpc["DhcpOptionsId"]


def sets(cloud):
    return {one["DhcpOptionsId"]: one["Tags"] for one in cloud.ask("ec2", "DescribeDhcpOptions")["DhcpOptions"]}


def drift(cloud):
    detection = cloud.cfn("DetectStackDrift", StackName="web")["StackDriftDetectionId"]
    return cloud.cfn("DescribeStackDriftDetectionStatus", StackDriftDetectionId=detection)["StackDriftStatus"]


def test_a_vpc_has_the_stacks_set_and_another_one_without_a_moment_in_between(cloud):
    before = set(sets(cloud))
    made(cloud, NETWORK)
    own = cloud.physical("Options")
    assert options_of(cloud) == cloud.outputs()["Id"] == own
    assert cloud.physical("Has") == f"{own}|{cloud.physical('Net')}"
    assert drift(cloud) == "IN_SYNC"
    updated(cloud, NETWORK.replace("Value: set", "Value: renamed"))
    assert cloud.physical("Options") == own
    assert {"Key": "Name", "Value": "renamed"} in sets(cloud)[own]
    given = next(iter(before))
    updated(cloud, NETWORK.replace("DhcpOptionsId: !Ref Options", f"DhcpOptionsId: {given}"))
    assert options_of(cloud) == given
    gone(cloud)
    assert set(sets(cloud)) == before


def test_a_set_that_says_what_is_not_so_fails_with_the_option(cloud):
    cloud.create(NETWORK.replace("ec2.internal", "corp.example.com"))
    assert cloud.status() == "ROLLBACK_COMPLETE"
    assert "The value (corp.example.com) for the DHCP option domain-name is not supported" in str(cloud.events())
