"""Old usage put together: fewer records, and every bill that can still be asked for is the same to the last fraction.

Nobody can ask for less than an hour, nor for less than a day of what is older than two weeks; so what was used alike
within one is one amount.  A stretch that reservations may have covered stays: they are applied to one run after the
other.  Pure, and harmless to repeat: what was put together is put together again with what has come since.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from aftershock.aws.usage import Reservation
from aftershock.services.ce.records import LoadHour, Reading, Stretch

from .lines import billed_span
from .loads import capacity_unit_hours
from .moments import EPOCH, HOUR_MS, MILLISECOND, Number, Span, common, ms
from .periods import HOURLY_DAYS, earliest
from .prices import family

DAY_MS = 24 * HOUR_MS
SETTLED = timedelta(hours=2)  # a look that was late has been made up for by then
DAILY = timedelta(days=HOURLY_DAYS + 1)
AT_ONCE = 1000

R = TypeVar("R", bound=Struct)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Condensed(Generic[R]):
    """What was alike: the records that are to go, and those that are to stand for them."""

    forget: tuple[str, ...]
    put: tuple[R, ...]


def stretches(
    every: Sequence[Stretch],
    there: Set[tuple[str, str]],
    reservations: Mapping[str, Sequence[Reservation]],
    now: datetime,
) -> list[Condensed[Stretch]]:
    """`there` are the sources and resources that may still be heard of; `reservations` are those of each account."""
    needed = _needed(every, there)
    alike: dict[tuple[int, str], list[tuple[Stretch, Span]]] = defaultdict(list)
    for one in every:
        if one.until is None or one.id in needed:
            continue
        start, end = billed_span(one, ms(now))
        covered = one.instance_type is not None and _held(one, (start, end), reservations.get(one.account, ()))
        bin_ms = _bin_ms(end, now)
        if bin_ms and not covered and isinstance(start, int) and isinstance(end, int):
            alike[bin_ms, _kind(one)].append((one, (start, end)))
    found = [
        Condensed(tuple(one.id for one, _ in parts), tuple(_stretches(parts, bin_ms)))
        for (bin_ms, _), every_part in alike.items()
        for parts in _some(sorted(every_part, key=lambda part: part[0].since))
    ]
    return [one for one in found if len(one.put) < len(one.forget)]


def _needed(every: Iterable[Stretch], there: Set[tuple[str, str]]) -> set[str]:
    """Of what may still be heard of: the last of each usage type, by which the meter knows what it has heard before."""
    last: dict[tuple[str, str, str], datetime] = {}
    for one in every:
        key = one.source, one.resource, one.usage_type
        if one.until is not None and key[:2] in there:
            last[key] = max(one.until, last.get(key, one.until))
    return {one.id for one in every if one.until is not None and last.get(_what(one)) == one.until}


def _what(one: Stretch) -> tuple[str, str, str]:
    return one.source, one.resource, one.usage_type


def _held(one: Stretch, span: Span, reservations: Iterable[Reservation]) -> bool:
    """Whether there was a reservation of its family on any of its days."""
    days = span[0] // DAY_MS * DAY_MS, -(-span[1] // DAY_MS) * DAY_MS
    return any(
        family(str(one.instance_type)) == family(held.instance_type) and common(days, (ms(held.start), ms(held.end)))
        for held in reservations
    )


def _bin_ms(end: Number, now: datetime) -> int:
    """What is put together that ended then: what was within an hour, or a day; 0: nothing yet."""
    if end <= ms(now - DAILY) // DAY_MS * DAY_MS:
        return DAY_MS
    return HOUR_MS if end <= ms(now - SETTLED) // HOUR_MS * HOUR_MS else 0


def _stretches(found: Sequence[tuple[Stretch, Span]], bin_ms: int) -> Iterator[Stretch]:
    """For each bin the time that is a whole number of bins, and the rest of it."""
    amounts: dict[int, int] = defaultdict(int)
    for one, span in found:
        for start, part in _parts(span, bin_ms):
            amounts[start] += int(part[1] - part[0]) * one.times
    like, word = found[0][0], _word(one.id for one, _ in found)
    for start, amount in amounts.items():
        times, rest = divmod(amount, bin_ms)
        for name, length, count in (("whole", bin_ms, times), ("rest", rest, 1)):
            if length and count:
                yield replace(
                    like,
                    id=f"{like.usage_type} {_moment(start).isoformat()} {name} {word}",
                    resource="",
                    least_s=0,
                    step_s=0,
                    since=_moment(start),
                    until=_moment(start + length),
                    times=count,
                )


def load_hours(every: Sequence[LoadHour], read_until: datetime, now: datetime) -> list[Condensed[LoadHour]]:
    """What was carried later than `read_until` may still be added to."""
    alike: dict[tuple[int, str], list[LoadHour]] = defaultdict(list)
    for one in every:
        bin_ms = _bin_ms(ms(one.until), min(now, read_until + SETTLED))
        if bin_ms:
            alike[bin_ms, _kind(one)].append(one)
    found = [
        Condensed(tuple(one.id for one in parts), tuple(_load_hours(parts, bin_ms)))
        for (bin_ms, _), every_part in alike.items()
        for parts in _some(sorted(every_part, key=lambda part: part.since))
    ]
    return [one for one in found if len(one.put) < len(one.forget)]


def _load_hours(found: Sequence[LoadHour], bin_ms: int) -> Iterator[LoadHour]:
    amounts: dict[int, Fraction] = defaultdict(Fraction)
    for one in found:
        span = ms(one.since), ms(one.until)
        carried = capacity_unit_hours(one)
        for start, part in _parts(span, bin_ms):
            amounts[start] += carried * Fraction(part[1] - part[0]) / (span[1] - span[0])
    like, word = found[0], _word(one.id for one in found)
    for start, amount in amounts.items():
        yield LoadHour(
            id=f"{like.usage_type} {_moment(start).isoformat()} {word}",
            resource="",
            account=like.account,
            region=like.region,
            service=like.service,
            usage_type=like.usage_type,
            operation=like.operation,
            tags=like.tags,
            since=_moment(start),
            until=_moment(start + bin_ms),
            pace=like.pace,
            capacity=f"{amount.numerator}/{amount.denominator}",
        )


def _some(parts: Sequence[T]) -> Iterator[Sequence[T]]:
    """So many as are put together in one go; what comes of several goes is put together the next time."""
    return (parts[first : first + AT_ONCE] for first in range(0, len(parts), AT_ONCE))


def _kind(one: Stretch | LoadHour) -> str:
    """The same for what is the same on a bill."""
    words: list[object] = [
        one.account,
        one.region,
        one.service,
        one.usage_type,
        one.operation,
        sorted(one.tags.items()),
    ]
    if isinstance(one, Stretch):
        words += [one.source, one.zone, str(one.per_hour), one.instance_type, one.pace]
    return json.dumps(words)


def _word(ids: Iterable[str]) -> str:
    """Tells it from all that was put together before, of other records."""
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:16]


def _parts(span: Span, bin_ms: int) -> Iterator[tuple[int, Span]]:
    start = int(span[0]) // bin_ms * bin_ms
    while start < span[1]:
        if part := common(span, (start, start + bin_ms)):
            yield start, part
        start += bin_ms


def _moment(milliseconds: int) -> datetime:
    return EPOCH + milliseconds * MILLISECOND


def outlived(
    every: Iterable[Stretch], there: Set[tuple[str, str]], hours: Iterable[LoadHour], now: datetime
) -> tuple[set[str], set[str]]:
    """The ids of stretches and of hours that were over, and billed, before anything that can be asked for."""
    every, border = list(every), ms(earliest(now))
    needed = _needed(every, there)
    old = (one for one in every if one.until is not None and one.id not in needed)
    return (
        {one.id for one in old if billed_span(one, ms(now))[1] <= border},
        {one.id for one in hours if ms(one.until) <= border},
    )


def gone(readings: Iterable[Reading], watched_at: datetime) -> set[str]:
    """The ids of readings of what was not there to be read for a day in which the meter watched."""
    return {one.id for one in readings if one.at < watched_at - timedelta(days=1)}
