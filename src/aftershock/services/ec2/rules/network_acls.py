"""What a VPC's network ACLs ask of the edges of its subnets, and what to do about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aftershock.engines.network import AclSpec, Cidr, Rule
from aftershock.engines.network import Entry as EdgeEntry
from aftershock.services.ec2.records.network_acl import Entry, NetworkAcl

from .network_acl_entries import ALL, ANY

EVERYTHING = EdgeEntry(Rule(Cidr("0.0.0.0/0")), allow=True)


@dataclass(frozen=True, slots=True)
class Ensure:
    specs: tuple[AclSpec, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    step: Ensure | None = None
    enforced: bool = False  # the router was seen to have exactly what its ACLs ask for


def guards(acl: NetworkAcl) -> bool:
    """Whether there is anything that it keeps back; one as AWS makes the default one lets everything pass."""
    return any(_entries(acl, egress=egress)[:1] != (EVERYTHING,) for egress in (True, False))


def spec(acl: NetworkAcl, cidrs: Mapping[str, str]) -> AclSpec:
    return AclSpec(
        name=acl.id,
        router=acl.vpc_id,
        ingress=_entries(acl, egress=False),
        egress=_entries(acl, egress=True),
        segments=tuple(cidrs[one.subnet_id] for one in acl.associations),
    )


def specs(acls: Iterable[NetworkAcl], cidrs: Mapping[str, str]) -> tuple[AclSpec, ...]:
    """Those that stand between anything; `cidrs` are the subnets' ranges."""
    wanted = (spec(acl, cidrs) for acl in acls if acl.associations and guards(acl))
    return tuple(sorted(wanted, key=lambda one: one.name))


def _entries(acl: NetworkAcl, *, egress: bool) -> tuple[EdgeEntry, ...]:
    """In order, but for those that only IPv6 could meet, of which the region has none."""
    alike = sorted((one for one in acl.entries if one.egress == egress and one.cidr), key=lambda one: one.number)
    return tuple(EdgeEntry(_rule(one), one.allow) for one in alike)


def _rule(one: Entry) -> Rule:
    peer = Cidr(one.cidr or "")
    if one.protocol == ALL:
        return Rule(peer)
    kind, code = one.icmp or (ANY, ANY)
    # AWS: a code of -1 "means all codes for the specified ICMP type"; so a code says nothing where no type is.
    icmp = None if kind == ANY else (kind, None if code == ANY else code)
    return Rule(peer, int(one.protocol), ports=one.ports, icmp=icmp)


def plan(
    acls: Sequence[NetworkAcl], cidrs: Mapping[str, str], *, routed: bool, observed: Sequence[AclSpec] | None
) -> Plan:
    """`routed` says whether the VPC has its router; `observed` is None where the router's are not whole."""
    if not routed:
        return Plan("waiting for the VPC's router")
    wanted = specs(acls, cidrs)
    if observed is not None and tuple(observed) == wanted:
        return Plan("its entries are enforced", enforced=True)
    return Plan("other entries are enforced", Ensure(wanted))
