"""What other services may know of an account's subnets, VPCs, instances and security groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from aftershock.aws.call import Tx

from .records.instance import INSTANCES
from .records.kinds import SECURITY_GROUP, SUBNET, VPC
from .records.network_interface import NETWORK_INTERFACES
from .records.security_group import named
from .records.subnet import SUBNETS
from .rules import addressing
from .rules.instances import state
from .rules.zones import zones

INSTANCE_TABLE = INSTANCES.name  # whose changes, by the instance's id, may change what is said of it here


@dataclass(frozen=True, slots=True)
class SubnetSeen:
    id: str
    vpc_id: str
    zone: str
    cidr: str
    free_addresses: int


@dataclass(frozen=True, slots=True)
class VpcSeen:
    id: str
    cidrs: tuple[str, ...]
    default_group: str  # the id of its default security group
    has_internet_gateway: bool
    subnets: Mapping[str, str]  # their zones, by their CIDR blocks


@dataclass(frozen=True, slots=True)
class InstanceSeen:
    id: str
    vpc_id: str
    zone: str
    private_ip: str
    state: str  # as DescribeInstances says it


def subnet_seen(tx: Tx, account: str, subnet_id: str) -> SubnetSeen | None:
    subnet = SUBNET.get(tx, account, subnet_id)
    if subnet is None:
        return None
    free = addressing.capacity(IPv4Network(subnet.cidr)) - NETWORK_INTERFACES.count(tx, "subnet", subnet.id)
    return SubnetSeen(subnet.id, subnet.vpc_id, subnet.zone, subnet.cidr, free)


def vpc_seen(tx: Tx, account: str, vpc_id: str) -> VpcSeen | None:
    vpc = VPC.get(tx, account, vpc_id)
    default = named(tx, vpc_id, "default") if vpc else None
    if vpc is None or default is None:
        return None
    subnets = {subnet.cidr: subnet.zone for subnet in SUBNETS.where(tx, "vpc", vpc_id)}
    return VpcSeen(vpc.id, (vpc.cidr,), default.id, vpc.internet_gateway_id is not None, subnets)


def instance_seen(tx: Tx, account: str, instance_id: str) -> InstanceSeen | None:
    found = INSTANCES.get(tx, instance_id)
    if found is None or found.account != account:
        return None
    return InstanceSeen(found.id, found.vpc_id, found.zone, found.private_ip, state(found))


def vpc_of_group(tx: Tx, account: str, group_id: str) -> str | None:
    group = SECURITY_GROUP.get(tx, account, group_id)
    return group.vpc_id if group else None


def zone_names(region: str) -> tuple[str, ...]:
    return tuple(zone.name for zone in zones(region))
