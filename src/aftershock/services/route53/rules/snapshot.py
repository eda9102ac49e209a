"""What the resolver is to answer, from all records, what was observed, and what the rest of the region knows.

Times to live are what AWS defines and so follow the region's pace; a second is the least that DNS can say.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from aftershock.engines.resolver import AnswerSet, Numbered, Snapshot, View, Zone, encode
from aftershock.engines.resolver import RecordSet as Entry
from aftershock.services.route53.outside import KnownName, Network
from aftershock.services.route53.records import HostedZone, RecordSet

from . import names, values
from .routing import all_of, ordered, policy

PUBLIC_NETWORK = "198.18.0.0/15"  # the region's public addresses
PUBLIC_REVERSE = ("18.198.in-addr.arpa.", "19.198.in-addr.arpa.")
RESOLVER = "169.254.169.253"
OWN_TTL_S = 60
_POLICIES = {"weighted": "weighted", "multivalue": "sample", "simple": "all"}


def internal_domain(region: str) -> str:
    """AWS: us-east-1 has the domain "ec2.internal", every other region "<region>.compute.internal"."""
    return "ec2.internal." if region == "us-east-1" else f"{region}.compute.internal."


def public_domain(region: str) -> str:
    return f"{'compute-1' if region == 'us-east-1' else f'{region}.compute'}.amazonaws.com."


class Renderer:
    def __init__(
        self,
        *,
        region: str,
        pace: float,
        verdicts: Mapping[str, bool],
        known: Iterable[KnownName],
        domains: Sequence[str] = (),
    ) -> None:
        self._region, self._pace, self._verdicts = region, pace, verdicts
        self._known = {_absolute(one.name): one for one in known}
        self._domains = [_absolute(domain) for domain in domains]

    def snapshot(
        self, zones: Sequence[HostedZone], records: Mapping[str, Sequence[RecordSet]], networks: Sequence[Network]
    ) -> Snapshot:
        hosted = [(zone, self.zone(zone, records[zone.id])) for zone in sorted(zones, key=_by_age)]
        public = [rendered for zone, rendered in hosted if not zone.private]
        public += self._servers(zone for zone, _ in hosted if not zone.private)
        public += self._owned()
        outside = [*public, *self._numbered(None)]
        views, all_zones = [View("internet", tuple(zone.id for zone in outside))], {zone.id: zone for zone in outside}
        for network in sorted(networks, key=lambda one: one.id):
            private = [one for zone, one in hosted if any(vpc.id == network.id for vpc in zone.vpcs)]
            own = self._numbered(network)
            # AWS: a private zone answers for every name in it, also for those that a public zone would know.
            seen = [one for one in public if not any(names.lies_in(one.name, zone.name) for zone in private)]
            visible = [*private, *own, *seen]
            all_zones |= {zone.id: zone for zone in visible}
            views.append(
                View(network.id, tuple(zone.id for zone in visible), (network.interface,), answers=network.answers)
            )
        return _with_serial(Snapshot(0, tuple(views), tuple(all_zones.values())))

    # --- hosted zones ----------------------------------------------------------------------------------------------

    def zone(self, zone: HostedZone, records: Sequence[RecordSet]) -> Zone:
        groups = all_of(records)
        return Zone(
            id=zone.id,
            name=names.dns(zone.name),
            records=tuple(self._entry(zone, group, groups) for group in groups.values()),
        )

    def _entry(
        self, zone: HostedZone, group: Sequence[RecordSet], groups: Mapping[tuple[str, str], Sequence[RecordSet]]
    ) -> Entry:
        first = group[0]
        chosen = policy(first)
        sets = tuple(self._answer(zone, record, groups) for record in ordered(group, self._region))
        kind = _POLICIES.get(chosen, "first")
        return Entry(names.dns(first.name), first.type, sets, kind)  # type: ignore[arg-type]

    def _answer(
        self, zone: HostedZone, record: RecordSet, groups: Mapping[tuple[str, str], Sequence[RecordSet]]
    ) -> AnswerSet:
        weight = 1 if record.weight is None else record.weight
        healthy = self._healthy(zone, record, groups, frozenset())
        if record.alias:
            return AnswerSet(like=names.dns(_target(record.alias.name)), weight=weight, healthy=healthy)
        found = tuple(values.written(record.type, value) for value in record.values)
        return AnswerSet(found, self.ttl_s(record.ttl_s or 0), weight=weight, healthy=healthy)

    def _healthy(
        self,
        zone: HostedZone,
        record: RecordSet,
        groups: Mapping[tuple[str, str], Sequence[RecordSet]],
        above: frozenset[tuple[str, str]],
    ) -> bool:
        """AWS: a record without a health check is always healthy; an alias may be asked for its target's health, which
        is that of any record there."""
        if record.health_check_id and not self._verdicts.get(record.health_check_id, True):
            return False
        if record.alias is None or not record.alias.evaluate_target_health:
            return True
        if record.alias.zone_id != zone.id:
            known = self._known.get(names.dns(_target(record.alias.name)))
            return known is not None and known.healthy
        target = (record.alias.name, record.type)
        if target in above:
            return True
        return any(self._healthy(zone, one, groups, above | {target}) for one in groups.get(target, ()))

    def ttl_s(self, nominal_s: int) -> int:
        return max(1, round(nominal_s / self._pace)) if nominal_s else 0

    # --- the region's own names ------------------------------------------------------------------------------------

    def _owned(self) -> list[Zone]:
        """Names of other services, each in the smallest domain of the region that it lies in, or by itself."""
        by_domain: dict[str, list[Entry]] = {domain: [] for domain in self._domains}
        for name, one in sorted(self._known.items()):
            homes = [domain for domain in self._domains if names.lies_in(name, domain)]
            home = max(homes, key=len, default=name)
            sets = (AnswerSet(one.values, self.ttl_s(one.ttl_s)),) if one.values else ()
            by_domain.setdefault(home, []).append(Entry(name, one.type, sets))
        return [self._own_zone(domain, domain, entries) for domain, entries in by_domain.items()]

    def _servers(self, zones: Iterable[HostedZone]) -> list[Zone]:
        """The names of public zones' servers all lead to the one that there is."""
        servers = sorted({server for zone in zones for server in zone.name_servers})
        address = AnswerSet((RESOLVER,), self.ttl_s(172800))
        return [self._own_zone(server, server, [Entry(server, "A", (address,))]) for server in servers]

    def _numbered(self, network: Network | None) -> list[Zone]:
        """Names that spell addresses: private ones for a VPC's own machines, public ones for everybody."""
        view = network.id if network else "internet"
        internal, public = internal_domain(self._region), public_domain(self._region)
        ttl_s = self.ttl_s(OWN_TTL_S)
        cidrs = network.cidrs if network else ()
        inside = Numbered(internal, "ip-", cidrs, ttl_s)
        outside = Numbered(public, "ec2-", (PUBLIC_NETWORK,), ttl_s, dict(network.private_of) if network else {})
        # A VPC's network is a /16 or smaller (AWS), and so never in two of these.
        reverse = sorted({".".join(reversed(cidr.split(".")[:2])) + ".in-addr.arpa." for cidr in cidrs})
        return [
            self._own_zone(f"{view} {internal}", internal, (), numbered=(inside,)),
            self._own_zone(f"{view} {public}", public, (), numbered=(outside,)),
            *(self._own_zone(f"{view} {zone}", zone, (), reverse=(inside,)) for zone in reverse),
            *(
                self._own_zone(f"{view} {zone}", zone, (), reverse=(outside,))
                for zone in PUBLIC_REVERSE
                if zone not in reverse
            ),
        ]

    def _own_zone(
        self,
        zone_id: str,
        name: str,
        entries: Iterable[Entry],
        *,
        numbered: tuple[Numbered, ...] = (),
        reverse: tuple[Numbered, ...] = (),
    ) -> Zone:
        ttl_s = self.ttl_s(OWN_TTL_S)
        soa = AnswerSet((f"ns-0.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 {ttl_s}",), ttl_s)
        return Zone(zone_id, name, (Entry(name, "SOA", (soa,)), *entries), numbered, reverse)


def _with_serial(snapshot: Snapshot) -> Snapshot:
    """With a serial that is made from what it says: the same content is the same snapshot, and there is nothing to
    remember."""
    content = hashlib.sha256(encode(snapshot)).digest()
    return replace(snapshot, serial=int.from_bytes(content[:7], "big") + 1)


def _by_age(zone: HostedZone) -> tuple[str, str]:
    """Of two public zones with one name the older is answered: there is no registrar to say which it should be."""
    return zone.created_at.isoformat(), zone.id


def _absolute(name: str) -> str:
    return names.dns(name.lower())


def _target(name: str) -> str:
    """AWS: a load balancer's name is the same with "dualstack." before it."""
    return name.removeprefix("dualstack.")
