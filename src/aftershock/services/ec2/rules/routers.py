"""What a VPC asks of its router, and what to do about it."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from aftershock.engines.network import RouterSpec
from aftershock.services.ec2.records.vpc import Vpc

from .addressing import resolver


@dataclass(frozen=True, slots=True)
class Ensure:
    spec: RouterSpec


@dataclass(frozen=True, slots=True)
class Remove:
    """Take away what nobody wants."""


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    step: Ensure | Remove | None = None
    routed: bool = False  # the router was seen as it is wanted


def spec(vpc: Vpc) -> RouterSpec:
    return RouterSpec(
        name=vpc.id,
        cidrs=(vpc.cidr,),
        dns=str(resolver(IPv4Network(vpc.cidr))),
        gateway_attached=vpc.internet_gateway_id is not None,
    )


def plan(vpc: Vpc | None, observed: RouterSpec | None) -> Plan:
    if vpc is None:
        if observed is None:
            return Plan("there is no such VPC, and no router")
        return Plan("the VPC is gone, its router is not", Remove())
    if observed == spec(vpc):
        return Plan("its router is as wanted", routed=True)
    return Plan("it has no router" if observed is None else "its router is not as wanted", Ensure(spec(vpc)))
