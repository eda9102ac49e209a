"""Access control lists at the edges of segments: what enters or leaves a segment is held against its list, in order.

They know no connections: every packet meets them, the first one of a flow as the answers and as the thousandth.  What
stays within a segment does not, nor do the questions to the resolver and its answers; what a machine says to its
router alone (the metadata service, pings) is not forwarded and so never gets here.

Each list has two chains, one for each direction, in which an entry that allows returns and the end drops.  Each guarded
segment has two as well, which let pass what stays within and hand the rest to its list.  Which segment a packet leaves
and which it enters is looked up by its devices, so the time does not grow with their number; and a router without any
list has no rule here at all.

All lists of a router change in one transaction, so that there is no moment at which a segment that is handed from one
list to another has none.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from .firewall import UPLINK, matching, segment_element
from .spec import RESOLVER, Cidr, PortSpec, Rule, port_device, require_name, segment_mark

CHAIN = "edges"
_LIST, _EDGE = "acl-", "edge-"
_FIELDS = {"in": "saddr", "out": "daddr"}
_EDGES = (
    f'oifname "{UPLINK}" ip daddr {RESOLVER} accept',
    f'iifname "{UPLINK}" ip saddr {RESOLVER} accept',
    "meta mark set iifname map @segment_of",
    "meta mark vmap @edge_out",
    "meta mark set 0x0",  # the uplink is in no segment, and would leave what is there
    "meta mark set oifname map @segment_of",
    "meta mark vmap @edge_in",
    "meta mark set 0x0",
)
_OTHER_END = {"in": "iifname", "out": "oifname"}

Expr = list[dict[str, Any]]  # a rule as `nft --json` tells it


@dataclass(frozen=True, slots=True)
class Entry:
    """What happens to the packets that a rule describes, if no entry before it describes them."""

    rule: Rule  # its peer is the sender of what enters, and the receiver of what leaves; ports are the receiver's
    allow: bool

    def __post_init__(self) -> None:
        if not isinstance(self.rule.peer, Cidr):
            raise ValueError(f"an access control list knows networks only, and not {self.rule.peer}")


@dataclass(frozen=True, slots=True)
class AclSpec:
    """What no entry describes is dropped."""

    name: str
    router: str
    ingress: tuple[Entry, ...] = ()
    egress: tuple[Entry, ...] = ()
    segments: tuple[str, ...] = ()  # networks, as `PortSpec.segment` says them; each has one list at most

    def __post_init__(self) -> None:
        require_name("list", self.name)
        require_name("router", self.router)
        found = {IPv4Network(segment) for segment in self.segments}
        object.__setattr__(self, "segments", tuple(str(segment) for segment in sorted(found)))


@dataclass(frozen=True, slots=True)
class Lists:
    """All that a router's table says of lists."""

    specs: Mapping[str, AclSpec]
    chains: frozenset[str]  # what there is of ours, read or not
    whole: bool  # nothing is there but what makes up the specs, and they have all that they need
    unplaced: frozenset[str]  # ports of which the router does not know the segment

    def seen(self) -> tuple[AclSpec, ...] | None:
        """All of them in the order of their names; None where something that they need is not there."""
        if not self.whole or self.unplaced:
            return None
        return tuple(sorted(self.specs.values(), key=lambda one: one.name))

    def are(self, wanted: Collection[AclSpec]) -> bool:
        return self.seen() == tuple(sorted(wanted, key=lambda one: one.name))


