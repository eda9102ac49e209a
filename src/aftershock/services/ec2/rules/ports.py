"""What an interface asks of its port, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from aftershock.engines.network import ObservedPort, PortSpec
from aftershock.services.ec2.records.network_interface import NetworkInterface
from aftershock.services.ec2.records.route_table import RouteTable
from aftershock.services.ec2.records.subnet import Subnet
from aftershock.services.ec2.records.vpc import Vpc

from .addressing import gateway
from .nat_gateways import IDLE_S, INTERFACE_TYPE
from .routes import ways


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The records that an interface's port depends on besides its own."""

    vpc: Vpc
    subnet: Subnet
    routes: RouteTable
    through: Mapping[str, str]  # what its routes lead through, with the addresses of what sends on what it gets
    unenforced: tuple[str, ...]  # its groups, and its subnet's ACL, that the firewall does not have yet


@dataclass(frozen=True, slots=True)
class Ensure:
    spec: PortSpec


@dataclass(frozen=True, slots=True)
class Remove:
    """Take away what nobody wants, with the machine's namespace."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete the record."""


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    step: Ensure | Remove | Forget | None = None
    fits: bool = False  # the port was seen as it is wanted


def spec(eni: NetworkInterface, around: Surroundings, idle_s: float = IDLE_S) -> PortSpec | None:
    """None for an interface that is to be in no machine; a NAT gateway forgets what was idle for so long."""
    if not eni.plug or not eni.wanted or eni.machine is None:
        return None
    subnet = IPv4Network(around.subnet.cidr)
    found = ways(around.routes.routes, around.vpc.internet_gateway_id, around.through)
    return PortSpec(
        name=eni.id,
        router=eni.vpc_id,
        netns=eni.machine,
        mac=eni.mac,
        address=eni.private_ip,
        prefix_len=subnet.prefixlen,
        gateway=str(gateway(subnet)),
        zone=eni.zone,
        groups=eni.group_ids,
        public=eni.address,
        internet=found.internet,
        via=found.via,
        forwards=not eni.source_dest_check,
        translates_idle_s=round(idle_s) if eni.interface_type == INTERFACE_TYPE else None,
    )


def plan(
    eni: NetworkInterface | None,
    around: Surroundings | None,
    observed: ObservedPort | None,
    idle_s: float = IDLE_S,
) -> Plan:
    wanted = spec(eni, around, idle_s) if eni and around else None
    if wanted is None:
        if observed is not None:
            return Plan("a wire is there that nobody wants", Remove())
        if eni is not None and not eni.wanted:
            return Plan("deleted, and no wire is left", Forget())
        return Plan("no wire is wanted, and none is there")
    if observed is not None and observed.spec == wanted and not observed.missing:
        return Plan("plugged as wanted", fits=True)
    if around and not around.vpc.routed:
        return Plan("waiting for the VPC's router")
    if around and around.unenforced:
        return Plan(f"waiting for the rules of {', '.join(around.unenforced)}")
    if observed is None:
        return Plan("its wire is missing", Ensure(wanted))
    return Plan(observed.missing or "its wire is not as wanted", Ensure(wanted))
