"""What to do next about one node of a load balancer.  Pure."""

from dataclasses import dataclass
from typing import Literal

from aftershock.services.elbv2.outside import Interface
from aftershock.services.elbv2.records.load_balancer import LoadBalancer, Node, ZonePlace

Step = Literal[
    "make interface",
    "set groups",
    "serve",  # have the machine run with what is wanted of it, and see what it does
    "stop",
    "remove machine",
    "remove interface",
    "forget",
]


@dataclass(frozen=True, slots=True)
class Seen:
    interface: Interface | None
    machine: bool  # something of it is there, running or not
    running: bool
    dark: bool  # its zone is without power
    cut: bool  # its zone is cut off from all others
    left: bool  # it left the load balancer's name so long ago that nobody comes any more


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    step: Step | None = None
    wait: bool = False  # for something that announces itself


def is_wanted(node: Node, balancer: LoadBalancer | None) -> bool:
    return node.wanted and balancer is not None and balancer.wanted


def place_of(node: Node, balancer: LoadBalancer) -> ZonePlace | None:
    """The place among the load balancer's that the node stands in, if there still is such a place."""
    here = node.zone, node.subnet_id
    return next((place for place in balancer.zones if (place.zone, place.subnet_id) == here), None)


def plan(node: Node, balancer: LoadBalancer | None, seen: Seen) -> Plan:
    if balancer is not None and is_wanted(node, balancer):
        return _keep(balancer, seen)
    if balancer is not None and balancer.wanted and seen.running and not seen.left and not seen.dark:
        return Plan("its subnet is not the load balancer's any more; it ends when nobody knows its address", "serve")
    if seen.machine:
        return Plan("nobody wants it any more", "remove machine")
    if seen.interface is not None:
        return Plan("its machine is gone, and its address goes", "remove interface", wait=not seen.interface.wanted)
    return Plan("nothing is left of it", "forget")


def _keep(balancer: LoadBalancer, seen: Seen) -> Plan:
    if seen.interface is None:
        if seen.machine:  # its namespace went with the interface
            return Plan("its interface is gone, so that it cannot be reached", "remove machine")
        return Plan("it needs an address", "make interface")
    if not seen.interface.wanted:
        return Plan("its former interface is going", wait=True)
    if set(seen.interface.group_ids) != set(balancer.group_ids):
        return Plan("its interface has other security groups than the load balancer", "set groups")
    if seen.dark:
        if seen.running:
            return Plan("its zone has no power", "stop")
        return Plan("its zone has no power", wait=True)
    if not seen.running and not seen.interface.plugged:
        return Plan("waiting for its wire", wait=True)
    return Plan("it serves", "serve")
