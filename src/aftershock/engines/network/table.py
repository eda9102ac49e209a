"""What a router's nftables table says: the inverse of `firewall`, read from `nft -j -n list table ip router`."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import acls
from .firewall import group_chain, group_members
from .spec import EVERYWHERE, RESOLVER, TCP, UDP, Cidr, GroupSpec, Members, PortSpec, RouterSpec, Rule, port_device

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """One router as its table has it."""

    spec: RouterSpec
    groups: dict[str, GroupSpec]
    ports: dict[str, PortSpec]
    cut: frozenset[str]
    forgetting: frozenset[str]
    barriers: frozenset[str]  # by their digests
    lists: acls.Lists
    member_sets: frozenset[str]  # the groups that have a set of members

    @property
    def loose_members(self) -> frozenset[str]:
        """Groups that have a set of members, and neither rules nor anyone who mentions them."""
        if len(self.member_sets) == len(self.groups):
            return frozenset()  # each group has one
        return (self.member_sets - self.groups.keys()).difference(*map(_mentioned, self.groups.values()))

    def holder_of(self, public: str) -> PortSpec | None:
        return next((port for port in self.ports.values() if port.public == public), None)

    def with_port(self, port: PortSpec) -> "Table":
        """As it is read after the transaction of `firewall.port` that makes it so, and declares no group."""
        return replace(self, ports={**self.ports, port.name: port})

    def without_port(self, name: str) -> "Table":
        """As it is read after the transaction of `firewall.remove_port`."""
        return replace(self, ports={other: port for other, port in self.ports.items() if other != name})

    def with_group(self, group: GroupSpec) -> "Table":
        """As it is read after the transaction of `firewall.group`."""
        member_sets = self.member_sets | {group.name, *_mentioned(group)}
        return replace(self, groups={**self.groups, group.name: group}, member_sets=member_sets)

    def without_group(self, name: str) -> "Table":
        """As it is read after the transaction of `firewall.remove_group`."""
        return replace(self, groups={other: group for other, group in self.groups.items() if other != name})

    def without_members(self, groups: Collection[str]) -> "Table":
        """As it is read after the transaction of `firewall.remove_members`."""
        return replace(self, member_sets=self.member_sets.difference(groups))


def parse(router: str, cidrs: tuple[str, ...], text: str) -> Table | None:
    """None if the router's own part is not there; its networks are routes, which the caller has read."""
    chains, elements, comments = _objects(text)
    dns = _dns(chains.get("arriving", []))
    if dns is None:
        return None
    groups = {name: _group(name, router, chains) for name in _between("group-", "-in", chains)}
    ports = {port.name: port for port in _ports(router, groups, elements)}
    return Table(
        spec=RouterSpec(name=router, cidrs=cidrs, dns=dns, gateway_attached=len(chains.get("gateway", [])) > 1),
        groups=groups,
        ports=ports,
        cut=frozenset(comment for _, comment in elements.get("cut", [])),
        forgetting=frozenset(address for address, _ in elements.get("taken", []))
        - {port.public for port in ports.values()},
        barriers=frozenset(comments.get("apart", ())) | frozenset(comments.get("apart-from-router", ())),
        lists=acls.read(router, chains, elements, ports, _rule),
        member_sets=frozenset(_between("group-", "-members", elements)),
    )


def _mentioned(group: GroupSpec) -> set[str]:
    return {rule.peer.group for rule in (*group.ingress, *group.egress) if isinstance(rule.peer, Members)}


def _objects(
    text: str,
) -> tuple[dict[str, list[list[Json]]], dict[str, list[tuple[Any, str]]], dict[str, list[str]]]:
    """Each chain's rules, each set's elements with their comments (a map's element is a pair of key and value), and
    each chain's comments."""
    chains: dict[str, list[list[Json]]] = {}
    comments: dict[str, list[str]] = defaultdict(list)
    elements: dict[str, list[tuple[Any, str]]] = {}
    for item in json.loads(text)["nftables"]:
        match item:
            case {"chain": {"name": name}}:
                chains[name] = []
            case {"rule": {"chain": name, "expr": expr} as rest}:
                chains[name].append(expr)
                if "comment" in rest:
                    comments[name].append(rest["comment"])
            case {"set": {"name": name} as rest}:
                elements[name] = [_commented(element) for element in rest.get("elem", [])]
            case {"map": {"name": name} as rest}:
                pairs = [(_commented(key), value) for key, value in rest.get("elem", [])]
                elements[name] = [((key, value), comment) for (key, comment), value in pairs]
    return chains, elements, comments


