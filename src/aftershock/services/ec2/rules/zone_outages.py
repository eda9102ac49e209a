"""What outages ask of machines and routers, from what is wanted and what was done so far.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aftershock.aws.call import Result
from aftershock.engines.network import Barrier
from aftershock.services.ec2.records.subnet import Subnet
from aftershock.services.ec2.records.zone_outage import Disruption, Kind, Wound, ZoneOutage

# Of a zone: it has power; it is about to lose it; it has none.
Power = Literal["on", "failing", "off"]

MESSAGES: Mapping[Kind, str] = {
    "power": "The Availability Zone has lost its power.",
    "network": "The Availability Zone is cut off from the network outside it.",
}
# Of the states in the model: nothing can be used of a zone without power, and what is in a zone that is cut off runs.
STATES: Mapping[Kind, str] = {"power": "unavailable", "network": "impaired"}


@dataclass(frozen=True, slots=True)
class Plan:
    """In this order: mark, set up or lift what is between machines, take the power, record, forget."""

    reason: str
    begin: frozenset[str] = frozenset()  # ids of outages whose machines are to be marked
    silent: frozenset[str] = frozenset()  # zones of which no packet may come
    apart: frozenset[str] = frozenset()  # zones that are cut off
    powerless: frozenset[str] = frozenset()  # zones in which nothing may run
    note: frozenset[str] = frozenset()  # ids of outages and disruptions that are in force after this
    forget: frozenset[str] = frozenset()  # and of those that are over after this


def in_force(outage: ZoneOutage) -> bool:
    """A loss of power that has begun is carried through, even if it is to be healed by now: half of it is no state
    that a zone could be in."""
    return outage.wanted or (outage.kind == "power" and outage.begun and not outage.seen)


def plan(outages: Sequence[ZoneOutage], disruptions: Sequence[Disruption]) -> Plan:
    acting = [one for one in outages if in_force(one)]
    forced = {one.id for one in acting}
    every: list[Wound] = [*outages, *disruptions]
    return Plan(
        reason=_reason(outages, disruptions),
        begin=frozenset(one.id for one in outages if one.kind == "power" and one.wanted and not one.begun),
        silent=frozenset(one.zone for one in acting if one.kind == "power"),
        apart=frozenset(one.zone for one in acting if one.kind == "network"),
        powerless=frozenset(one.zone for one in acting if one.kind == "power"),
        note=frozenset(one.id for one in every if not one.seen and (one.wanted or one.id in forced)),
        forget=frozenset(one.id for one in every if not one.wanted and one.id not in forced),
    )


def _reason(outages: Sequence[ZoneOutage], disruptions: Sequence[Disruption]) -> str:
    words = {"power": "no power", "network": "cut off"}
    said = sorted({f"{one.zone} has {words[one.kind]}{_toll(one)}" for one in outages if one.kind == "power"})
    said += sorted({f"{one.zone} is {words[one.kind]}" for one in outages if one.kind == "network"})
    said += sorted(f"{one.subnet_id} is disrupted ({one.scope})" for one in disruptions)
    return "; ".join(said) or "every zone is as it should be"


def _toll(outage: ZoneOutage) -> str:
    if outage.spread_s is None:
        return ""
    return f", which {outage.machines} machines lost within {outage.spread_s * 1000:.2f} ms"


def power(outages: Iterable[ZoneOutage]) -> Power:
    """Of the zone that these outages are of."""
    losses = [one for one in outages if one.kind == "power"]
    if not losses:
        return "on"
    return "off" if any(one.seen for one in losses) else "failing"


def barriers(apart: Iterable[str], disruptions: Iterable[Disruption], subnets: Sequence[Subnet]) -> set[Barrier]:
    """What stands in the router of the VPC that has these subnets."""
    found = set()
    for zone in apart:
        if inside := tuple(subnet.cidr for subnet in subnets if subnet.zone == zone):
            found.add(Barrier(inside=inside, whole=True))
    by_id = {subnet.id: subnet for subnet in subnets}
    for disruption in disruptions:
        subnet = by_id.get(disruption.subnet_id)
        if subnet is None or not disruption.wanted:
            continue
        match disruption.scope:
            case "all":
                found.add(Barrier(inside=(subnet.cidr,)))
            case "vpc":
                found.add(Barrier(inside=(subnet.cidr,), against="internet"))
            case "availability-zone":
                others = tuple(one.cidr for one in subnets if one.zone != subnet.zone)
                found.add(Barrier(inside=(subnet.cidr,), against=others))
    return found


def zone_view(kind: Kind | None) -> Result:
    """State and messages of a zone."""
    if kind is None:
        return {"State": "available", "Messages": []}
    return {"State": STATES[kind], "Messages": [{"Message": MESSAGES[kind]}]}
