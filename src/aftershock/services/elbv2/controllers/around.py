"""The records around a target group that decide where its targets are and who sends to them."""

from collections.abc import Sequence

from aftershock.services.elbv2.outside import Instance, Outside
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, LoadBalancer
from aftershock.services.elbv2.records.target_group import Target, TargetGroup
from aftershock.services.elbv2.records.use import load_balancers_of
from aftershock.store import Transaction


def balancers_of(tx: Transaction, group: TargetGroup) -> list[LoadBalancer]:
    """The load balancers that forward to the group: AWS allows one."""
    found = (LOAD_BALANCERS.get(tx, arn) for arn in load_balancers_of(tx, group.arn))
    return [balancer for balancer in found if balancer is not None and balancer.wanted]


def zones_of(balancers: Sequence[LoadBalancer]) -> frozenset[str] | None:
    """The zones that are enabled; None if nobody forwards to the group."""
    return frozenset(place.zone for balancer in balancers for place in balancer.zones) if balancers else None


def instance_of(tx: Transaction, group: TargetGroup, target: Target, outside: Outside) -> Instance | None:
    return outside.instance(tx, group.account, target.id) if group.target_type == "instance" else None
