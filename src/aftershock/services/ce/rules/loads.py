"""Load balancer capacity units: what was carried, counted by the nominal hour.

AWS: an hour's units are those of its largest dimension; one of an application load balancer is 25 new connections a
second, 3,000 active connections, 1 GB an hour, or 1,000 rule evaluations a second.  What was carried is counted as
often as it happened: at pace 60 a nominal hour is a minute long, and holds what a minute brought.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from msgspec.structs import replace

from aftershock.aws.usage import Load
from aftershock.services.ce.records import LoadHour, Reading

from .moments import EPOCH, HOUR_MS, MILLISECOND, Number, earlier, exact, hour_ms, later, ms


@dataclass(frozen=True, slots=True)
class Unit:
    """What one unit of the usage type carries in an hour; what is None does not count."""

    new_connections: int | None = None
    open_connections: int | None = None
    processed_bytes: int = 10**9
    rule_evaluations: int | None = None


UNITS = {
    "LoadBalancing:Application": Unit(25 * 3600, 3000, rule_evaluations=1000 * 3600),
    "LoadBalancing:Network": Unit(800 * 3600, 100_000),
    "NatGateway": Unit(processed_bytes=1 << 30),
}


def reading_id(load: Load) -> str:
    return f"{load.resource} {load.part}"


def reading(load: Load, at: datetime) -> Reading:
    return Reading(
        id=reading_id(load),
        at=at,
        new_connections=load.new_connections,
        processed_bytes=load.processed_bytes,
        rule_evaluations=load.rule_evaluations,
    )


def shares(load: Load, last: Reading, now: datetime, pace: float) -> Iterator[LoadHour]:
    """What was carried since the last reading, spread evenly over the nominal hours in between.

    Connections that are open now are taken to have been so since.
    """
    start, end, hour = ms(last.at), ms(now), hour_ms(pace)
    if end <= start:
        return
    lower = start // hour * hour
    while lower < end:
        since, until = later(start, lower), earlier(end, lower + hour)
        share = float(Fraction(until - since) / (end - start))
        yield LoadHour(
            id=f"{load.resource} {int(lower)}",
            resource=load.resource,
            account=load.account,
            region=load.region,
            service=load.service,
            usage_type=load.usage_type,
            operation=load.operation,
            tags=dict(load.tags),
            since=_moment(since),
            until=_moment(until),
            pace=pace,
            new_connections=share * (load.new_connections - last.new_connections),
            connection_seconds=load.open_connections * float(until - since) / 1000,
            processed_bytes=share * (load.processed_bytes - last.processed_bytes),
            rule_evaluations=share * (load.rule_evaluations - last.rule_evaluations),
        )
        lower += hour


def _moment(milliseconds: Number) -> datetime:
    return EPOCH + int(milliseconds) * MILLISECOND


def merged(before: LoadHour | None, more: LoadHour) -> LoadHour:
    """An hour, and what was read of it later."""
    if before is None:
        return more
    return replace(
        more,
        since=min(before.since, more.since),
        until=max(before.until, more.until),
        new_connections=before.new_connections + more.new_connections,
        connection_seconds=before.connection_seconds + more.connection_seconds,
        processed_bytes=before.processed_bytes + more.processed_bytes,
        rule_evaluations=before.rule_evaluations + more.rule_evaluations,
    )


def capacity_unit_hours(hour: LoadHour) -> Fraction:
    if hour.capacity:
        return Fraction(hour.capacity)
    unit = UNITS[hour.operation]
    open_hours = exact(hour.connection_seconds) * exact(hour.pace) * Fraction(1000, HOUR_MS)
    carried = (
        (exact(hour.new_connections), unit.new_connections),
        (open_hours, unit.open_connections),
        (exact(hour.processed_bytes), unit.processed_bytes),
        (exact(hour.rule_evaluations), unit.rule_evaluations),
    )
    return max(Fraction(amount) / each for amount, each in carried if each is not None)
