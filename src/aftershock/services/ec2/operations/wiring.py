"""How an interface comes, is plugged into a machine, unplugged, and goes: what instances' operations build on.

Nothing here touches the ground.  Each function writes a wish on the interface's record; the controller of ports does
the rest and says on the record what it saw.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Protocol

from msgspec.structs import replace

from aftershock.aws.call import Call, Tx
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import SECURITY_GROUP
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, Elastic, NetworkInterface
from aftershock.services.ec2.records.security_group import named
from aftershock.services.ec2.records.subnet import Subnet
from aftershock.services.ec2.rules import addressing

from . import public_pool

MAX_GROUPS = 5  # AWS: "Security groups per network interface: 5"


class Within(Protocol):
    """A `Call`, or whatever else has an open transaction."""

    @property
    def tx(self) -> Tx: ...


def create(
    call: Call,
    *,
    subnet: Subnet,
    group_ids: Sequence[str],
    private_ip: str | None = None,
    description: str = "",
    instance_id: str | None = None,
    device_index: int = 0,
    delete_on_termination: bool = True,
    auto_public: bool = False,
    tags: Mapping[str, str] | None = None,
) -> NetworkInterface:
    """A new interface; without groups it gets the VPC's default group.  It is not plugged yet.

    Raises:
        AwsError: the groups or the address will not do, or no address is free.
    """
    eni_id = call.new_id("eni")
    eni = NetworkInterface(
        id=eni_id,
        account=call.account,
        region=call.region,
        tags=dict(tags or {}),
        vpc_id=subnet.vpc_id,
        subnet_id=subnet.id,
        zone=subnet.zone,
        private_ip=addressing.private_address(
            IPv4Network(subnet.cidr), lambda address: _is_taken(call.tx, subnet.id, address), private_ip, eni_id
        ),
        mac=addressing.mac(eni_id),
        group_ids=groups_of_vpc(call, subnet.vpc_id, group_ids, place=f"subnet {subnet.id}"),
        description=description,
        created_at=call.now,
        auto_public=auto_public,
    )
    if instance_id is None:
        NETWORK_INTERFACES.put(call.tx, eni)
        return eni
    return attach(
        call, eni, instance_id=instance_id, device_index=device_index, delete_on_termination=delete_on_termination
    )


def check_private_ip(tx: Tx, subnet: Subnet, private_ip: str) -> None:
    """
    Raises:
        AwsError: InvalidParameterValue, InvalidIPAddress.InUse
    """
    addressing.private_address(
        IPv4Network(subnet.cidr), lambda address: _is_taken(tx, subnet.id, address), private_ip, ""
    )


def _is_taken(tx: Tx, subnet_id: str, address: str) -> bool:
    return bool(NETWORK_INTERFACES.where(tx, "private_ip", f"{subnet_id} {address}"))


def groups_of_vpc(call: Call, vpc_id: str, group_ids: Sequence[str], *, place: str) -> tuple[str, ...]:
    """The groups, each once, as they may stand on an interface of the VPC; none given means the default group.

    Raises:
        AwsError: a group is missing or of another VPC, or there are too many.
    """
    ids = tuple(dict.fromkeys(group_ids))
    if not ids:
        default = named(call.tx, vpc_id, "default")
        return (default.id,) if default else ()
    for group_id in ids:
        group = SECURITY_GROUP.require(call.tx, call.account, group_id)
        if group.vpc_id != vpc_id:
            raise AwsError("InvalidParameter", f"Security group {group_id} and {place} belong to different networks.")
    if len(ids) > MAX_GROUPS:
        raise AwsError(
            "SecurityGroupsPerInterfaceLimitExceeded",
            "The maximum number of security groups per interface has been reached.",
        )
    return ids


def attach(
    call: Call, eni: NetworkInterface, *, instance_id: str, device_index: int, delete_on_termination: bool
) -> NetworkInterface:
    """Make the interface the instance's.

    Raises:
        AwsError: InvalidNetworkInterface.InUse
    """
    if eni.attachment_id is not None:
        raise AwsError("InvalidNetworkInterface.InUse", f"Interface: [{eni.id}] in use.")
    return wish(
        call,
        eni,
        instance_id=instance_id,
        attachment_id=call.new_id("eni-attach"),
        device_index=device_index,
        attached_at=call.now,
        delete_on_termination=delete_on_termination,
    )


def plug(within: Within, eni: NetworkInterface) -> NetworkInterface:
    """The machine is wanted to have its wire; with it comes an automatic public address, if the interface gets one.

    It has the wire as soon as the record says `ready`.
    """
    wants_address = eni.auto_public and eni.elastic is None and eni.public_ip is None
    public_ip = public_pool.take(within.tx, eni.region) if wants_address else eni.public_ip
    return wish(within, eni, plug=True, public_ip=public_ip)


def unplug(within: Within, eni: NetworkInterface) -> NetworkInterface:
    """The machine is wanted to lose its wire, and with it an automatic public address; an Elastic IP stays."""
    return wish(within, eni, plug=False, public_ip=None)


def release(within: Within, eni_id: str) -> None:
    """The instance needs the interface no more: delete it, or only detach it if it is to outlive the instance.

    The record of one that is deleted goes away as soon as the kernel shows no wire; one that was never plugged goes
    at once.  An Elastic IP of a deleted interface is disassociated and stays allocated.
    """
    eni = NETWORK_INTERFACES.get(within.tx, eni_id)
    if eni is None:
        return
    if not eni.delete_on_termination:
        wish(within, eni, plug=False, public_ip=None, instance_id=None, attachment_id=None, attached_at=None)
    elif eni.plug or eni.plugged:
        wish(within, eni, wanted=False, plug=False, public_ip=None, elastic=None)
    else:
        NETWORK_INTERFACES.forget(within.tx, eni.id)


def associate(within: Within, eni: NetworkInterface, elastic: Elastic) -> NetworkInterface:
    """Give it an Elastic IP.  AWS: "We release your instance's public IP address when you associate an Elastic IP"."""
    return wish(within, eni, elastic=elastic, public_ip=None)


def disassociate(within: Within, eni: NetworkInterface) -> NetworkInterface:
    """Take its Elastic IP.  AWS: "When you disassociate …, it receives a new public IP address", if it gets one."""
    public_ip = public_pool.take(within.tx, eni.region) if eni.plug and eni.auto_public else None
    return wish(within, eni, elastic=None, public_ip=public_ip)


def own(eni: NetworkInterface) -> NetworkInterface:
    """The interface, which is the caller's own to change.

    Raises:
        AwsError: AuthFailure, for one that a service has for a machine of its own.
    """
    if eni.requester:
        raise AwsError("AuthFailure", "You do not have permission to access the specified resource.")
    return eni


def public_address(eni: NetworkInterface) -> tuple[str, bool, str | None] | None:
    """Its public address, whether that is an Elastic IP, and if so which allocation."""
    if eni.elastic:
        return eni.elastic.public_ip, True, eni.elastic.allocation_id
    return (eni.public_ip, False, None) if eni.public_ip else None


def wish(within: Within, eni: NetworkInterface, **changes: Any) -> NetworkInterface:
    """Write what is wanted now; a wish that changes nothing is none."""
    changed = replace(eni, **changes)
    if changed == NETWORK_INTERFACES.get(within.tx, eni.id):
        return eni
    changed = replace(changed, generation=eni.generation + 1)
    NETWORK_INTERFACES.put(within.tx, changed)
    return changed
