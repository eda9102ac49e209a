"""What the meter has heard: for how long something was billed alike, and what load balancers carried.

Nothing here has a price.  Prices are put to it when somebody asks.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from aftershock.store import Table


class Stretch(Struct, frozen=True, kw_only=True):
    """A time for which one thing was billed alike."""

    id: str
    source: str  # whose resource it is: "ec2"
    resource: str
    account: str
    region: str
    zone: str | None
    service: str
    usage_type: str
    operation: str
    per_hour: Decimal  # of the usage type, in a nominal hour
    instance_type: str | None
    least_s: int  # nominal seconds that are billed at least
    step_s: int = 0  # nominal seconds of which any part is billed as the whole; 0: as long as it was
    tags: dict[str, str]
    since: datetime
    until: datetime | None  # None: it goes on
    pace: float  # nominal seconds in a real one, then
    times: int = 1  # so many of them at once, where old ones were put together; those have no resource any more


class Pulse(Struct, frozen=True, kw_only=True):
    """Until when the meter is known to have watched, and on which ground."""

    id: str
    ground: str
    pace: float
    began: datetime  # when it began to watch this ground
    at: datetime


class Reading(Struct, frozen=True, kw_only=True):
    """The counts of a part of a load balancer when they were last read."""

    id: str  # the load balancer and the part
    at: datetime
    new_connections: int = 0
    processed_bytes: int = 0
    rule_evaluations: int = 0


class LoadHour(Struct, frozen=True, kw_only=True):
    """What a load balancer carried in one nominal hour, or in that part of it that was watched."""

    id: str  # the resource and the hour's beginning
    resource: str
    account: str
    region: str
    service: str
    usage_type: str
    operation: str
    tags: dict[str, str]
    since: datetime
    until: datetime
    pace: float
    new_connections: float = 0
    connection_seconds: float = 0  # open connections by the real seconds that they were open
    processed_bytes: float = 0
    rule_evaluations: float = 0
    capacity: str = ""  # the capacity unit hours as a fraction, "7/90", where old hours were put together


STRETCHES = Table(
    "ce_stretch",
    Stretch,
    indexes={
        "resource": lambda stretch: stretch.resource or None,
        "open": lambda stretch: "open" if stretch.until is None else None,
    },
)
PULSES = Table("ce_pulse", Pulse)
READINGS = Table("ce_reading", Reading)
LOAD_HOURS = Table("ce_load_hour", LoadHour)

TABLES: tuple[Table[Any], ...] = (STRETCHES, PULSES, READINGS, LOAD_HOURS)
