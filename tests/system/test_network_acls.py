"""A network ACL, told by packets: what it does not let in and out does not pass, whatever security groups say."""

from tests.conftest import eventually
from tests.region import WEB
from tests.system.test_security_groups import becomes, told

EVERYWHERE = {"CidrBlock": "0.0.0.0/0", "RuleAction": "allow"}
WEB_IN = {**EVERYWHERE, "Egress": False, "Protocol": "6", "PortRange": {"From": 80, "To": 80}}
ANSWERS_OUT = {**EVERYWHERE, "Egress": True, "Protocol": "6", "PortRange": {"From": 1024, "To": 65535}}


def test_a_site_behind_a_network_acl_needs_an_entry_for_its_answers(region):
    subnets = region.ec2.describe_subnets()["Subnets"]
    here, there = (subnet["SubnetId"] for subnet in subnets[:2])
    opened = region.open_port(80)
    server, neighbour, client = (
        region.run(SubnetId=subnet, UserData=WEB, SecurityGroupIds=[opened])["InstanceId"]
        for subnet in (here, here, there)
    )
    address = region.in_state(server, "running")
    for one in (server, neighbour, client):
        region.in_state(one, "running")
        eventually(lambda one=one: region.inside(one, "true"), within_s=60)
    region.eventual_page(address["PublicIpAddress"])
    becomes(region, "open", client, address["PrivateIpAddress"])

    (acl,) = region.ec2.describe_network_acls()["NetworkAcls"]
    association = next(one for one in acl["Associations"] if one["SubnetId"] == here)["NetworkAclAssociationId"]
    edge = region.ec2.create_network_acl(VpcId=acl["VpcId"])["NetworkAcl"]["NetworkAclId"]
    region.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=edge)
    becomes(region, "shut", client, address["PrivateIpAddress"])
    assert told(region, neighbour, address["PrivateIpAddress"]) == "open"
    token = "curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"
    assert region.inside(server, token)
    assert region.inside(server, "getent ahostsv4 ec2.us-east-1.amazonaws.com")  # the resolver is not of the subnet

    region.ec2.create_network_acl_entry(NetworkAclId=edge, RuleNumber=100, **WEB_IN)
    assert told(region, client, address["PrivateIpAddress"]) == "shut"
    region.ec2.create_network_acl_entry(NetworkAclId=edge, RuleNumber=100, **ANSWERS_OUT)
    region.eventual_page(address["PublicIpAddress"])
    becomes(region, "open", client, address["PrivateIpAddress"])