def text(found: Lists, ports: Mapping[str, PortSpec], wanted: Iterable[AclSpec]) -> str:
    """What makes these the router's lists, in the place of those that it has."""
    specs = sorted(wanted, key=lambda one: one.name)
    chains = dict(_chains(specs))
    guarding = any(spec.segments for spec in specs)
    lines = [
        *(f"flush chain ip router {chain}" for chain in (CHAIN, *sorted(found.chains))),
        *(f"flush map ip router {name}" for name in ("edge_in", "edge_out")),
        *(f"delete chain ip router {chain}" for chain in sorted(found.chains - chains.keys())),
        *(
            f"add element ip router {name} {{ {element} }}"
            for name, element in (segment_element(ports[one]) for one in sorted(found.unplaced & ports.keys()))
        ),
        *(f"add chain ip router {chain}" for chain in chains),
        *(f"add rule ip router {chain} {rule}" for chain, rules in chains.items() for rule in rules),
        *(
            f'add element ip router edge_{way} {{ {segment_mark(segment):#x} comment "{segment}"'
            f" : jump {_edge(segment, way)} }}"
            for spec in specs
            for segment in spec.segments
            for way in _FIELDS
        ),
        *(f"add rule ip router {CHAIN} {rule}" for rule in _EDGES if guarding),
    ]
    return "".join(f"{line}\n" for line in lines)


def read(
    router: str,
    chains: Mapping[str, list[Expr]],
    elements: Mapping[str, list[tuple[Any, str]]],
    ports: Mapping[str, PortSpec],
    rule_of: Callable[[Expr], Rule],
) -> Lists:
    """What `text` has made, from a router's chains and the elements of its sets and maps with their comments."""
    ours = frozenset(chain for chain in chains if chain.startswith((_LIST, _EDGE)))
    names = {chain.removeprefix(_LIST).rpartition("-")[0] for chain in ours if chain.startswith(_LIST)}
    guarded = {way: _guarded(way, chains, elements) for way in _FIELDS}
    specs = {
        name: AclSpec(
            name=name,
            router=router,
            ingress=tuple(_entries(chains.get(_list(name, "in"), []), rule_of)),
            egress=tuple(_entries(chains.get(_list(name, "out"), []), rule_of)),
            segments=tuple(segment for segment, by in guarded["in"].items() if by == name),
        )
        for name in names
    }
    expected = {chain: len(rules) for chain, rules in _chains(specs.values())}
    expected[CHAIN] = len(_EDGES) if any(spec.segments for spec in specs.values()) else 0
    placed = {device for (device, _), _ in elements.get("segment_of", [])}
    return Lists(
        specs=specs,
        chains=ours,
        whole=guarded["in"] == guarded["out"]
        and {chain: len(chains.get(chain, [])) for chain in (*ours, CHAIN)} == expected,
        unplaced=frozenset(name for name, port in ports.items() if port_device(name) not in placed),
    )


def _guarded(
    way: str, chains: Mapping[str, list[Expr]], elements: Mapping[str, list[tuple[Any, str]]]
) -> dict[str, str]:
    """Each guarded segment's list."""
    found = {}
    for (_, verdict), segment in elements.get(f"edge_{way}", []):
        match chains.get(verdict["jump"]["target"], []):
            case [*_, [{"goto": {"target": chain}}]]:
                found[segment] = chain.removeprefix(_LIST).rpartition("-")[0]
    return found


def _entries(rules: list[Expr], rule_of: Callable[[Expr], Rule]) -> Iterator[Entry]:
    for expr in rules[:-1]:  # the last is the end of every list
        yield Entry(rule_of(expr), allow="return" in expr[-1])


def _chains(specs: Iterable[AclSpec]) -> Iterator[tuple[str, list[str]]]:
    """Those of the lists before those of the segments, which refer to them."""
    specs = list(specs)
    for spec in specs:
        for way, entries in (("in", spec.ingress), ("out", spec.egress)):
            yield _list(spec.name, way), [*(_entry(entry, _FIELDS[way]) for entry in entries), "drop"]
    for spec in specs:
        for segment in spec.segments:
            for way in _FIELDS:
                yield (
                    _edge(segment, way),
                    [
                        "meta mark set 0x0",
                        f"meta mark set {_OTHER_END[way]} map @segment_of",
                        f"meta mark {segment_mark(segment):#x} return",
                        f"goto {_list(spec.name, way)}",
                    ],
                )


def _entry(entry: Entry, field: str) -> str:
    return " ".join([*matching(entry.rule, field), "return" if entry.allow else "drop"])


def _list(name: str, way: str) -> str:
    return f"{_LIST}{name}-{way}"


def _edge(segment: str, way: str) -> str:
    return f"{_EDGE}{segment_mark(segment):x}-{way}"
