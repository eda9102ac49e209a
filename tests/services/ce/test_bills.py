"""Bills against examples calculated by hand, from the list prices of the data file."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.aws.usage import Load
from aftershock.services.ce.records import LoadHour, Reading, Stretch
from aftershock.services.ce.rules import loads, periods
from aftershock.services.ce.rules.lines import COVERED, RECURRING, UPFRONT, USAGE, Ledger, Line, book, lines
from aftershock.services.ce.rules.utilization import coverage, total, utilization, view
from tests.services.ce.cases import ACCOUNT, DAY, at, reserved, stretch

YEAR = 8760


def bill(*stretches: Stretch, reservations: Sequence[object] = (), hours: float = 24, now: float = 24) -> list[Line]:
    ledger = Ledger(stretches, (), reservations)  # type: ignore[arg-type]
    return lines(book(ledger, DAY, at(hours), at(now)), [(DAY, at(hours))])


def summed(found: Sequence[Line], read: Callable[[Line], Fraction], *record_types: str) -> Decimal:
    amount = sum((read(line) for line in found if not record_types or line.record_type in record_types), Fraction(0))
    return Decimal(amount.numerator) / Decimal(amount.denominator)


def unblended(found: Sequence[Line], *record_types: str) -> Decimal:
    return summed(found, lambda line: line.unblended, *record_types)


def amortized(found: Sequence[Line], *record_types: str) -> Decimal:
    return summed(found, lambda line: line.amortized, *record_types)


def quantity(found: Sequence[Line], *record_types: str) -> Decimal:
    return summed(found, lambda line: line.quantity, *record_types)


def test_a_t3_micro_for_a_day() -> None:
    assert unblended(bill(stretch("i-1", "t3.micro", 0, 24))) == Decimal("0.0104") * 24


@pytest.mark.parametrize(
    "seconds, billed_s",
    [(1, 60), (59, 60), (60, 60), (61, 61), (3599, 3599)],
)
def test_instances_are_billed_by_the_second_and_for_a_minute_at_least(seconds: int, billed_s: int) -> None:
    found = bill(stretch("i-1", "m5.large", 0, seconds / 3600))
    assert unblended(found) * 3600 == pytest.approx(Decimal("0.096") * billed_s)


@pytest.mark.parametrize("minutes, hours", [(1, 1), (60, 1), (61, 2)])
def test_what_is_billed_by_the_hour_is_billed_for_every_hour_begun(minutes: int, hours: int) -> None:
    balancer = replace(
        stretch("app/web/1", "t3.micro", 0, minutes / 60),
        usage_type="LoadBalancerUsage",
        instance_type=None,
        least_s=0,
        step_s=3600,
    )
    assert unblended(bill(balancer)) == Decimal("0.0225") * hours


def test_what_still_runs_is_billed_until_now() -> None:
    assert quantity(bill(stretch("i-1", "t3.micro", 1, None), now=3)) == 2


def test_a_second_at_pace_60_counts_as_a_minute() -> None:
    assert quantity(bill(stretch("i-1", "t3.micro", 0, 1 / 60, pace=60.0))) == 1


def test_a_volume_of_8_gib_for_half_a_month() -> None:
    volume = replace(
        stretch("vol-1", "t3.micro", 0, 365),
        usage_type="EBS:VolumeUsage.gp3",
        instance_type=None,
        per_hour=Decimal(8) / 730,
        least_s=0,
    )
    found = bill(volume, hours=400, now=400)
    assert quantity(found) == pytest.approx(Decimal(4))
    assert unblended(found) == pytest.approx(Decimal("0.32"))


def test_nothing_is_lost_between_two_days() -> None:
    run = stretch("i-1", "t3.micro", 20, 30)
    ledger = Ledger([run], (), ())
    days = [(DAY, at(24)), (at(24), at(48))]
    found = lines(book(ledger, DAY, at(48), at(48)), days)
    assert [(line.period, line.quantity) for line in found] == [(0, 4), (1, 6)]


def test_no_upfront_two_instances_and_one_reservation() -> None:
    """24 h × 0.0104 on demand, and 24 h × 0.0065 for the reservation."""
    found = bill(
        stretch("i-1", "t3.micro", 0, 24), stretch("i-2", "t3.micro", 0, 24), reservations=[reserved("t3.micro")]
    )
    assert unblended(found, USAGE) == Decimal("0.2496")
    assert unblended(found, COVERED) == 0
    assert unblended(found, RECURRING) == Decimal("0.156")
    assert amortized(found, COVERED) == Decimal("0.156")
    assert amortized(found, RECURRING) == 0
    assert quantity(found, COVERED) == 24


def test_all_upfront_is_paid_on_the_day_and_amortized_over_the_year() -> None:
    """53 USD for a year of t3.micro: 24/8760 of it belongs to the first day."""
    bought = reserved("t3.micro", payment="All Upfront", upfront=Decimal(53), hourly=Decimal(0))
    found = bill(stretch("i-1", "t3.micro", 0, 24), reservations=[bought])
    assert unblended(found) == unblended(found, UPFRONT) == 53
    assert amortized(found) == pytest.approx(Decimal(53) * 24 / YEAR)


def test_unused_hours_are_paid_all_the_same() -> None:
    """Partial upfront: 27 USD and 0.0031 an hour; used for 6 hours of 24."""
    bought = reserved("t3.micro", payment="Partial Upfront", upfront=Decimal(27), hourly=Decimal("0.0031"))
    found = bill(stretch("i-1", "t3.micro", 0, 6), reservations=[bought])
    effective = Decimal("0.0031") + Decimal(27) / YEAR
    assert unblended(found) == 27 + Decimal("0.0031") * 24
    assert amortized(found, COVERED) == pytest.approx(effective * 6)
    assert amortized(found, RECURRING) == pytest.approx(effective * 18)


def test_a_large_reservation_on_an_xlarge_pays_for_half_of_it() -> None:
    bought = reserved("m5.large", hourly=Decimal("0.0605"))
    found = bill(stretch("i-1", "m5.xlarge", 0, 10), reservations=[bought], hours=10, now=10)
    assert quantity(found, USAGE) == quantity(found, COVERED) == 5
    assert unblended(found) == Decimal("0.192") * 5 + Decimal("0.0605") * 10
    assert amortized(found) == unblended(found)


def test_utilization_of_a_reservation_that_was_used_for_a_quarter() -> None:
    """24 hours bought at 0.0065, 6 used: saved 6 × (0.0104 - 0.0065), lost 18 × 0.0065."""
    bought = reserved("t3.micro")
    found = bill(stretch("i-1", "t3.micro", 0, 6), reservations=[bought])
    shown = view(total([utilization(bought, found)]))
    assert shown == {
        "UtilizationPercentage": "25",
        "UtilizationPercentageInUnits": "25",
        "PurchasedHours": "24",
        "PurchasedUnits": "12",
        "TotalActualHours": "6",
        "TotalActualUnits": "3",
        "UnusedHours": "18",
        "UnusedUnits": "9",
        "OnDemandCostOfRIHoursUsed": "0.0624",
        "NetRISavings": "-0.0936",
        "TotalPotentialRISavings": "0.0936",
        "AmortizedUpfrontFee": "0",
        "AmortizedRecurringFee": "0.156",
        "TotalAmortizedFee": "0.156",
        "RICostForUnusedHours": "0.117",
        "RealizedSavings": "0.0234",
        "UnrealizedSavings": "0.0702",
    }


def test_coverage_of_two_instances_by_one_reservation() -> None:
    found = bill(
        stretch("i-1", "t3.micro", 0, 24), stretch("i-2", "t3.small", 0, 24), reservations=[reserved("t3.micro")]
    )
    shown = coverage(found)
    assert shown["CoverageHours"]["CoverageHoursPercentage"] == "50"
    assert shown["CoverageNormalizedUnits"] == {
        "OnDemandNormalizedUnits": "24",
        "ReservedNormalizedUnits": "12",
        "TotalRunningNormalizedUnits": "36",
        "CoverageNormalizedUnitsPercentage": "33.3333333333",
    }
    assert shown["CoverageCost"] == {"OnDemandCost": "0.4992"}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(("t3.micro", "t3.large")), st.integers(0, 40), st.integers(1, 60)), max_size=5),
    st.lists(st.tuples(st.sampled_from(("t3.micro", "t3.medium")), st.integers(1, 2), st.integers(0, 90)), max_size=2),
    st.sampled_from((0.5, 1.0, 7.0, 60.0)),
)
def test_periods_of_any_size_add_up_to_the_same_bill(
    runs: list[tuple[str, int, int]], bought: list[tuple[str, int, int]], pace: float
) -> None:
    stretches = [
        stretch(f"i-{n}", kind, start / 8, (start + length) / 8, pace=pace)
        for n, (kind, start, length) in enumerate(runs)
    ]
    reservations = [
        reserved(kind, count, id=f"r{n}", upfront=Decimal(10), start=at(start / 8), pace=pace)
        for n, (kind, count, start) in enumerate(bought)
    ]
    ledger = Ledger(stretches, (), reservations)

    def totals(granularity: str) -> list[Fraction]:
        parts = periods.cut((DAY, at(24)), granularity)
        found = lines(book(ledger, DAY, at(24), at(30)), parts)
        return [sum((getattr(one, name) for one in found), Fraction(0)) for name in ("unblended", "amortized")]

    assert totals("HOURLY") == totals("DAILY")


# --- capacity units ------------------------------------------------------------------------------------------------


def load(part: str = "node", operation: str = "LoadBalancing:Application", **counts: int) -> Load:
    return Load(
        resource="app/web/1",
        part=part,
        account=ACCOUNT,
        region="us-east-1",
        service="Amazon Elastic Load Balancing",
        usage_type="LCUUsage",
        operation=operation,
        **{"new_connections": 0, "open_connections": 0, "processed_bytes": 0, **counts},
    )


def read(*readings: tuple[datetime, Load], pace: float = 1.0) -> list[LoadHour]:
    """The hours that come of readings one after the other, of nodes that began with the day."""
    last: dict[str, Reading] = {}
    kept: dict[str, LoadHour] = {}
    for moment, one in readings:
        before = last.get(one.part, Reading(id="", at=DAY))
        for hour in loads.shares(one, before, moment, pace):
            kept[hour.id] = loads.merged(kept.get(hour.id), hour)
        last[one.part] = loads.reading(one, moment)
    return list(kept.values())


@pytest.mark.parametrize(
    "counts, expected",
    [
        ({"new_connections": 90_000}, 1),
        ({"open_connections": 3000}, 1),
        ({"processed_bytes": 10**9}, 1),
        ({"rule_evaluations": 3_600_000}, 1),
        ({"new_connections": 45_000, "processed_bytes": 2 * 10**9}, 2),
        ({}, 0),
        ({"operation": "LoadBalancing:Network", "new_connections": 2_880_000}, 1),
        ({"operation": "LoadBalancing:Network", "open_connections": 50_000, "rule_evaluations": 10**9}, Fraction(1, 2)),
    ],
)
def test_an_hour_costs_the_units_of_its_largest_dimension(counts: dict[str, Any], expected: Fraction) -> None:
    assert [loads.capacity_unit_hours(hour) for hour in read((at(1), load(**counts)))] == [expected]


def test_what_was_read_in_parts_is_what_was_read_at_once() -> None:
    parts = read((at(0.25), load(processed_bytes=10**8)), (at(1), load(processed_bytes=10**9)))
    assert [loads.capacity_unit_hours(hour) for hour in parts] == [1]


def test_the_nodes_of_a_balancer_are_counted_together() -> None:
    parts = read((at(1), load("a", processed_bytes=10**9)), (at(1), load("b", new_connections=180_000)))
    assert [loads.capacity_unit_hours(hour) for hour in parts] == [2]


def test_a_node_that_begins_anew_is_counted_from_zero() -> None:
    parts = read((at(0.5), load("a", processed_bytes=10**9)), (at(1), load("a again", processed_bytes=10**9 // 2)))
    assert [loads.capacity_unit_hours(hour) for hour in parts] == [Fraction(3, 2)]


def test_a_reading_over_two_hours_is_spread_over_both() -> None:
    hours = read((at(0.5), load()), (at(1.5), load(processed_bytes=10**9)))
    assert [loads.capacity_unit_hours(hour) for hour in hours] == [Fraction(1, 2), Fraction(1, 2)]


@pytest.mark.parametrize("operation, usd", [("LoadBalancing:Application", "0.008"), ("LoadBalancing:Network", "0.006")])
def test_at_pace_60_a_nominal_hour_holds_a_minute(operation: str, usd: str) -> None:
    hours = read((DAY + timedelta(minutes=1), load(operation=operation, processed_bytes=10**9)), pace=60.0)
    assert [loads.capacity_unit_hours(hour) for hour in hours] == [1]
    found = lines(book(Ledger((), hours, ()), DAY, at(1), at(1)), [(DAY, at(1))])
    assert unblended(found) == Decimal(usd)
