"""The ledger is put together when it is old, and no bill that can be asked for is another one for it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.aws.usage import Reservation
from aftershock.services.ce.controllers.ledger import LedgerController
from aftershock.services.ce.outside import Metered
from aftershock.services.ce.records import LOAD_HOURS, PULSES, READINGS, STRETCHES, LoadHour, Pulse, Reading, Stretch
from aftershock.services.ce.rules import condense
from aftershock.services.ce.rules.lines import Ledger, book, lines
from aftershock.services.ce.rules.periods import cut, earliest
from tests.services.ce.cases import ACCOUNT, DAY, at, reserved, stretch
from tests.services.ce.world import World

NOW = DAY + timedelta(days=40, hours=5, minutes=20)
HOURS = 40 * 24  # from DAY until NOW, but for five

moments = st.integers(0, HOURS * 60).map(lambda minutes: minutes / 60)
lengths = st.one_of(st.integers(0, 7200), st.integers(0, 10 * 86_400)).map(lambda seconds: seconds / 3600)
tags = st.sampled_from([{}, {"stage": "one"}])
zones = st.sampled_from(["us-east-1a", "us-east-1b"])
paces = st.sampled_from([1.0, 60.0, 7.0])


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[list[Stretch], list[LoadHour], list[Reservation]]:
    found = []
    for number in range(draw(st.integers(0, 25))):
        start, pace = draw(moments), draw(paces)
        end = None if draw(st.integers(0, 9)) == 0 else min(start + draw(lengths), HOURS + 5)
        given: dict[str, Any] = {"tags": draw(tags), "zone": draw(zones), "pace": pace}
        match draw(st.integers(0, 3)):
            case 0:
                given |= {"instance_type": None, "usage_type": "LoadBalancerUsage", "least_s": 0, "step_s": 3600}
                given |= {"operation": "LoadBalancing:Application"}
            case 1:
                given |= {"instance_type": None, "usage_type": "EBS:VolumeUsage.gp3", "per_hour": Decimal(8) / 730}
        kind = draw(st.sampled_from(["t3.micro", "t3.small", "m5.large"]))
        one = stretch(f"i-{draw(st.integers(0, 5))}", kind, start, end, id=f"{number}")
        found.append(replace(one, **given))
    hours = []
    for number in range(draw(st.integers(0, 25))):
        start = draw(st.integers(0, HOURS * 60 - 60))
        until = start + draw(st.sampled_from([1, 7, 60]))
        hours.append(
            LoadHour(
                id=f"lb {number}",
                resource="lb",
                account=ACCOUNT,
                region="us-east-1",
                service="Amazon Elastic Load Balancing",
                usage_type="LCUUsage",
                operation="LoadBalancing:Application",
                tags=draw(tags),
                since=at(start / 60),
                until=at(until / 60),
                pace=draw(paces),
                new_connections=draw(st.floats(0, 1e6)),
                connection_seconds=draw(st.floats(0, 1e6)),
                processed_bytes=draw(st.floats(0, 1e12)),
            )
        )
    held = [
        reserved(kind, start=at(begin), end=at(begin + 24 * days), id=f"{number}")
        for number, (kind, begin, days) in enumerate(
            draw(
                st.lists(st.tuples(st.sampled_from(["t3.micro", "m5.large"]), moments, st.integers(1, 30)), max_size=2)
            )
        )
    ]
    return found, hours, held


def bills(
    stretches: Sequence[Stretch], hours: Sequence[LoadHour], held: Sequence[Reservation]
) -> dict[tuple[Any, ...], tuple[Fraction, ...]]:
    """Every amount at every granularity, by everything that can be grouped or filtered by."""
    found: dict[tuple[Any, ...], tuple[Fraction, ...]] = {}
    midnight = NOW.replace(hour=0, minute=0)
    asked: list[tuple[str, datetime]] = [
        ("MONTHLY", DAY),
        ("MONTHLY", DAY + timedelta(days=3)),
        ("DAILY", DAY),
        ("HOURLY", midnight - timedelta(days=13)),
    ]
    for granularity, start in asked:
        end = midnight + timedelta(days=1)
        ledger = Ledger(stretches, hours, held)
        sums: dict[tuple[Any, ...], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 4)
        for line in lines(book(ledger, start, end, NOW), cut((start, end), granularity)):
            key = (
                *(granularity, start, line.period, line.region, line.account, line.service, line.usage_type),
                *(line.operation, line.record_type, line.purchase_type, line.zone, line.instance_type),
                *(line.reservation, tuple(line.tags.items()), line.unit),
            )
            amounts = (line.quantity, line.units, line.unblended, line.amortized)
            sums[key] = [one + more for one, more in zip(sums[key], amounts, strict=True)]
        found |= {key: tuple(amounts) for key, amounts in sums.items()}
    return found


def applied(every: Sequence[Any], decided: Sequence[condense.Condensed[Any]]) -> list[Any]:
    known = {one.id: one for one in every}
    for group in decided:
        for key in group.forget:
            del known[key]
        for one in group.put:
            assert one.id not in known
            known[one.id] = one
    return list(known.values())


@settings(deadline=None, max_examples=40)
@given(ledgers(), st.sets(st.integers(0, 5)))
def test_every_bill_is_the_same_to_the_last_fraction(
    ledger: tuple[list[Stretch], list[LoadHour], list[Reservation]], left: set[int]
) -> None:
    stretches, hours, held = ledger
    there = {("ec2", f"i-{number}") for number in left}
    before = bills(stretches, hours, held)
    # Once while it was half as old, and then again with what has come since.
    middle = DAY + timedelta(days=20)
    young = [one for one in stretches if one.until is not None and one.until <= middle]
    early = [one for one in hours if one.until <= middle]
    rest = [one for one in stretches if one not in young], [one for one in hours if one not in early]
    known = [one for one in held if one.start <= middle]
    young = applied(young, condense.stretches(young, there, {ACCOUNT: known}, middle))
    early = applied(early, condense.load_hours(early, middle, middle))
    after, after_hours = [*young, *rest[0]], [*early, *rest[1]]
    after = applied(after, condense.stretches(after, there, {ACCOUNT: held}, NOW))
    after_hours = applied(after_hours, condense.load_hours(after_hours, NOW, NOW))
    assert bills(after, after_hours, held) == before
    assert len(after) <= len(stretches)
    assert len(after_hours) <= len(hours)
    assert condense.stretches(after, there, {ACCOUNT: held}, NOW) == []
    assert condense.load_hours(after_hours, NOW, NOW) == []


def test_a_thousand_short_runs_of_a_day_are_two_records() -> None:
    runs = [stretch(f"i-{n}", "t3.micro", n / 60, n / 60 + 0.5) for n in range(1000)]
    after = applied(runs, condense.stretches(runs, set(), {}, NOW))
    assert [(one.since, one.times) for one in after] == [(DAY, 20), (DAY, 1)]
    assert bills(after, [], []) == bills(runs, [], [])


def test_a_great_many_are_put_together_in_several_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condense, "AT_ONCE", 90)
    runs = [stretch(f"i-{n}", "t3.micro", n / 60, n / 60 + 0.5) for n in range(1000)]
    after = list(runs)
    for _ in range(3):
        after = applied(after, condense.stretches(after, set(), {}, NOW))
    assert len(after) == 2
    assert bills(after, [], []) == bills(runs, [], [])


def test_what_the_meter_may_still_hear_of_is_kept() -> None:
    """A stopped instance is on record with its last run, which would be billed anew if it were not known."""
    runs = [stretch("i-1", "t3.micro", hour, hour + 0.5) for hour in range(10)]
    after = applied(runs, condense.stretches(runs, {("ec2", "i-1")}, {}, NOW))
    assert runs[-1] in after
    assert len(after) == 2
    assert condense.outlived(runs, {("ec2", "i-1")}, [], NOW + timedelta(days=800)) == (
        {one.id for one in runs[:-1]},
        set(),
    )


def test_what_is_of_the_last_hours_is_left_alone() -> None:
    runs = [stretch(f"i-{n}", "t3.micro", 964, 964.5) for n in range(10)]
    assert condense.stretches(runs, set(), {}, NOW) == []


def test_what_still_runs_is_never_forgotten() -> None:
    runs = [stretch("i-1", "t3.micro", 0, None), stretch("i-2", "t3.micro", 0, 1)]
    assert condense.outlived(runs, set(), [], NOW + timedelta(days=500)) == ({runs[1].id}, set())


@pytest.mark.parametrize(
    "now, first",
    [
        (datetime(2026, 11, 22, 7), datetime(2025, 10, 1)),
        (datetime(2026, 1, 31), datetime(2024, 12, 1)),
        (datetime(2026, 2, 1), datetime(2025, 1, 1)),
    ],
)
def test_thirteen_months_and_this_one_can_be_asked_for(now: datetime, first: datetime) -> None:
    assert earliest(now) == first


def test_what_was_not_read_for_a_day_is_gone_unless_the_meter_slept() -> None:
    readings = [Reading(id="old", at=NOW - timedelta(days=2)), Reading(id="young", at=NOW)]
    assert condense.gone(readings, NOW) == {"old"}
    assert condense.gone(readings, NOW - timedelta(days=1.5)) == set()


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = World(tmp_path / "region.db")
    yield made
    made.close()


def ledger_of(world: World) -> LedgerController:
    world.ec2.now = NOW
    metered = Metered(sources=world.sources, ground="one", began=DAY)
    with world.ce.store.transaction() as tx:
        PULSES.put(tx, Pulse(id="pulse", ground="one", pace=1.0, began=DAY, at=NOW))
        for number in range(1000):
            STRETCHES.put(tx, stretch(f"i-{number}", "t3.micro", number / 60, number / 60 + 0.5))
    return LedgerController(world.ce.store, world.clock, metered, lambda tx, account: [])


def test_the_controller_puts_the_old_together_and_forgets_the_oldest(world: World) -> None:
    controller, store = ledger_of(world), world.ce.store
    with store.transaction() as tx:
        STRETCHES.put(tx, stretch("i-old", "t3.micro", -24 * 500, -24 * 499))
        READINGS.put(tx, Reading(id="lb gone", at=DAY))
    asked = {"TimePeriod": {"Start": "2026-11-22", "End": "2026-12-22"}, "Granularity": "DAILY"}
    before = world.ask("GetCostAndUsage", Metrics=["UnblendedCost"], **asked)
    asyncio.run(controller.tidy())
    assert world.ask("GetCostAndUsage", Metrics=["UnblendedCost"], **asked) == before
    with store.snapshot() as tx:
        assert len(STRETCHES.keys(tx)) == 2
        assert not READINGS.keys(tx)
        assert not LOAD_HOURS.keys(tx)


def test_what_was_forgotten_meanwhile_does_not_come_back(world: World) -> None:
    """The account may be emptied while it is worked out what is to be put together."""
    controller, store = ledger_of(world), world.ce.store
    with store.snapshot() as tx:
        decided = condense.stretches(STRETCHES.every(tx), set(), {}, NOW)
    with store.transaction() as tx:
        store.clear(tx)
    asyncio.run(controller._replace(STRETCHES, decided))
    with store.snapshot() as tx:
        assert not STRETCHES.keys(tx)


def test_what_is_older_than_is_kept_is_refused_and_not_said_to_have_cost_nothing(world: World) -> None:
    period = {"Start": "2025-01-01", "End": "2025-02-01"}
    refusal = world.refusal("GetCostAndUsage", TimePeriod=period, Granularity="MONTHLY", Metrics=["UnblendedCost"])
    assert refusal == ("ValidationException", "You haven't enabled historical data beyond 14 months")
