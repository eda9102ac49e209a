"""NAT gateways: which state is told, why one fails, and what to do next."""

from dataclasses import dataclass
from typing import Literal

from aftershock.services.ec2.records.nat_gateway import NatGateway
from aftershock.services.ec2.records.network_interface import NetworkInterface

INTERFACE_TYPE = "nat_gateway"
REQUESTER = "amazon-nat"
MAX_PER_ZONE = 5  # AWS: "NAT gateways per Availability Zone: 5"
SHOWN_S = 3600.0  # AWS: a deleted one "remains visible ... for about an hour", and so does a failed one
IDLE_S = 350.0  # AWS: "If a connection that's using a NAT gateway is idle for 350 seconds or more, ... times out"
LEAST_IDLE_S = 1.0  # a connection in use shall not be taken for an idle one, at any pace

State = Literal["pending", "failed", "available", "deleting", "deleted"]
Step = Literal["make interface", "plug", "unplug", "note it is made", "delete interface", "note its end", "forget"]


@dataclass(frozen=True, slots=True)
class Seen:
    interface: NetworkInterface | None
    powerless: bool  # its zone lost its power
    shown_enough: bool  # it ended so long ago that nobody sees it any more


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str


def state(gateway: NatGateway) -> State:
    if not gateway.wanted:
        return "deleted" if gateway.ended_at else "deleting"
    if gateway.failure_code:
        return "failed"
    return "available" if gateway.made else "pending"


def is_there(gateway: NatGateway) -> bool:
    """Routes may lead to it."""
    return state(gateway) in ("pending", "available")


def counts(gateway: NatGateway) -> bool:
    """AWS: one that is pending, available or deleting "counts against your quota"."""
    return state(gateway) in ("pending", "available", "deleting")


def plan(gateway: NatGateway, seen: Seen) -> Plan:
    if not gateway.wanted or gateway.failure_code:
        return _ending(gateway, seen)
    eni = seen.interface
    if eni is None:
        return Plan("it has no interface", "make interface")
    if seen.powerless:
        return Plan("its zone has no power", "unplug" if eni.plug else None)
    if not eni.plug:
        return Plan("its zone has power again", "plug")
    if not eni.ready:
        return Plan(f"waiting for its wire: {eni.reason}")
    return Plan("its wire was seen as it is wanted", None if gateway.made else "note it is made")


def _ending(gateway: NatGateway, seen: Seen) -> Plan:
    if seen.interface is not None:
        if seen.interface.wanted:
            return Plan("it is not wanted, its interface is there", "delete interface")
        return Plan("waiting for its wire to go")
    if gateway.ended_at is None:
        return Plan("nothing is left of it", "note its end")
    return Plan("it is shown for a while yet") if not seen.shown_enough else Plan("it was shown enough", "forget")


def failure(code: str, message: str, gateway: NatGateway) -> Failure:
    """What AWS says of one whose interface was refused for this reason."""
    texts = {
        "InsufficientFreeAddressesInSubnet": "Subnet has insufficient free addresses to create this NAT gateway",
        "InvalidSubnetID.NotFound": f"The specified subnet {gateway.subnet_id} does not exist or could not be found",
        "InvalidAllocationID.NotFound": (
            f"Elastic IP address {gateway.allocation_id} could not be associated with this NAT gateway"
        ),
        "Resource.AlreadyAssociated": f"Elastic IP address [{gateway.allocation_id}] is already associated",
        "Gateway.NotAttached": f"Network {gateway.vpc_id} has no Internet gateway attached",
    }
    return Failure(code, texts.get(code, message))
