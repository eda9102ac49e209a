"""Termination policies, adjustments, steps and recurrences, case by case."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.records import Made, Member
from aftershock.services.autoscaling.rules import cron, scaling, termination
from aftershock.services.autoscaling.rules.scaling import Fleet
from aftershock.services.autoscaling.rules.view import View

from .test_plan import MADE, NOW, group, member


def made(version: int) -> Made:
    return Made(template_id="lt-1", template_name="web", version=str(version), instance_type="t2.micro")


LC = Made(configuration="lc", instance_type="t2.micro")
OLD, YOUNG = NOW - timedelta(minutes=59), NOW - timedelta(minutes=10)


@pytest.mark.parametrize(
    ("policies", "members", "chosen"),
    [
        (("Default",), [member(1, zone="a"), member(2, zone="b"), member(3, zone="b")], {"m002", "m003"}),
        (("OldestInstance",), [member(1), member(2), member(3)], {"m001"}),
        (("NewestInstance",), [member(1), member(2), member(3)], {"m003"}),
        # The fullest zone comes before every policy.
        (("OldestInstance",), [member(1, zone="a"), member(2, zone="b"), member(3, zone="b")], {"m002"}),
        (("OldestLaunchTemplate",), [member(1, made=made(3)), member(2, made=made(2))], {"m002"}),
        (("OldestLaunchTemplate",), [member(1, made=made(10)), member(2, made=made(9))], {"m002"}),
        (("OldestLaunchConfiguration",), [member(1, made=made(1)), member(2, made=LC)], {"m002"}),
        (
            ("ClosestToNextInstanceHour",),
            [member(1, launched_at=YOUNG), member(2, launched_at=OLD)],
            {"m002"},
        ),
        # Default: the oldest template, and then the next billing hour.
        (
            ("Default",),
            [
                member(1, made=made(2), launched_at=OLD),
                member(2, made=made(1), launched_at=YOUNG),
                member(3, made=made(1), launched_at=OLD),
            ],
            {"m003"},
        ),
        (
            ("OldestLaunchTemplate", "NewestInstance"),
            [member(1, made=made(1)), member(2, made=made(1)), member(3, made=made(2))],
            {"m002"},
        ),
        # A zone that the group left is emptied first.
        (("Default",), [member(1, zone="b"), member(2, zone="b"), member(3, zone="gone")], {"m003"}),
    ],
)
def test_the_policies_choose(policies: tuple[str, ...], members: list[Member], chosen: set[str]) -> None:
    view = View(group=group(desired=0, termination_policies=policies), members=tuple(members), now=NOW, wanted=(MADE,))
    found = termination.choose(view, members)
    assert found is not None
    assert found.id in chosen


@pytest.mark.parametrize(
    ("kind", "adjustment", "capacity", "least", "after"),
    [
        ("ChangeInCapacity", 3, 2, None, 5),
        ("ChangeInCapacity", -1, 2, None, 1),
        ("ExactCapacity", 7, 2, None, 7),
        ("PercentChangeInCapacity", 50, 10, None, 15),
        ("PercentChangeInCapacity", 14, 10, None, 11),  # 1.4 is rounded down
        ("PercentChangeInCapacity", 12, 1, None, 2),  # 0.12 is 1
        ("PercentChangeInCapacity", -12, 4, None, 3),  # -0.48 is -1
        ("PercentChangeInCapacity", -25, 7, None, 6),  # -1.75 is rounded up
        ("PercentChangeInCapacity", 25, 4, 2, 6),  # at least two
        ("PercentChangeInCapacity", -25, 4, 2, 2),
    ],
)
def test_adjustments_are_rounded_as_documented(
    kind: str, adjustment: int, capacity: int, least: int | None, after: int
) -> None:
    given: dict[str, Any] = {"AdjustmentType": kind, "MinAdjustmentMagnitude": least}
    assert scaling.adjusted(given, adjustment, capacity) == after


STEPS: list[dict[str, Any]] = [
    {"MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -2},
    {"MetricIntervalLowerBound": -10.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 2},
]


@pytest.mark.parametrize(
    ("breach", "adjustment"), [(-20.0, -2), (-10.0, -2), (-9.9, -1), (0.0, 1), (9.9, 1), (10.0, 2), (99.0, 2)]
)
def test_bounds_belong_to_the_step_that_is_farther_from_the_threshold(breach: float, adjustment: int) -> None:
    assert scaling.step(STEPS, breach) == adjustment


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}] * 2,
        [
            {"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 1.0, "ScalingAdjustment": 1},
        ],
        [{"MetricIntervalLowerBound": 2.0, "MetricIntervalUpperBound": 1.0, "ScalingAdjustment": 1}],
    ],
)
def test_steps_that_contradict_one_another_are_refused(steps: list[dict[str, Any]]) -> None:
    with pytest.raises(AwsError, match=r"StepAdjustment"):
        scaling.check_steps(steps)


@given(
    desired=st.integers(0, 100),
    warming=st.integers(0, 50),
    metric=st.floats(0, 1e4),
    target=st.floats(0.1, 1e3),
)
def test_tracking_never_goes_the_wrong_way(desired: int, warming: int, metric: float, target: float) -> None:
    now = Fleet(desired=desired, warm=max(0, desired - warming), warming=warming)
    assert scaling.tracked_out(now, metric, target) >= desired
    left = scaling.tracked_in(now, metric, target)
    assert desired - max(1, desired // 10) <= left <= desired
    assert left == desired or not warming


@pytest.mark.parametrize(
    ("recurrence", "zone", "after", "due"),
    [
        ("*/15 * * * *", "UTC", "2026-11-22T12:01", "2026-11-22T12:15"),
        ("0 0 1 1 *", "UTC", "2026-11-22T12:00", "2027-01-01T00:00"),
        ("30 9 * * MON", "America/New_York", "2026-11-22T12:00", "2026-11-23T14:30"),
        ("0 2 29 2 *", "UTC", "2026-11-22T12:00", "2028-02-29T02:00"),
        # Both day fields restricted: either is enough.
        ("0 0 13 * FRI", "UTC", "2026-11-22T12:00", "2026-11-27T00:00"),
        # 02:30 does not come on the day the clocks go forward.
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00", "2027-03-29T00:30"),
        ("0 0 * * 7", "UTC", "2026-11-23T12:00", "2026-11-29T00:00"),
    ],
)
def test_recurrences(recurrence: str, zone: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = cron.next_after(cron.parsed(recurrence), cron.zone(zone), moment)
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* * * * 8", "1-0 * * * *", "*/0 * * * *", "x * * * *"])
def test_what_is_no_recurrence_is_refused(text: str) -> None:
    with pytest.raises(AwsError, match="is invalid"):
        cron.parsed(text)


def test_a_day_that_never_comes_is_never_due() -> None:
    assert cron.next_after(cron.parsed("0 0 31 2 *"), cron.zone("UTC"), NOW) is None


@given(st.text(max_size=20))
def test_any_text_is_a_recurrence_or_refused(text: str) -> None:
    try:
        cron.parsed(text)
    except AwsError as error:
        assert error.code == "ValidationError"
