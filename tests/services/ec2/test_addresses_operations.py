"""Elastic IPs, and the pool they come from."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from msgspec.structs import replace

from aftershock.services.ec2.records.instance import INSTANCES, Instance
from aftershock.services.ec2.records.network_interface import NetworkInterface
from aftershock.services.ec2.rules.addressing import PUBLIC_POOL, next_public
from tests.services.ec2.net_account import NetworkAccount


def allocate(account: NetworkAccount) -> dict[str, str]:
    return account.call("AllocateAddress", Domain="vpc")


def test_the_sixth_address_is_refused(account: NetworkAccount) -> None:
    addresses = {allocate(account)["PublicIp"] for _ in range(5)}
    assert len(addresses) == 5
    assert all(IPv4Address(one) in IPv4Network("198.18.0.0/15") for one in addresses)
    assert account.refusal("AllocateAddress") == (
        "AddressLimitExceeded",
        "The maximum number of addresses has been reached.",
    )


def test_a_released_address_is_not_the_next_one_handed_out(account: NetworkAccount) -> None:
    seen = set()
    for _ in range(20):
        made = allocate(account)
        assert made["PublicIp"] not in seen
        seen.add(made["PublicIp"])
        account.call("ReleaseAddress", AllocationId=made["AllocationId"])


def test_the_pool_goes_round_and_leaves_out_what_is_taken() -> None:
    assert next_public(None, lambda one: False) == "198.18.1.1"
    assert next_public("198.18.1.254", lambda one: False) == "198.18.2.1"
    assert next_public("198.19.255.254", lambda one: False) == "198.18.1.1"
    assert next_public("198.18.1.1", lambda one: one == "198.18.1.2") == "198.18.1.3"
    assert IPv4Address(next_public("198.18.255.254", lambda one: False)) in PUBLIC_POOL


def test_an_elastic_ip_takes_the_place_of_the_automatic_address_and_gives_it_back(account: NetworkAccount) -> None:
    eni = account.instance_eni(auto_public=True)
    address = allocate(account)
    ask = {"AllocationId": address["AllocationId"], "InstanceId": eni.instance_id}
    association = account.call("AssociateAddress", **ask)["AssociationId"]
    now = account.record(eni.id)
    assert (now.address, now.public_ip) == (address["PublicIp"], None)
    assert account.call("AssociateAddress", **ask)["AssociationId"] == association
    account.call("DisassociateAddress", AssociationId=association)
    now = account.record(eni.id)
    assert now.elastic is None
    assert now.public_ip not in (None, eni.public_ip, address["PublicIp"])


def test_an_address_moves_unless_that_is_forbidden(account: NetworkAccount) -> None:
    first, second = account.eni(), account.eni()
    address = allocate(account)["AllocationId"]
    association = account.call("AssociateAddress", AllocationId=address, NetworkInterfaceId=first)["AssociationId"]
    ask = {"AllocationId": address, "NetworkInterfaceId": second}
    assert account.refusal("AssociateAddress", **ask, AllowReassociation=False) == (
        "Resource.AlreadyAssociated",
        f"resource {address} is already associated with associate-id {association}",
    )
    account.call("AssociateAddress", **ask)
    (shown,) = account.call("DescribeAddresses")["Addresses"]
    assert shown["NetworkInterfaceId"] == second
    assert account.record(first).address is None


def test_an_interface_keeps_one_of_two_addresses(account: NetworkAccount) -> None:
    eni = account.eni()
    first, second = allocate(account), allocate(account)
    for address in (first, second):
        account.call("AssociateAddress", AllocationId=address["AllocationId"], NetworkInterfaceId=eni)
    assert account.record(eni).address == second["PublicIp"]
    account.call("ReleaseAddress", AllocationId=first["AllocationId"])


def test_an_associated_address_cannot_be_released(account: NetworkAccount) -> None:
    address = allocate(account)
    account.call("AssociateAddress", PublicIp=address["PublicIp"], NetworkInterfaceId=account.eni())
    assert account.refusal("ReleaseAddress", AllocationId=address["AllocationId"]) == (
        "InvalidIPAddress.InUse",
        f"Address {address['PublicIp']} is in use.",
    )
    account.call("DisassociateAddress", PublicIp=address["PublicIp"])
    account.call("DisassociateAddress", PublicIp=address["PublicIp"])
    account.call("ReleaseAddress", PublicIp=address["PublicIp"])
    assert account.call("DescribeAddresses")["Addresses"] == []


def test_without_an_internet_gateway_no_address_is_associated(account: NetworkAccount) -> None:
    vpc_id = account.vpc()
    ask = {"AllocationId": allocate(account)["AllocationId"], "NetworkInterfaceId": account.eni(account.subnet(vpc_id))}
    assert account.refusal("AssociateAddress", **ask) == (
        "Gateway.NotAttached",
        f"Network {vpc_id} is not attached to any internet gateway",
    )


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"AllocationId": "eipalloc-0123456789abcdef0"}, "InvalidAllocationID.NotFound"),
        ({"PublicIp": "198.18.9.9"}, "InvalidAddress.NotFound"),
        ({"PublicIp": "198.18.9.9", "AllocationId": "eipalloc-1"}, "InvalidParameterCombination"),
        ({}, "MissingParameter"),
    ],
)
def test_addresses_that_are_not_there(account: NetworkAccount, params: dict[str, str], code: str) -> None:
    assert account.refusal("ReleaseAddress", **params)[0] == code
    assert account.refusal("AssociateAddress", **params, InstanceId="i-0123456789abcdef0")[0] == code


def test_instances_that_are_not_there(account: NetworkAccount) -> None:
    address = allocate(account)["AllocationId"]
    assert account.refusal("AssociateAddress", AllocationId=address, InstanceId="i-0123456789abcdef0") == (
        "InvalidInstanceID.NotFound",
        "The instance ID 'i-0123456789abcdef0' does not exist",
    )
    assert account.refusal("AssociateAddress", AllocationId=address)[0] == "MissingParameter"
    assert account.refusal("DisassociateAddress", AssociationId="eipassoc-1")[0] == "InvalidAssociationID.NotFound"


def test_an_instance_gets_no_address_before_it_runs(account: NetworkAccount) -> None:
    eni = account.instance_eni()
    instance = instance_of(eni)
    with account.store.transaction() as tx:
        INSTANCES.put(tx, instance)
    address = allocate(account)["AllocationId"]
    by_instance = {"AllocationId": address, "InstanceId": eni.instance_id}
    assert account.refusal("AssociateAddress", **by_instance) == (
        "InvalidInstanceID",
        f"The pending instance '{eni.instance_id}' is not in a valid state for this operation.",
    )
    assert account.refusal("AssociateAddress", AllocationId=address, NetworkInterfaceId=eni.id)[0] == (
        "IncorrectInstanceState"
    )
    with account.store.transaction() as tx:
        INSTANCES.put(tx, replace(instance, up_boot=instance.boot))
    account.call("AssociateAddress", **by_instance)


def instance_of(eni: NetworkInterface) -> Instance:
    assert eni.instance_id is not None
    return Instance(
        id=eni.instance_id,
        account=eni.account,
        region=eni.region,
        reservation_id="r-1",
        launch_index=0,
        launched_by="arn:aws:iam::123456789012:root",
        image_id="ami-1",
        layers=(),
        architecture="x86_64",
        root_device="/dev/xvda",
        instance_type="t2.micro",
        zone=eni.zone,
        vpc_id=eni.vpc_id,
        subnet_id=eni.subnet_id,
        private_ip=eni.private_ip,
        interface_id=eni.id,
        volume_id="vol-1",
        created_at=eni.created_at,
        launched_at=eni.created_at,
        asked_at=eni.created_at,
    )


def test_addresses_are_described_and_filtered(account: NetworkAccount) -> None:
    eni = account.instance_eni()
    address, other = allocate(account), allocate(account)
    account.call("AssociateAddress", AllocationId=address["AllocationId"], InstanceId=eni.instance_id)
    filters = [{"Name": "instance-id", "Values": [eni.instance_id]}]
    (shown,) = account.call("DescribeAddresses", Filters=filters)["Addresses"]
    assert (shown["PublicIp"], shown["PrivateIpAddress"]) == (address["PublicIp"], eni.private_ip)
    (shown,) = account.call("DescribeAddresses", PublicIps=[other["PublicIp"]])["Addresses"]
    assert "AssociationId" not in shown
    assert len(account.call("DescribeAddressesAttribute", Attribute="domain-name")["Addresses"]) == 2
