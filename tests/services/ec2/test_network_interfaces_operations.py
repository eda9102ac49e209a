"""Network interfaces, and the wishes that instances' operations write on them."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.services.ec2.operations import wiring
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.rules import addressing
from tests.services.ec2.net_account import NetworkAccount


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("10.0.1.3", "InvalidParameterValue", "Address 10.0.1.3 is in subnet's reserved address range"),
        ("10.0.1.255", "InvalidParameterValue", "Address 10.0.1.255 is in subnet's reserved address range"),
        ("10.0.2.9", "InvalidParameterValue", "Address 10.0.2.9 does not fall within the subnet's address range"),
        ("10.0.1.9", "InvalidIPAddress.InUse", "Address 10.0.1.9 is in use."),
        ("ten", "InvalidParameterValue", "privateIpAddress"),
    ],
)
def test_addresses_that_cannot_be_had(account: NetworkAccount, address: str, code: str, message: str) -> None:
    subnet_id = account.subnet(account.vpc())
    account.eni(subnet_id, PrivateIpAddress="10.0.1.9")
    refused = account.refusal("CreateNetworkInterface", SubnetId=subnet_id, PrivateIpAddress=address)
    assert refused[0] == code
    assert message in refused[1]


@given(st.integers(16, 28), st.text(max_size=8), st.data())
def test_a_free_address_is_usable_and_free(prefix: int, seed: str, data: st.DataObject) -> None:
    subnet = IPv4Network(f"10.0.0.0/{prefix}")
    taken = data.draw(st.sets(st.integers(4, min(subnet.num_addresses - 2, 40)), max_size=10))
    found = addressing.private_address(subnet, lambda one: int(IPv4Address(one)) & 0xFFFF in taken, None, seed)
    place = int(IPv4Address(found)) - int(subnet.network_address)
    assert 4 <= place < subnet.num_addresses - 1
    assert place not in taken


def test_an_interface_has_the_default_group_unless_others_are_named(account: NetworkAccount) -> None:
    (default,) = account.call("DescribeSecurityGroups", GroupNames=["default"])["SecurityGroups"]
    assert account.record(account.eni()).group_ids == (default["GroupId"],)
    group_ids = [account.group(f"group{number}") for number in range(6)]
    assert account.record(account.eni(Groups=group_ids[:5])).group_ids == tuple(group_ids[:5])
    subnet_id = account.default_subnet()
    assert account.refusal("CreateNetworkInterface", SubnetId=subnet_id, Groups=group_ids)[0] == (
        "SecurityGroupsPerInterfaceLimitExceeded"
    )
    stranger = account.group(vpc_id=account.vpc())
    assert account.refusal("CreateNetworkInterface", SubnetId=subnet_id, Groups=[stranger]) == (
        "InvalidParameter",
        f"Security group {stranger} and subnet {subnet_id} belong to different networks.",
    )


def test_a_client_token_makes_one_interface(account: NetworkAccount) -> None:
    subnet_id = account.default_subnet()
    assert account.eni(subnet_id, ClientToken="once") == account.eni(subnet_id, ClientToken="once")


def test_secondary_addresses_and_interfaces_are_refused(account: NetworkAccount) -> None:
    ask = {"SubnetId": account.default_subnet()}
    assert account.refusal("CreateNetworkInterface", **ask, SecondaryPrivateIpAddressCount=2)[0] == (
        "UnsupportedOperation"
    )
    second = [{"PrivateIpAddress": "172.31.0.9", "Primary": False}]
    assert account.refusal("CreateNetworkInterface", **ask, PrivateIpAddresses=second)[0] == "UnsupportedOperation"
    primary = account.instance_eni()
    attach = {"NetworkInterfaceId": account.eni(), "InstanceId": primary.instance_id, "DeviceIndex": 1}
    assert account.refusal("AttachNetworkInterface", **attach)[0] == "UnsupportedOperation"
    assert account.refusal("AttachNetworkInterface", **attach | {"NetworkInterfaceId": primary.id})[0] == (
        "InvalidNetworkInterface.InUse"
    )
    assert account.refusal("DetachNetworkInterface", AttachmentId=primary.attachment_id) == (
        "OperationNotPermitted",
        "The network interface at device index 0 cannot be detached.",
    )


def test_an_interface_in_a_machine_cannot_be_deleted(account: NetworkAccount) -> None:
    eni = account.instance_eni()
    assert account.refusal("DeleteNetworkInterface", NetworkInterfaceId=eni.id) == (
        "InvalidParameterValue",
        f"Network interface '{eni.id}' is currently in use.",
    )


def test_one_attribute_is_modified_at_a_time(account: NetworkAccount) -> None:
    eni = account.instance_eni()
    ask = {"NetworkInterfaceId": eni.id}
    group_id = account.group()
    account.call("ModifyNetworkInterfaceAttribute", **ask, Groups=[group_id])
    account.call("ModifyNetworkInterfaceAttribute", **ask, Description={"Value": "the front door"})
    attachment = {"AttachmentId": eni.attachment_id, "DeleteOnTermination": False}
    account.call("ModifyNetworkInterfaceAttribute", **ask, Attachment=attachment)
    account.call("ModifyNetworkInterfaceAttribute", **ask, SourceDestCheck={"Value": True})
    now = account.record(eni.id)
    assert (now.group_ids, now.description, now.delete_on_termination) == ((group_id,), "the front door", False)
    assert now.generation == eni.generation + 3
    account.call("ModifyNetworkInterfaceAttribute", **ask, SourceDestCheck={"Value": False})
    shown = account.call("DescribeNetworkInterfaceAttribute", **ask, Attribute="sourceDestCheck")
    assert shown["SourceDestCheck"] == {"Value": False}
    both = {"Groups": [group_id], "Description": {"Value": "x"}}
    assert account.refusal("ModifyNetworkInterfaceAttribute", **ask, **both)[0] == "InvalidParameterCombination"


def test_a_start_brings_a_new_automatic_address_and_a_stop_takes_it(account: NetworkAccount) -> None:
    eni = account.instance_eni(auto_public=True)
    first = eni.public_ip
    assert first is not None
    with account.store.transaction() as tx:
        eni = wiring.unplug(account.context(tx), eni)
        assert (eni.public_ip, eni.plug) == (None, False)
        eni = wiring.plug(account.context(tx), eni)
    assert eni.public_ip not in (None, first)


def test_an_interface_goes_with_its_instance_when_the_kernel_shows_no_wire(account: NetworkAccount) -> None:
    eni = account.instance_eni(auto_public=True)
    with account.store.transaction() as tx:
        NETWORK_INTERFACES.put(tx, replace(eni, plugged=True))
        wiring.release(account.context(tx), eni.id)
    now = account.record(eni.id)
    assert (now.wanted, now.plug, now.public_ip) == (False, False, None)
    (shown,) = account.call("DescribeNetworkInterfaces")["NetworkInterfaces"]
    assert shown["Attachment"]["Status"] == "detaching"
    with account.store.transaction() as tx:
        NETWORK_INTERFACES.put(tx, replace(now, plugged=False))
        wiring.release(account.context(tx), eni.id)
    assert account.call("DescribeNetworkInterfaces")["NetworkInterfaces"] == []


def test_an_interface_that_is_to_outlive_its_instance_does(account: NetworkAccount) -> None:
    eni = account.instance_eni(delete_on_termination=False)
    with account.store.transaction() as tx:
        wiring.release(account.context(tx), eni.id)
    (shown,) = account.call("DescribeNetworkInterfaces")["NetworkInterfaces"]
    assert shown["Status"] == "available"
    assert "Attachment" not in shown


def test_interfaces_are_described_and_filtered(account: NetworkAccount) -> None:
    account.eni()
    eni = account.instance_eni(auto_public=True)
    filters = [{"Name": "attachment.instance-id", "Values": [eni.instance_id]}]
    (shown,) = account.call("DescribeNetworkInterfaces", Filters=filters)["NetworkInterfaces"]
    assert shown["Attachment"]["Status"] == "attaching"  # until the kernel shows the wire
    assert shown["Association"]["PublicIp"] == eni.public_ip
    assert shown["Association"]["IpOwnerId"] == "amazon"
    assert shown["PrivateDnsName"] == f"ip-{eni.private_ip.replace('.', '-')}.ec2.internal"
    assert shown["PublicDnsName"].startswith("ec2-198-18-")
    asked = {"NetworkInterfaceId": eni.id, "Attribute": "groupSet"}
    assert account.call("DescribeNetworkInterfaceAttribute", **asked)["Groups"][0]["GroupName"] == "default"