def _commented(element: Any) -> tuple[Any, str]:
    match element:
        case {"elem": {"val": value, "comment": comment}}:
            return _plain(value), comment
    return _plain(element), ""


def _plain(value: Any) -> Any:
    match value:
        case {"concat": parts}:
            return tuple(_plain(part) for part in parts)
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
    return value


def _dns(arriving: list[list[Json]]) -> str | None:
    for expr in arriving:
        match expr:
            case [_, {"match": {"right": str(address)}}, *_, {"dnat": {"addr": addr}}] if addr == RESOLVER:
                return address
    return None


def _group(name: str, router: str, chains: dict[str, list[list[Json]]]) -> GroupSpec:
    ingress, egress = (tuple(map(_rule, chains.get(group_chain(name, way), []))) for way in ("in", "out"))
    return GroupSpec(name=name, router=router, ingress=ingress, egress=egress)


def _rule(expr: list[Json]) -> Rule:
    peer: Cidr | Members = Cidr(EVERYWHERE)
    protocol, ports, icmp_type, icmp_code = None, None, None, None
    for part in expr:
        match part:
            case {"match": {"left": {"payload": {"field": "saddr" | "daddr"}}, "right": str(right)}}:
                peer = Members(name) if (name := _member_set(right)) else Cidr(right)
            case {"match": {"left": {"payload": {"field": "saddr" | "daddr"}}, "right": right}}:
                peer = Cidr(_plain(right))
            case {
                "match": {"left": {"payload": {"protocol": name, "field": "dport"}}, "right": {"range": [low, high]}}
            }:
                protocol, ports = {"tcp": TCP, "udp": UDP}[name], (low, high)
            case {"match": {"left": {"payload": {"field": "type"}}, "right": number}}:
                protocol, icmp_type = 1, number
            case {"match": {"left": {"payload": {"field": "code"}}, "right": number}}:
                icmp_code = number
            case {"match": {"left": {"meta": {"key": "l4proto"}}, "right": number}}:
                protocol = number
    return Rule(peer, protocol, ports, None if icmp_type is None else (icmp_type, icmp_code))


def _member_set(name: str) -> str | None:
    return next(iter(_between("@group-", "-members", [name])), None)


def _ports(router: str, groups: dict[str, GroupSpec], elements: dict[str, list[tuple[Any, str]]]) -> Iterator[PortSpec]:
    zones = {key: comment for (key, _), comment in elements.get("zone_of", [])}
    public_of = dict(pair for pair, _ in elements.get("public_of", []))
    internet = defaultdict(list)
    for (device, cidr), _ in elements.get("internet", []):
        internet[device].append(cidr)
    idle = {device: int(comment) if comment else None for device, comment in elements.get("forwarding", [])}
    via = defaultdict(list)
    for (device, cidr), target in elements.get("via", []):
        via[device].append((cidr, target))
    carried = defaultdict(list)
    for group in groups:
        for address, _ in elements.get(group_members(group), []):
            carried[address].append(group)
    for address, comment in elements.get("addresses", []):
        name, netns, mac, prefix_len, gateway = comment.split()
        device = port_device(name)
        yield PortSpec(
            name=name,
            router=router,
            netns=netns,
            mac=mac,
            address=address,
            prefix_len=int(prefix_len),
            gateway=gateway,
            zone=zones[device],
            groups=tuple(carried[address]),
            public=public_of.get(address),
            internet=tuple(internet[device]),
            via=tuple(via[device]),
            forwards=device in idle,
            translates_idle_s=idle.get(device),
        )


def _between(prefix: str, suffix: str, names: Any) -> Iterator[str]:
    return (n[len(prefix) : -len(suffix)] for n in names if n.startswith(prefix) and n.endswith(suffix))
