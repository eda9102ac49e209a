"""Reserved instances are applied as "How Reserved Instances are applied" of AWS's user guide says."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws.usage import Reservation
from aftershock.services.ce.rules.moments import hours, ms
from aftershock.services.ce.rules.reserved import Applied, Run, apply, instance_hours
from tests.services.ce.cases import at, ran, reserved


def applied(runs: Sequence[Run], reservations: Sequence[Reservation], start: float, end: float) -> Applied:
    return apply(runs, reservations, (ms(at(start)), ms(at(end))))


def covered(found: Applied) -> dict[str, Fraction]:
    """The hours of each run that are covered."""
    sums: dict[str, Fraction] = {}
    for use in found.uses:
        amount = instance_hours(sum(use.by.values()), use.run.instance_type)
        sums[use.run.id] = sums.get(use.run.id, Fraction(0)) + amount
    return {name: amount for name, amount in sums.items() if amount}


def held_hours(found: Applied) -> Fraction:
    return sum((instance_hours(one.amount, one.reservation.instance_type) for one in found.held), Fraction(0))


def used_hours(found: Applied) -> Fraction:
    return sum((instance_hours(one.used, one.reservation.instance_type) for one in found.held), Fraction(0))


def test_scenario_1_of_the_guide() -> None:
    runs = [
        *(ran(f"m3 {n}", "m3.large", 0, 1) for n in range(4)),
        *(ran(f"m4 {n}", "m4.xlarge", 0, 1, zone="us-east-1b") for n in range(2)),
        ran("c4", "c4.xlarge", 0, 1, zone="us-east-1c"),
    ]
    bought = [reserved("m3.large", 4, zone="us-east-1a"), reserved("m4.large", 4), reserved("c4.large")]
    found = {
        name: amount
        for family in ("m3", "m4", "c4")
        for name, amount in covered(
            applied(
                [run for run in runs if run.instance_type.startswith(family)],
                [one for one in bought if one.instance_type.startswith(family)],
                0,
                1,
            )
        ).items()
    }
    assert found == {**{f"m3 {n}": 1 for n in range(4)}, "m4 0": 1, "m4 1": 1, "c4": Fraction(1, 2)}


def test_scenario_2_of_the_guide_smallest_size_first() -> None:
    runs = [
        *(ran(f"xlarge {n}", "m3.xlarge", 0, 1) for n in range(2)),
        *(ran(f"large {n}", "m3.large", 0, 1, zone="us-east-1b") for n in range(2)),
    ]
    found = covered(applied(runs, [reserved("m3.2xlarge")], 0, 1))
    assert found == {"large 0": 1, "large 1": 1, "xlarge 0": 1}


@pytest.mark.parametrize(
    "runs, bought, expected",
    [
        # "If you purchase a t2.medium … and you have two running t2.small instances … applied in full to both"
        ([("a", "t2.small"), ("b", "t2.small")], reserved("t2.medium"), {"a": 1, "b": 1}),
        # "if you have one t2.large instance running … applied to 50% of the usage of the instance"
        ([("a", "t2.large")], reserved("t2.medium"), {"a": Fraction(1, 2)}),
        ([("a", "t3.large")], reserved("t2.large"), {}),
        # A zonal one fits exactly, and only in its zone.
        ([("a", "t2.small")], reserved("t2.medium", zone="us-east-1a"), {}),
        ([("a", "t2.medium")], reserved("t2.medium", zone="us-east-1b"), {}),
        ([("a", "t2.medium")], reserved("t2.medium", zone="us-east-1a"), {"a": 1}),
    ],
)
def test_what_fits(runs: list[tuple[str, str]], bought: Reservation, expected: dict[str, Fraction]) -> None:
    assert covered(applied([ran(name, kind, 0, 1) for name, kind in runs], [bought], 0, 1)) == expected


def test_four_instances_share_an_hour_of_one_reservation() -> None:
    runs = [ran(f"{n}", "t3.micro", n / 4, (n + 1) / 4) for n in range(4)]
    found = applied(runs, [reserved("t3.micro")], 0, 1)
    assert sum(covered(found).values()) == 1
    together = [ran(f"{n}", "t3.micro", 0, 1 / 4) for n in range(4)]
    assert sum(covered(applied(together, [reserved("t3.micro")], 0, 1)).values()) == 1


def test_what_an_hour_leaves_over_is_lost() -> None:
    runs = [ran("a", "t3.micro", 0, 0.5), *(ran(f"{n}", "t3.micro", 1, 2) for n in range(2))]
    found = applied(runs, [reserved("t3.micro")], 0, 2)
    assert covered(found) == {"a": Fraction(1, 2), "0": 1}
    assert held_hours(found) - used_hours(found) == Fraction(1, 2)


def test_zonal_ones_come_before_regional_ones() -> None:
    runs = [ran("a", "m5.large", 0, 1), ran("b", "m5.large", 0, 1, zone="us-east-1b")]
    regional, zonal = reserved("m5.large"), reserved("m5.large", zone="us-east-1a", id="zonal")
    found = applied(runs, [regional, zonal], 0, 1)
    assert {use.run.id: list(use.by) for use in found.uses} == {"a": ["zonal"], "b": [regional.id]}


def test_a_reservation_covers_nothing_before_it_was_bought_or_after_its_term() -> None:
    one = reserved("t3.micro", start=at(1.5), end=at(3.25))
    found = applied([ran("a", "t3.micro", 0, 5)], [one], 0, 5)
    assert covered(found) == {"a": Fraction(7, 4)}
    assert held_hours(found) == Fraction(7, 4)


def test_at_a_faster_pace_an_hour_is_shorter_and_nothing_else() -> None:
    one = reserved("t3.micro", pace=60.0)
    found = applied([ran("a", "t3.micro", 0, 1, pace=60.0)], [one], 0, 2)
    assert covered(found) == {"a": 60}
    assert held_hours(found) == 120
    assert used_hours(found) == 60


SIZES = ("t3.micro", "t3.small", "t3.medium", "t3.large")
quarters = st.integers(0, 24).map(lambda n: n / 4)


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Run], list[Reservation]]:
    runs = []
    for n in range(draw(st.integers(0, 5))):
        start, length = draw(quarters), draw(st.integers(1, 12)) / 7
        zone = draw(st.sampled_from(("us-east-1a", "us-east-1b")))
        runs.append(ran(f"i{n}", draw(st.sampled_from(SIZES)), start, start + length, zone=zone))
    bought = [
        reserved(
            draw(st.sampled_from(SIZES)),
            draw(st.integers(1, 3)),
            id=f"r{n}",
            zone=draw(st.sampled_from((None, "us-east-1a"))),
            start=at(draw(quarters)),
            end=at(draw(st.integers(25, 40)) / 4),
        )
        for n in range(draw(st.integers(0, 3)))
    ]
    return runs, bought


def amounts(applications: Sequence[Applied]) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    by_run: dict[str, Fraction] = {}
    by_reservation: dict[str, Fraction] = {}
    for one in applications:
        for name, amount in covered(one).items():
            by_run[name] = by_run.get(name, Fraction(0)) + amount
        for held in one.held:
            name = held.reservation.id
            by_reservation[name] = by_reservation.get(name, Fraction(0)) + Fraction(held.used)
    return by_run, {name: amount for name, amount in by_reservation.items() if amount}


@settings(max_examples=150, deadline=None)
@given(days())
def test_hours_taken_together_come_out_as_hours_taken_one_by_one(day: tuple[list[Run], list[Reservation]]) -> None:
    runs, bought = day
    assert amounts([applied(runs, bought, 0, 12)]) == amounts([applied(runs, bought, n, n + 1) for n in range(12)])


@settings(max_examples=150, deadline=None)
@given(days())
def test_all_that_ran_is_billed_once_and_no_reservation_gives_more_than_it_has(
    day: tuple[list[Run], list[Reservation]],
) -> None:
    runs, bought = day
    found = applied(runs, bought, 0, 12)
    billed: dict[str, Fraction] = {}
    for use in found.uses:
        assert 0 <= sum(use.by.values()) <= use.needed
        billed[use.run.id] = billed.get(use.run.id, Fraction(0)) + hours(use.span, use.run.pace)
    assert billed == {run.id: hours(run.span, run.pace) for run in runs}
    assert all(0 <= held.used <= held.amount for held in found.held)
    assert sum(held.used for held in found.held) == sum(sum(use.by.values()) for use in found.uses)
