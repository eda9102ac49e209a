"""Zones in memory, and what a name in one of them is answered (RFC 1034 §4.3.2, RFC 4592).  Decides only; no I/O.

A zone is indexed when it is loaded; its values are brought into messages' form when they are first asked for.
"""

import contextlib
import ipaddress
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from . import message, names
from .message import CNAME, NS, SOA, Records, Reply
from .snapshot import AnswerSet, Numbered, RecordSet, Zone

CHAIN_MAX = 16  # CNAMEs and names like other names that are followed for one question
SAMPLE_MAX = 8
_SPELT = re.compile(rb"(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is known here ends; somebody else has to be asked for a name, and the answer begins with `so_far`."""

    name: bytes
    so_far: tuple[Records, ...] = ()


def choose(entry: RecordSet, chance: random.Random) -> tuple[list[AnswerSet], bool]:
    """The sets that are answered now, and whether these may be others the next time."""
    sets = [one for one in entry.sets if one.healthy] or list(entry.sets)
    if not sets:
        return [], False
    match entry.policy:
        case "weighted":
            weights = [one.weight for one in sets]
            if not any(weights):
                weights = [1] * len(sets)
            return chance.choices(sets, weights), len(sets) > 1
        case "first":
            return sets[:1], False
        case "sample":
            return chance.sample(sets, min(SAMPLE_MAX, len(sets))), len(sets) > 1
    return sets[:1], False


class Broken(Exception):
    """A zone holds what cannot be answered; the message says what."""


@dataclass(slots=True)
class Node:
    """All record sets of one name."""

    entries: dict[int, RecordSet] = field(default_factory=dict)
    data: dict[tuple[int, int], tuple[bytes, ...]] = field(default_factory=dict)  # by type and the set's identity


class LoadedZone:
    def __init__(self, zone: Zone) -> None:
        self.id = zone.id
        self.name = names.wire(zone.name)
        self.nodes: dict[bytes, Node] = {}
        self.above: set[bytes] = set()  # names that exist because there are names below them
        self.delegates = False
        self._numbered = [_Numbers(one) for one in zone.numbered]
        self._reverse = [_Numbers(one) for one in zone.reverse]
        for entry in zone.records:
            self._add(entry)

    def _add(self, entry: RecordSet) -> None:
        try:
            name, kind = names.wire(entry.name), int(dns.rdatatype.from_text(entry.type))
        except dns.exception.DNSException as error:
            raise ValueError(f"{entry.type!r} is not a type of record") from error
        self.nodes.setdefault(name, Node()).entries[kind] = entry
        self.delegates = self.delegates or (kind == NS and name != self.name)
        above = name
        while above != self.name and len(above) > len(self.name):
            above = names.parent(above)
            if above in self.above:
                break
            self.above.add(above)

    @cached_property
    def negative(self) -> tuple[Records, ...]:
        """The SOA record as it stands in negative answers (RFC 2308 §3)."""
        node = self.nodes.get(self.name)
        if node is None or SOA not in node.entries:
            raise Broken(f"zone {names.text(self.name)} has no SOA record")
        (one,) = node.entries[SOA].sets
        (data,) = self.data(node, SOA, one)
        minimum_s = int.from_bytes(data[-4:], "big")
        return (Records(self.name, SOA, min(one.ttl_s, minimum_s), (data,)),)

    def data(self, node: Node, kind: int, one: AnswerSet) -> tuple[bytes, ...]:
        key = kind, id(one)
        if key not in node.data:
            try:
                node.data[key] = tuple(rdata(kind, value) for value in one.values)
            except ValueError as error:
                raise Broken(f"zone {names.text(self.name)}: {error}") from error
        return node.data[key]

    def delegation(self, name: bytes, kind: int) -> tuple[bytes, Node] | None:
        """Where a name is delegated: the highest cut below this zone's own name, with the name servers there."""
        if not self.delegates:
            return None
        cut = None
        for above in names.ancestors(name):
            if above == self.name:
                break
            node = self.nodes.get(above)
            # RFC 4035 §3.1.4.1: DS belongs to the parent's side.
            if node and NS in node.entries and not (above == name and kind == message.DS):
                cut = above, node
        return cut

    def find(self, name: bytes) -> Node | None:
        """The node that answers for a name, which is a wildcard's if the name is not there; an empty one if the name
        only has others below it; None if there is no such name."""
        if node := self.nodes.get(name):
            return node
        if name in self.above or name == self.name:
            return Node()
        for encloser in names.ancestors(names.parent(name)):
            if encloser in self.nodes or encloser in self.above or encloser == self.name:
                return self.nodes.get(names.WILDCARD + encloser)
        return None

    def spelt(self, name: bytes) -> tuple[Records, ...] | None:
        """What a name says that spells an address."""
        for numbers in self._numbered:
            if address := numbers.address(name):
                return (Records(name, message.A, numbers.ttl_s, (address.packed,)),)
        for numbers in self._reverse:
            if target := numbers.name(name):
                return (Records(name, message.PTR, numbers.ttl_s, (target,)),)
        return None


class _Numbers:
    def __init__(self, spec: Numbered) -> None:
        self.ttl_s = spec.ttl_s
        self._domain, self._prefix = names.wire(spec.domain), spec.prefix.encode()
        self._networks = [IPv4Network(network) for network in spec.networks]
        self._instead = spec.instead

    def address(self, name: bytes) -> IPv4Address | None:
        """A for `<prefix>192-0-2-1.<domain>`."""
        label = names.first_label(name)
        if not label.startswith(self._prefix) or names.parent(name) != self._domain:
            return None
        found = _SPELT.fullmatch(label[len(self._prefix) :])
        address = self._ours(b".".join(found.groups())) if found else None
        return IPv4Address(self._instead.get(str(address), address)) if address else None

    def name(self, name: bytes) -> bytes | None:
        """PTR for `1.2.0.192.in-addr.arpa`."""
        labels = names.text(name).split(".")
        address = self._ours(".".join(reversed(labels[:4])).encode()) if len(labels) == 7 else None
        if address is None:
            return None
        label = self._prefix + str(address).replace(".", "-").encode()
        return bytes((len(label),)) + label + self._domain

    def _ours(self, spelt: bytes) -> IPv4Address | None:
        with contextlib.suppress(ipaddress.AddressValueError, UnicodeDecodeError):
            address = IPv4Address(spelt.decode())
            if any(address in network for network in self._networks):
                return address
        return None


def rdata(kind: int, value: str) -> bytes:
    """
    Raises:
        ValueError: the value is not one of that type.
    """
    known = dns.rdatatype.RdataType.make(kind)
    try:
        return dns.rdata.from_text(dns.rdataclass.IN, known, value).to_wire() or b""
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{value!r} is no {dns.rdatatype.to_text(known)}: {error}") from error


class LoadedView:
    """The zones that some clients see."""

    def __init__(self, name: str, zones: Iterable[LoadedZone], *, answers: bool = True) -> None:
        self.name, self.answers = name, answers
        self._zones: dict[bytes, LoadedZone] = {}
        for zone in zones:
            self._zones.setdefault(zone.name, zone)

    def zone_of(self, name: bytes) -> LoadedZone | None:
        return next((zone for above in names.ancestors(name) if (zone := self._zones.get(above))), None)

    def answer(self, name: bytes, kind: int, chance: random.Random) -> Reply | Elsewhere:
        """
        Raises:
            Broken
        """
        return _Walk(self, chance).answer(name, kind)


class _Walk:
    """One question's way through the zones of a view."""

    def __init__(self, view: LoadedView, chance: random.Random) -> None:
        self._view, self._chance = view, chance
        self._varies = self._shuffled = False
        self._steps = 0

    def answer(self, name: bytes, kind: int) -> Reply | Elsewhere:
        chain: tuple[Records, ...] = ()
        while True:
            self._steps += 1
            if self._steps > CHAIN_MAX:
                raise Broken(f"the names from {names.text(name)} on lead in circles, or too far")
            zone = self._zone_for(name, kind)
            if zone is None:
                return Elsewhere(name, chain)
            if cut := zone.delegation(name, kind):
                return self._refer(zone, *cut, chain)
            spelt = zone.spelt(name)
            if spelt is not None:
                return self._reply(chain + tuple(one for one in spelt if one.type == kind), zone)
            node = zone.find(name)
            if node is None:
                return self._reply(chain, zone, rcode=message.NXDOMAIN)
            if kind in node.entries or CNAME not in node.entries:
                found = self._records(zone, node, name, kind) if kind in node.entries else None
                return self._reply(chain + ((found,) if found else ()), zone, found=found is not None)
            alias = self._records(zone, node, name, CNAME)
            if alias is None:
                return self._reply(chain, zone, found=False)
            chain += (alias,)
            name = alias.data[0].lower()

    def _zone_for(self, name: bytes, kind: int) -> LoadedZone | None:
        if kind == message.DS and name != names.ROOT and (above := self._view.zone_of(names.parent(name))):
            return above  # RFC 4035 §3.1.4.1: it belongs to the parent's side of a cut
        return self._view.zone_of(name)

    def _reply(
        self, answer: tuple[Records, ...], zone: LoadedZone, *, rcode: int = message.NOERROR, found: bool = True
    ) -> Reply:
        negative = rcode != message.NOERROR or not found or not answer
        return Reply(
            rcode, answer, authority=zone.negative if negative else (), varies=self._varies, shuffled=self._shuffled
        )

    def _records(self, zone: LoadedZone, node: Node, name: bytes, kind: int) -> Records | None:
        entry = node.entries[kind]
        sets, varies = choose(entry, self._chance)
        self._varies = self._varies or varies
        data: list[bytes] = []
        ttls = []
        for one in sets:
            if one.like is None:
                data += zone.data(node, kind, one)
                ttls.append(one.ttl_s)
            elif other := self._like(one.like, kind):
                data += other.data
                ttls.append(other.ttl_s)
        if not data:
            return None
        if kind == CNAME:
            data = data[:1]  # RFC 2181 §10.1
        elif len(data) > 1:
            data = list(dict.fromkeys(data))
            self._chance.shuffle(data)
            self._shuffled = True
        return Records(name, kind, min(ttls), tuple(data))

    def _like(self, target: str, kind: int) -> Records | None:
        found = self.answer(names.wire(target), kind)
        if isinstance(found, Elsewhere) or not found.answer or found.answer[-1].type != kind:
            return None
        return replace(found.answer[-1], ttl_s=min(records.ttl_s for records in found.answer))

    def _refer(self, zone: LoadedZone, owner: bytes, cut: Node, chain: tuple[Records, ...]) -> Reply:
        servers = self._records(zone, cut, owner, NS)
        if servers is None:
            return self._reply(chain, zone, found=False)
        glue = [
            records
            for server in servers.data
            if (node := zone.nodes.get(server.lower())) and message.A in node.entries
            if (records := self._records(zone, node, server.lower(), message.A))
        ]
        return Reply(answer=chain, authority=(servers,), additional=tuple(glue), authoritative=bool(chain), refers=True)


def soa_only(zone: str) -> Zone:
    """A zone in which there is nothing (RFC 6303 §3)."""
    entry = RecordSet(zone, "SOA", (AnswerSet((f"{zone} nobody.invalid. 1 3600 1200 604800 10800",), 10800),))
    return Zone(id=f"empty {zone}", name=zone, records=(entry,))


# RFC 6303 §4.2, RFC 6761, RFC 6762, RFC 7686, ICANN 2024 for "internal": nobody else is ever asked for these.
NOWHERE = tuple(
    soa_only(name)
    for name in (
        "0.in-addr.arpa.",
        "10.in-addr.arpa.",
        "127.in-addr.arpa.",
        "168.192.in-addr.arpa.",
        "254.169.in-addr.arpa.",
        *(f"{number}.172.in-addr.arpa." for number in range(16, 32)),
        *(f"{number}.100.in-addr.arpa." for number in range(64, 128)),
        *(f"{number}.198.in-addr.arpa." for number in (18, 19)),
        "d.f.ip6.arpa.",
        "8.e.f.ip6.arpa.",
        "9.e.f.ip6.arpa.",
        "a.e.f.ip6.arpa.",
        "b.e.f.ip6.arpa.",
        "internal.",
        "invalid.",
        "local.",
        "onion.",
    )
)
LOCALHOST = Zone(
    id="localhost",
    name="localhost.",
    records=(
        *soa_only("localhost.").records,
        *(
            RecordSet(name, kind, (AnswerSet((value,), 10800),))
            for name in ("localhost.", "*.localhost.")
            for kind, value in (("A", "127.0.0.1"), ("AAAA", "::1"))
        ),
    ),
)


def load(zones: Sequence[Zone], before: Mapping[str, tuple[Zone, LoadedZone]]) -> dict[str, tuple[Zone, LoadedZone]]:
    """Every zone by its id, indexed; one that is as it was is not indexed again."""
    return {
        zone.id: known if (known := before.get(zone.id)) and known[0] == zone else (zone, LoadedZone(zone))
        for zone in zones
    }
