"""What was done to availability zones and subnets: outages, and connectivity that is disrupted.

Each is brought about under the name of its cause, and ends under it; there may be several at once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

Kind = Literal["power", "network"]
Scope = Literal["all", "availability-zone", "vpc"]


class Wound(Struct, frozen=True, kw_only=True):
    """Something that is not as it should be, and that somebody wants to be so."""

    id: str  # the cause, and what is wounded
    cause: str
    wanted: bool = True  # False: it is to be healed
    generation: int = 1

    # Written by the controller of zones.
    seen: bool = False  # it was in force when last looked at


class ZoneOutage(Wound, frozen=True, kw_only=True):
    """A zone without power, or cut off from everything that is not in it."""

    zone: str
    kind: Kind
    since: datetime

    # Written by the controller of zones.
    begun: bool = False  # machines are about to lose their power; from here on it is carried through
    spread_s: float | None = None  # between the first and the last machine that lost its power
    machines: int = 0  # how many lost it


class Disruption(Wound, frozen=True, kw_only=True):
    """A subnet between which and others nothing passes, as network ACLs would have it."""

    subnet_id: str
    scope: Scope


ZONE_OUTAGES = Table(
    "ec2_zone_outage",
    ZoneOutage,
    indexes={"zone": lambda outage: outage.zone, "cause": lambda outage: outage.cause},
)
DISRUPTIONS = Table("ec2_disruption", Disruption, indexes={"cause": lambda disruption: disruption.cause})


def dark_zones(tx: Tx) -> Mapping[str, Kind]:
    """The zones that are out, and how: without power, or else only cut off.

    From the moment on at which the outage is wanted, until nothing of it is in force any more.
    """
    found: dict[str, Kind] = {}
    for outage in ZONE_OUTAGES.every(tx):
        if outage.kind == "power" or outage.zone not in found:
            found[outage.zone] = outage.kind
    return found


def struck_zones(tx: Tx) -> frozenset[str]:
    """The zones whose power was seen to be gone."""
    return frozenset(one.zone for one in ZONE_OUTAGES.every(tx) if one.kind == "power" and one.seen)
