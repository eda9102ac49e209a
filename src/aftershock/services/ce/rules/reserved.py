"""How reserved instances are applied to what ran, hour by hour.

AWS, "How Reserved Instances are applied": a zonal one to instances of exactly its type in its zone; a regional one to
its family in any zone, from the smallest to the largest size, by normalization factors.  Within an hour it is hours of
use that count, and not which instance had them: an hour of one reservation covers four instances that each ran for a
quarter of it.  What is left over at the end of an hour is lost.

Amounts are in milliseconds of a quarter of a normalized unit, the smallest size: whole numbers at most paces.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import pairwise

from aftershock.aws.usage import Reservation

from .moments import HOUR_MS, Number, Span, common, hour_ms, ms, nominal_ms, windows
from .prices import factor, family, size_flexible


@dataclass(frozen=True, slots=True)
class Run:
    """An instance's time that is billed."""

    id: str
    instance_type: str
    zone: str | None
    span: Span
    pace: float
    times: int = 1  # so many instances alike


@dataclass(frozen=True, slots=True)
class Use:
    """A part of a run, and how much of it each reservation covers."""

    run: Run
    span: Span
    needed: Number
    by: Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Held:
    """What a reservation had for a time, and how much of that was used."""

    reservation: Reservation
    span: Span
    amount: Number
    used: Number


@dataclass(slots=True)
class _Pool:
    reservation: Reservation
    amount: Number
    left: Number


@dataclass(frozen=True, slots=True)
class Applied:
    uses: list[Use] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)


@cache
def quarters(instance_type: str) -> int:
    """The size in quarters of a unit; a type without a factor, which fits nothing but itself, counts as one unit."""
    found = factor(instance_type)
    return 4 if found is None else int(found * 4)


def units(instance_type: str) -> Fraction:
    return Fraction(quarters(instance_type), 4)


def instance_hours(amount: Number, instance_type: str) -> Fraction:
    """An amount in hours of an instance of the type."""
    return Fraction(amount) / (quarters(instance_type) * HOUR_MS)


def flexible(reservation: Reservation) -> bool:
    return reservation.zone is None and size_flexible(reservation.instance_type)


def matches(reservation: Reservation, run: Run) -> bool:
    if reservation.zone is not None and reservation.zone != run.zone:
        return False
    if flexible(reservation):
        return family(reservation.instance_type) == family(run.instance_type) and size_flexible(run.instance_type)
    return reservation.instance_type == run.instance_type


def apply(runs: Sequence[Run], reservations: Sequence[Reservation], span: Span) -> Applied:
    """Everything in a time, which is to begin with an hour and to end with one, or where nothing was yet or is any
    more: what an hour has is counted over the whole of it."""
    applied = Applied()
    if not reservations:
        for run in runs:
            if part := common(run.span, span):
                applied.uses.append(Use(run, part, _needed(run, part), {}))
        return applied
    hour = hour_ms(min(one.pace for one in reservations))
    terms = [moment for one in reservations for moment in _term(one)]
    edges = [*(moment for run in runs for moment in run.span), *terms]
    bounds = sorted({*span, *(moment for moment in terms if span[0] < moment < span[1])})
    waiting = sorted((run for run in runs if run.span[1] > span[0]), key=lambda run: run.span[0], reverse=True)
    turns = sorted(reservations, key=_turn)
    current: list[Run] = []
    for bound in pairwise(bounds):
        for window in windows(bound, hour=hour, edges=edges):
            while waiting and waiting[-1].span[0] < window[1]:
                current.append(waiting.pop())
            current = [run for run in current if run.span[1] > window[0]]
            _window(sorted(current, key=_size), turns, window, applied)
    return applied


def _term(reservation: Reservation) -> Span:
    return ms(reservation.start), ms(reservation.end)


def _needed(run: Run, part: Span) -> Number:
    return nominal_ms(part, run.pace) * quarters(run.instance_type) * run.times


def _window(runs: Sequence[Run], reservations: Sequence[Reservation], window: Span, applied: Applied) -> None:
    pools = []
    for one in reservations:
        begins, ends = _term(one)
        if begins <= window[0] and window[1] <= ends:
            amount = one.count * nominal_ms(window, one.pace) * quarters(one.instance_type)
            pools.append(_Pool(one, amount, amount))
    for run in runs:
        if part := common(run.span, window):
            needed = _needed(run, part)
            applied.uses.append(Use(run, part, needed, dict(_taken(run, needed, pools))))
    applied.held.extend(Held(pool.reservation, window, pool.amount, pool.amount - pool.left) for pool in pools)


def _taken(run: Run, needed: Number, pools: Sequence[_Pool]) -> Iterator[tuple[str, Number]]:
    for pool in pools:
        if needed and pool.left and matches(pool.reservation, run):
            covered = needed if needed <= pool.left else pool.left
            pool.left -= covered
            needed -= covered
            yield pool.reservation.id, covered


def _turn(reservation: Reservation) -> tuple[bool, int, str]:
    """The narrow ones first, then in the order in which they were bought."""
    return flexible(reservation), ms(reservation.start), reservation.id


def _size(run: Run) -> tuple[int, Number, str]:
    return quarters(run.instance_type), run.span[0], run.id
