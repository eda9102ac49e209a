"""Interfaces that other services have in an account's subnets: seen by the account, and not its to touch."""

from ipaddress import IPv4Network
from typing import Any

import pytest
from msgspec.structs import replace

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.services.ec2 import ServiceInterface, ServiceInterfaces, networks
from aftershock.services.ec2.operations.addresses import MAX_ADDRESSES
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.route_table import table_of
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.rules.ports import Surroundings, spec
from aftershock.services.ec2.service_interfaces import ElasticIpSeen
from tests.services.account import ROOT
from tests.services.ec2.net_account import NetworkAccount

ELB = ServiceInterfaces("amazon-elb", "us-east-1", Clock())
RDS = ServiceInterfaces("amazon-rds", "us-east-1", Clock())


def made(account: NetworkAccount, **changes: Any) -> ServiceInterface:
    with account.store.transaction() as tx:
        wanted = {
            "subnet_id": account.default_subnet_in(tx),
            "group_ids": (),
            "description": "ELB app/web/1",
            "host": "elb-1",
            "public": True,
        }
        return ELB.create(tx, account=ROOT.account, **wanted | changes)


def described(account: NetworkAccount, interface_id: str) -> dict[str, Any]:
    answer = account.call("DescribeNetworkInterfaces", NetworkInterfaceIds=[interface_id])
    shown: dict[str, Any] = answer["NetworkInterfaces"][0]
    return shown


def test_it_is_shown_as_the_service_has_it(account: NetworkAccount) -> None:
    group = account.group()
    one = made(account, group_ids=(group,))
    shown = described(account, one.id)
    assert (shown["RequesterId"], shown["RequesterManaged"], shown["Status"]) == ("amazon-elb", True, "in-use")
    assert shown["Description"] == "ELB app/web/1"
    assert [each["GroupId"] for each in shown["Groups"]] == [group]
    attachment = shown["Attachment"]
    assert (attachment["InstanceOwnerId"], attachment["DeviceIndex"]) == ("amazon-elb", 1)
    assert "InstanceId" not in attachment
    assert shown["Association"]["IpOwnerId"] == "amazon-elb"
    assert (shown["Association"]["PublicIp"], shown["PrivateIpAddress"]) == (one.public_ip, one.private_ip)
    filters = [{"Name": "requester-id", "Values": ["amazon-elb"]}, {"Name": "requester-managed", "Values": ["true"]}]
    found = account.call("DescribeNetworkInterfaces", Filters=filters)["NetworkInterfaces"]
    assert [each["NetworkInterfaceId"] for each in found] == [one.id]


def test_it_is_not_the_accounts_to_touch(account: NetworkAccount) -> None:
    one = made(account)
    attachment = described(account, one.id)["Attachment"]["AttachmentId"]
    allocation = account.call("AllocateAddress")["AllocationId"]
    denied = ("AuthFailure", "You do not have permission to access the specified resource.")
    for operation, params, refusal in [
        ("DetachNetworkInterface", {"AttachmentId": attachment},
         ("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")),
        ("DeleteNetworkInterface", {"NetworkInterfaceId": one.id},
         ("InvalidParameterValue", f"Network interface '{one.id}' is currently in use.")),
        ("ModifyNetworkInterfaceAttribute", {"NetworkInterfaceId": one.id, "Groups": [account.group()]}, denied),
        ("AttachNetworkInterface", {"NetworkInterfaceId": one.id, "InstanceId": "i-1", "DeviceIndex": 1},
         ("InvalidNetworkInterface.InUse", f"Interface: [{one.id}] in use.")),
        ("AssociateAddress", {"NetworkInterfaceId": one.id, "AllocationId": allocation}, denied),
    ]:  # fmt: skip
        assert account.refusal(operation, **params) == refusal, operation


def test_what_it_stands_on_cannot_be_deleted(account: NetworkAccount) -> None:
    group = account.group()
    one = made(account, group_ids=(group,))
    assert account.refusal("DeleteSecurityGroup", GroupId=group)[0] == "DependencyViolation"
    assert account.refusal("DeleteSubnet", SubnetId=one.subnet_id)[0] == "DependencyViolation"


def test_its_public_address_is_no_elastic_ip(account: NetworkAccount) -> None:
    several = {made(account, host=f"elb-{number}").public_ip for number in range(MAX_ADDRESSES + 2)}
    elastic = {account.call("AllocateAddress")["PublicIp"] for _ in range(MAX_ADDRESSES)}
    assert len(several | elastic) == 2 * MAX_ADDRESSES + 2
    assert None not in several
    assert made(account, public=False).public_ip is None


def test_an_elastic_ip_is_the_accounts_own_and_stays_where_the_service_put_it(account: NetworkAccount) -> None:
    address = account.call("AllocateAddress")
    one = made(account, allocation_id=address["AllocationId"])
    assert one.public_ip == address["PublicIp"]
    assert described(account, one.id)["Association"]["IpOwnerId"] == ROOT.account
    association = account.call("DescribeAddresses")["Addresses"][0]["AssociationId"]
    assert account.refusal("DisassociateAddress", AssociationId=association)[0] == "AuthFailure"
    with pytest.raises(AwsError, match="already associated"):
        made(account, allocation_id=address["AllocationId"])
    with account.store.transaction() as tx:
        ELB.delete(tx, one.id)
    account.call("ReleaseAddress", AllocationId=address["AllocationId"])


