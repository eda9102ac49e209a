"""Figures: by tables, and that no figure is better than what happened."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.lab.figures import (
    Point,
    bins,
    dark_s,
    failed_share,
    failing_s,
    hit_share,
    percentile_ms,
    within,
)

END_S = 10.0


def point(at_s: float, served: bool = True, *, took_s: float = 0.1, visitor: int = 0) -> Point:
    return Point(at_s, took_s, served, visitor)


POINTS = st.lists(
    st.builds(
        Point,
        at_s=st.floats(0, 9),
        took_s=st.floats(0.001, 1),
        served=st.booleans(),
        visitor=st.integers(0, 3),
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    "points, longest",
    [
        ([], 0.0),
        ([point(1), point(5)], 0.0),  # a silence in which nobody asked in vain is none
        ([point(1), point(2, served=False), point(5)], 4.0),
        ([point(1, served=False), point(3)], 3.1),  # before the first page
        ([point(1), point(4, served=False)], 8.9),  # until the end
        ([point(1), point(2, False), point(3), point(4, False), point(8)], 5.0),
        ([point(1, False)], END_S),
    ],
)
def test_how_long_nobody_was_served(points: list[Point], longest: float) -> None:
    assert dark_s(points, END_S) == pytest.approx(longest)


@given(POINTS)
def test_the_dark_is_never_longer_than_the_watching_and_never_missed(points: list[Point]) -> None:
    found = dark_s(points, END_S)
    assert 0 <= found <= END_S
    assert (found > 0) == any(not one.served for one in points)


@given(POINTS, st.floats(0.1, 3))
def test_slices_have_every_request_once(points: list[Point], width_s: float) -> None:
    found = bins(points, END_S, width_s)
    assert sum(one.served for one in found) == sum(one.served for one in points)
    assert sum(one.failed for one in found) == sum(not one.served for one in points)
    assert found[-1].begin_s + width_s >= END_S - 1e-6


@given(POINTS, st.floats(0.01, 1))
def test_a_percentile_is_a_time_that_somebody_waited(points: list[Point], share: float) -> None:
    served = sorted(one.took_s * 1000 for one in points if one.served)
    found = percentile_ms(points, share)
    if not served:
        assert math.isnan(found)
        return
    assert found in served
    assert sum(took <= found for took in served) >= share * len(served) - 1e-9


def test_percentiles_are_of_those_who_were_served() -> None:
    points = [point(0, took_s=0.001 * number) for number in range(1, 101)] + [point(1, False, took_s=9)]
    assert percentile_ms(points, 0.5) == pytest.approx(50)
    assert percentile_ms(points, 0.99) == pytest.approx(99)


def test_shares() -> None:
    points = [point(0, visitor=0), point(1, False, visitor=1), point(2, visitor=1), point(3, visitor=2)]
    assert failed_share(points) == 0.25
    assert hit_share(points) == pytest.approx(1 / 3)
    assert failed_share(within(points, 1, 2)) == 1.0
    assert math.isnan(failed_share([]))
    assert math.isnan(hit_share([]))


def test_failing_lasts_until_the_last_failure_after_the_event() -> None:
    points = [point(1, False), point(4, False), point(6, False), point(8)]
    assert failing_s(points, 3) == 3
    assert failing_s(points, 7) == 0
