"""Outages of zones and subnets, for whoever brings them about, and for other services whose machines are there."""

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from aftershock.aws.call import Tx

from .records.zone_outage import (
    DISRUPTIONS,
    ZONE_OUTAGES,
    Disruption,
    Kind,
    Scope,
    Wound,
    ZoneOutage,
    dark_zones,
    struck_zones,
)

OUTAGE_TABLES = frozenset({ZONE_OUTAGES.name, DISRUPTIONS.name})  # whose changes say that one has begun or ended

__all__ = [
    "OUTAGE_TABLES",
    "OutageSeen",
    "begin_disruption",
    "begin_outage",
    "dark_zones",
    "end_outages",
    "outage",
    "struck_zones",
]


@dataclass(frozen=True, slots=True)
class OutageSeen:
    """What became of all that one cause has brought about."""

    in_force: bool  # all of it was seen to be so
    machines: int  # how many lost their power
    spread_s: float  # between the first of them and the last


def begin_outage(tx: Tx, zone: str, kind: Kind, cause: str, now: datetime) -> None:
    """Want the zone to be out; beginning twice is once."""
    key = f"{cause} {zone}"
    if ZONE_OUTAGES.get(tx, key) is None:
        ZONE_OUTAGES.put(tx, ZoneOutage(id=key, zone=zone, kind=kind, cause=cause, since=now))


def begin_disruption(tx: Tx, subnet_id: str, scope: Scope, cause: str) -> None:
    """Want the subnet to be cut off as far as the scope says; beginning twice is once."""
    key = f"{cause} {subnet_id}"
    if DISRUPTIONS.get(tx, key) is None:
        DISRUPTIONS.put(tx, Disruption(id=key, subnet_id=subnet_id, scope=scope, cause=cause))


def end_outages(tx: Tx, cause: str) -> None:
    """Want everything healed that this cause has brought about; what is healed already stays so."""
    for outage in ZONE_OUTAGES.where(tx, "cause", cause):
        if outage.wanted:
            ZONE_OUTAGES.put(tx, replace(outage, wanted=False, generation=outage.generation + 1))
    for disruption in DISRUPTIONS.where(tx, "cause", cause):
        if disruption.wanted:
            DISRUPTIONS.put(tx, replace(disruption, wanted=False, generation=disruption.generation + 1))


def outage(tx: Tx, cause: str) -> OutageSeen | None:
    """What is left of what the cause has brought about; None if that is nothing."""
    outages, disruptions = ZONE_OUTAGES.where(tx, "cause", cause), DISRUPTIONS.where(tx, "cause", cause)
    if not outages and not disruptions:
        return None
    every: list[Wound] = [*outages, *disruptions]
    return OutageSeen(
        in_force=all(one.seen for one in every),
        machines=sum(one.machines for one in outages),
        spread_s=max((one.spread_s or 0.0 for one in outages), default=0.0),
    )
