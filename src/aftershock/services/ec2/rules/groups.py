"""What a security group asks of the firewall, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass

from aftershock.engines.network import Cidr, GroupSpec, Members
from aftershock.engines.network import Rule as FirewallRule
from aftershock.services.ec2.records.security_group import Rule, SecurityGroup

from .permissions import ALL, ANY

NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17}
ICMPV6 = "icmpv6"


@dataclass(frozen=True, slots=True)
class Ensure:
    spec: GroupSpec


@dataclass(frozen=True, slots=True)
class Remove:
    router: str


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    step: Ensure | Remove | None = None
    enforced: bool = False  # exactly these rules were seen


def spec(group: SecurityGroup) -> GroupSpec:
    return GroupSpec(
        name=group.id,
        router=group.vpc_id,
        ingress=tuple(_rules(group, egress=False)),
        egress=tuple(_rules(group, egress=True)),
    )


def _rules(group: SecurityGroup, *, egress: bool) -> Iterator[FirewallRule]:
    for rule in group.rules:
        if rule.egress == egress and (found := _rule(rule)) is not None:
            yield found


def _rule(rule: Rule) -> FirewallRule | None:
    """None for what only IPv6 could meet: the region has none, so there is nothing that it could let through."""
    if rule.cidr6 is not None or rule.protocol == ICMPV6:
        return None
    peer = Members(rule.group_id) if rule.group_id else Cidr(rule.cidr or "")
    if rule.protocol == ALL:
        return FirewallRule(peer)
    number = NUMBERS.get(rule.protocol)
    if rule.from_port is None or rule.to_port is None:
        return FirewallRule(peer, int(rule.protocol) if number is None else number)
    if rule.protocol == "icmp":
        code = None if rule.to_port == ANY else rule.to_port
        return FirewallRule(peer, number, icmp=None if rule.from_port == ANY else (rule.from_port, code))
    return FirewallRule(peer, number, ports=(rule.from_port, rule.to_port))


def plan(group: SecurityGroup | None, *, routed: bool, observed: GroupSpec | None) -> Plan:
    """`routed` says whether the group's VPC has its router."""
    if group is None:
        if observed is None:
            return Plan("there is no such group, and no rules")
        return Plan("the group is gone, its rules are not", Remove(observed.router))
    if not routed:
        return Plan("waiting for the VPC's router")
    if observed == spec(group):
        return Plan("its rules are enforced", enforced=True)
    return Plan("it has no rules yet" if observed is None else "other rules are enforced", Ensure(spec(group)))
