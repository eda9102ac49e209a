"""The lines of a bill: what was used in which period, and what it costs.

Amounts are fractions, which are exact; they become decimal numbers where they are shown.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from aftershock.aws.usage import Reservation
from aftershock.services.ce.records import LoadHour, Stretch

from .loads import capacity_unit_hours
from .moments import Number, Span, common, earlier, exact, hour_ms, hours, later, ms, nominal_ms, whole
from .prices import family, rate
from .reserved import Applied, Run, apply, instance_hours, units

COMPUTE = "Amazon Elastic Compute Cloud - Compute"
ON_DEMAND, RESERVED = "On Demand Instances", "Standard Reserved Instances"
# AWS's charge types: what was used, what was used and is covered, and the fees of reservations.
USAGE, COVERED, RECURRING, UPFRONT = "Usage", "DiscountedUsage", "Recurring", "Upfront"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    period: int  # which of the periods asked for
    region: str
    account: str
    service: str
    usage_type: str
    operation: str
    record_type: str = USAGE
    purchase_type: str | None = None
    zone: str | None = None
    instance_type: str | None = None
    reservation: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    unit: str
    quantity: Fraction
    units: Fraction = Fraction(0)  # normalized
    unblended: Fraction
    amortized: Fraction


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that an account's bill is made from."""

    stretches: Sequence[Stretch]
    loads: Sequence[LoadHour]
    reservations: Sequence[Reservation]


@dataclass(frozen=True, slots=True)
class Book:
    """A ledger at one moment: runs as they are billed, and reservations as they apply to them."""

    ledger: Ledger
    now: int
    by_id: Mapping[str, Stretch]
    applied: Sequence[Applied]


