"""Security groups, told by packets: what is not allowed does not pass, in either direction."""

import pytest

from tests.conftest import eventually
from tests.region import WEB

CONNECT = "python3 -c \"import socket; socket.create_connection(('{}', {}), 2).close()\" && echo open || echo shut"


@pytest.fixture
def pair(region):
    """A server and a client in the default VPC, in groups of their own; the server's lets nothing in."""
    vpc = region.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    groups = {
        name: region.ec2.create_security_group(GroupName=name, Description="test", VpcId=vpc)["GroupId"]
        for name in ("servers", "clients")
    }
    server = region.run(UserData=WEB, SecurityGroupIds=[groups["servers"]])["InstanceId"]
    client = region.run(SecurityGroupIds=[groups["clients"]])["InstanceId"]
    addresses = {one: region.in_state(one, "running") for one in (server, client)}
    eventually(lambda: region.inside(server, "curl -sf http://127.0.0.1/"))
    eventually(lambda: region.inside(client, "true"))
    return groups, server, client, addresses[server]


def told(region, machine, address, port=80):
    return region.inside(machine, CONNECT.format(address, port)).split()[-1]


def becomes(region, expected, machine, address):
    def check():
        assert told(region, machine, address) == expected

    eventually(check)


def allow(region, group, **rule):
    region.ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **rule}]
    )


def test_nothing_comes_in_before_a_rule_says_so_and_after_it_was_revoked(region, pair):
    groups, _, client, server = pair
    assert told(region, client, server["PrivateIpAddress"]) == "shut"
    with pytest.raises(OSError, match=r"no answer|timed out"):
        region.page(server["PublicIpAddress"])
    rule = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    allow(region, groups["servers"], **rule)
    becomes(region, "open", client, server["PrivateIpAddress"])
    region.eventual_page(server["PublicIpAddress"])
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **rule}
    region.ec2.revoke_security_group_ingress(GroupId=groups["servers"], IpPermissions=[permission])
    becomes(region, "shut", client, server["PrivateIpAddress"])


def test_a_group_as_peer_means_its_members_private_addresses(region, pair):
    groups, _, client, server = pair
    allow(region, groups["servers"], UserIdGroupPairs=[{"GroupId": groups["clients"]}])
    becomes(region, "open", client, server["PrivateIpAddress"])
    assert told(region, client, server["PublicIpAddress"]) == "shut"
    with pytest.raises(OSError):
        region.page(server["PublicIpAddress"])


def test_another_port_stays_shut(region, pair):
    groups, _, client, server = pair
    allow(region, groups["servers"], IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    becomes(region, "open", client, server["PrivateIpAddress"])
    assert told(region, client, server["PrivateIpAddress"], port=22) == "shut"


def test_what_may_not_leave_does_not_leave(region, pair):
    groups, _, client, server = pair
    allow(region, groups["servers"], IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    becomes(region, "open", client, server["PrivateIpAddress"])
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    region.ec2.revoke_security_group_egress(GroupId=groups["clients"], IpPermissions=everything)
    becomes(region, "shut", client, server["PrivateIpAddress"])


def test_a_machine_in_another_vpc_is_out_of_reach(region, pair):
    groups, _, _, server = pair
    allow(region, groups["servers"], IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    vpc = region.ec2.create_vpc(CidrBlock="172.31.0.0/16")["Vpc"]["VpcId"]
    subnet = region.ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.200.0/24")["Subnet"]["SubnetId"]
    stranger = region.run(SubnetId=subnet)["InstanceId"]
    region.in_state(stranger, "running")
    eventually(lambda: region.inside(stranger, "true"))
    assert told(region, stranger, server["PrivateIpAddress"]) == "shut"