def test_a_service_sees_whether_an_elastic_ip_is_free(account: NetworkAccount) -> None:
    address = account.call("AllocateAddress")

    def seen(owner: str = ROOT.account) -> ElasticIpSeen | None:
        with account.store.snapshot() as tx:
            return ELB.elastic_ip(tx, owner, address["AllocationId"])

    assert seen() == ElasticIpSeen(address["PublicIp"], used=False)
    assert seen("210987654321") is None
    one = made(account, allocation_id=address["AllocationId"])
    assert seen() == ElasticIpSeen(address["PublicIp"], used=True)
    with account.store.transaction() as tx:
        ELB.delete(tx, one.id)
    assert seen() == ElasticIpSeen(address["PublicIp"], used=False)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.9.9.9", "does not fall within the subnet's address range"),
        ("{network}", "is in subnet's reserved address range"),
        ("{taken}", "is in use"),
        ("here", "This is not a valid IPv4 address"),
    ],
)
def test_a_private_address_is_checked_before_it_is_promised(account: NetworkAccount, address: str, words: str) -> None:
    one = made(account)
    with account.store.snapshot() as tx:
        subnet = SUBNETS.get(tx, one.subnet_id)
        assert subnet is not None
        text = address.format(network=IPv4Network(subnet.cidr)[0], taken=one.private_ip)
        with pytest.raises(AwsError, match=words):
            ELB.check_private_ip(tx, subnet.id, text)


def test_its_wire_leads_into_the_services_machine(account: NetworkAccount) -> None:
    one = made(account)
    with account.store.snapshot() as tx:
        eni, subnet = account.record_in(tx, one.id), SUBNETS.get(tx, one.subnet_id)
        assert subnet is not None
        around = Surroundings(
            vpc=account.default_vpc,
            subnet=subnet,
            routes=table_of(tx, subnet.id, subnet.vpc_id),
            through={},
            unenforced=(),
        )
        wanted = spec(eni, around)
        assert wanted is not None
        assert (wanted.netns, wanted.public, wanted.address) == ("elb-1", one.public_ip, one.private_ip)
        assert {one.public_ip: one.private_ip} in [network.private_of for network in networks(tx)]


def test_without_groups_everything_passes_and_the_account_sees_none(account: NetworkAccount) -> None:
    vpc = account.vpc()
    subnet = account.subnet(vpc)
    one = made(account, subnet_id=subnet)
    assert described(account, one.id)["Groups"] == []
    with account.store.snapshot() as tx:
        (group_id,) = account.record_in(tx, one.id).group_ids
        group = SECURITY_GROUPS.get(tx, group_id)
        assert group is not None
        assert {(rule.egress, rule.protocol, rule.cidr) for rule in group.rules} == {
            (False, "-1", "0.0.0.0/0"),
            (True, "-1", "0.0.0.0/0"),
        }
    shown = account.call("DescribeSecurityGroups", Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    assert [each["GroupName"] for each in shown] == ["default"]
    own = account.group(vpc_id=vpc)
    with account.store.transaction() as tx:
        ELB.set_groups(tx, one.id, (own,))
    assert [each["GroupId"] for each in described(account, one.id)["Groups"]] == [own]
    # It does not stand in the way of the VPC's end.
    with account.store.transaction() as tx:
        NETWORK_INTERFACES.forget(tx, one.id)
    account.call("DeleteSecurityGroup", GroupId=own)
    account.call("DeleteSubnet", SubnetId=subnet)
    account.call("DeleteVpc", VpcId=vpc)


def test_it_is_there_until_no_wire_is_seen(account: NetworkAccount) -> None:
    one = made(account)
    assert (one.plugged, one.there, one.wanted) == (False, False, True)
    with account.store.transaction() as tx:
        eni = account.record_in(tx, one.id)
        NETWORK_INTERFACES.put(tx, replace(eni, plugged=True, seen_generation=eni.generation))
    with account.store.transaction() as tx:
        seen = ELB.get(tx, one.id)
        assert seen is not None
        assert (seen.plugged, seen.there) == (True, True)
        ELB.delete(tx, one.id)
        left = ELB.get(tx, one.id)
        assert left is not None
        assert (left.wanted, left.plugged, left.there, left.public_ip) == (False, False, True, None)
        assert [each.id for each in ELB.every(tx)] == [one.id]


def test_services_do_not_see_one_another(account: NetworkAccount) -> None:
    one = made(account)
    with account.store.transaction() as tx:
        assert RDS.get(tx, one.id) is None
        assert RDS.every(tx) == []
        RDS.delete(tx, one.id)
        assert ELB.get(tx, one.id) is not None
    eni = account.instance_eni()
    with account.store.snapshot() as tx:
        assert ELB.get(tx, eni.id) is None