def billed_span(stretch: Stretch, now: int) -> Span:
    """From when until when it is billed.

    AWS: an instance for 60 seconds at least, a load balancer by the hour or part of an hour.
    """
    start = ms(stretch.since)
    end = now if stretch.until is None else ms(stretch.until)
    length = later(nominal_ms((start, end), stretch.pace), stretch.least_s * 1000)
    if stretch.step_s:
        length = -(-length // (stretch.step_s * 1000)) * stretch.step_s * 1000
    return start, start + whole(Fraction(length) / exact(stretch.pace))


def book(ledger: Ledger, start: datetime, end: datetime, now: datetime) -> Book:
    """What concerns the time between two moments, and a little around it."""
    at = ms(now)
    families: dict[str, list[Run]] = defaultdict(list)
    for one in ledger.stretches:
        if one.instance_type is not None:
            run = Run(one.id, one.instance_type, one.zone, billed_span(one, at), one.pace, one.times)
            families[family(one.instance_type)].append(run)
    held: dict[str, list[Reservation]] = defaultdict(list)
    for reservation in ledger.reservations:
        held[family(reservation.instance_type)].append(reservation)
    asked = ms(start), ms(end)
    applied = [_applied(families.get(name, []), held.get(name, []), asked, at) for name in sorted({*families, *held})]
    return Book(ledger, at, {one.id: one for one in ledger.stretches}, applied)


def _applied(runs: list[Run], held: list[Reservation], asked: Span, now: int) -> Applied:
    """Whole hours, as long as there is something to bill: until now, or until the last minute that is owed."""
    hour = hour_ms(min((one.pace for one in held), default=1.0))
    latest: Number = now
    for run in runs:
        latest = later(latest, run.span[1])
    span = asked[0] // hour * hour, earlier(-(-asked[1] // hour) * hour, latest)
    return apply(runs, held, span) if span[0] < span[1] else Applied()


def lines(book: Book, periods: Sequence[tuple[datetime, datetime]]) -> list[Line]:
    """The lines of each of the periods, which follow one another."""
    spans = _Periods([(ms(start), ms(end)) for start, end in periods])
    found: list[Line] = []
    for stretch in book.ledger.stretches:
        if stretch.instance_type is None:
            found.extend(_plain(stretch, billed_span(stretch, book.now), spans))
    for hour in book.ledger.loads:
        found.extend(_load(hour, spans))
    by_id = {one.id: one for one in book.ledger.reservations}
    for applied in book.applied:
        found.extend(_instances(applied, book, by_id, spans))
        found.extend(_fees(applied, spans))
    found.extend(_upfront(book, spans))
    return found


class _Periods:
    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._spans = spans
        self._starts = [start for start, _ in spans]

    def parts(self, span: Span) -> Iterator[tuple[int, Number]]:
        """Which share of a time is in which period."""
        number = max(0, bisect_right(self._starts, span[0]) - 1)
        while number < len(self._spans) and self._starts[number] < span[1]:
            inside = common(span, self._spans[number])
            if inside == span:
                yield number, 1
            elif inside is not None:
                yield number, Fraction(inside[1] - inside[0]) / (span[1] - span[0])
            number += 1

    def holding(self, moment: int) -> Iterator[int]:
        for number, (start, end) in enumerate(self._spans):
            if start <= moment < end:
                yield number


def _plain(stretch: Stretch, span: Span, spans: _Periods) -> Iterator[Line]:
    total = hours(span, stretch.pace) * Fraction(stretch.per_hour) * stretch.times
    return _spread(stretch, total, span, spans, zone=stretch.zone)


def _load(hour: LoadHour, spans: _Periods) -> Iterator[Line]:
    return _spread(hour, capacity_unit_hours(hour), (ms(hour.since), ms(hour.until)), spans)


def _spread(
    used: Stretch | LoadHour, total: Fraction, span: Span, spans: _Periods, zone: str | None = None
) -> Iterator[Line]:
    """A line for each period that has a share of so much."""
    price = rate(used.usage_type, operation=used.operation)
    for number, share in spans.parts(span):
        cost = total * share * Fraction(price.usd)
        yield Line(
            period=number,
            region=used.region,
            account=used.account,
            zone=zone,
            service=used.service,
            usage_type=used.usage_type,
            operation=used.operation,
            tags=used.tags,
            unit=price.unit,
            quantity=total * share,
            unblended=cost,
            amortized=cost,
        )


def _instances(
    applied: Applied, book: Book, reservations: Mapping[str, Reservation], spans: _Periods
) -> Iterator[Line]:
    """One line for each run, period and reservation."""
    amounts: dict[tuple[int, str, str | None], Number] = defaultdict(int)
    for use in applied.uses:
        on_demand = use.needed - sum(use.by.values())
        for number, share in spans.parts(use.span):
            for key, amount in ((None, on_demand), *use.by.items()):
                amounts[number, use.run.id, key] += amount * share
    for (number, run_id, key), amount in amounts.items():
        if amount:
            yield _instance(book.by_id[run_id], number, amount, reservations[key] if key else None)


def _instance(stretch: Stretch, period: int, amount: Number, reservation: Reservation | None) -> Line:
    instance_type = str(stretch.instance_type)
    price = rate(stretch.usage_type, instance_type)
    quantity = instance_hours(amount, instance_type)
    if reservation is None:
        unblended = amortized = quantity * Fraction(price.usd)
    else:
        unblended = Fraction(0)
        amortized = instance_hours(amount, reservation.instance_type) * effective(reservation)
    return Line(
        period=period,
        region=stretch.region,
        account=stretch.account,
        zone=stretch.zone,
        service=stretch.service,
        usage_type=stretch.usage_type,
        operation=stretch.operation,
        record_type=USAGE if reservation is None else COVERED,
        purchase_type=ON_DEMAND if reservation is None else RESERVED,
        instance_type=instance_type,
        reservation=None if reservation is None else reservation.id,
        tags=stretch.tags,
        unit=price.unit,
        quantity=quantity,
        units=quantity * units(instance_type),
        unblended=unblended,
        amortized=amortized,
    )


def effective(reservation: Reservation) -> Fraction:
    """What an hour of it costs, with its share of what was paid upfront."""
    return Fraction(reservation.hourly) + Fraction(reservation.upfront) / reservation.term_hours


def _fees(applied: Applied, spans: _Periods) -> Iterator[Line]:
    """AWS: the hourly fee is owed for every hour of the term, used or not; amortized, what is used is with its use."""
    sums: dict[tuple[int, str], tuple[Number, Number]] = defaultdict(lambda: (0, 0))
    known: dict[str, Reservation] = {}
    for held in applied.held:
        known[held.reservation.id] = held.reservation
        for number, share in spans.parts(held.span):
            amount, used = sums[number, held.reservation.id]
            sums[number, held.reservation.id] = amount + held.amount * share, used + held.used * share
    for (number, key), (amount, used) in sums.items():
        one = known[key]
        quantity = instance_hours(amount, one.instance_type)
        yield _fee(
            one,
            number,
            RECURRING,
            quantity=quantity,
            unblended=quantity * Fraction(one.hourly),
            amortized=instance_hours(amount - used, one.instance_type) * effective(one),
        )


def _upfront(book: Book, spans: _Periods) -> Iterator[Line]:
    for one in book.ledger.reservations:
        for number in spans.holding(ms(one.start)) if one.upfront else ():
            yield _fee(
                one,
                number,
                UPFRONT,
                quantity=Fraction(one.count),
                unblended=one.count * Fraction(one.upfront),
                amortized=Fraction(0),
            )


def fee(reservation: Reservation) -> Line:
    """A line of its recurring fee, of nothing yet; what it is filtered by."""
    zero = Fraction(0)
    return _fee(reservation, 0, RECURRING, quantity=zero, unblended=zero, amortized=zero)


def _fee(
    reservation: Reservation,
    period: int,
    record_type: str,
    *,
    quantity: Fraction,
    unblended: Fraction,
    amortized: Fraction,
) -> Line:
    return Line(
        period=period,
        region=reservation.region,
        account=reservation.account,
        zone=reservation.zone,
        service=COMPUTE,
        usage_type=f"HeavyUsage:{reservation.instance_type}",
        operation="RunInstances",
        record_type=record_type,
        purchase_type=RESERVED,
        instance_type=reservation.instance_type,
        reservation=reservation.id,
        unit="Hrs" if record_type == RECURRING else "Quantity",
        quantity=quantity,
        units=quantity * units(reservation.instance_type) if record_type == RECURRING else Fraction(0),
        unblended=unblended,
        amortized=amortized,
    )
