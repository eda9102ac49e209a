"""What groups did is known for six weeks."""

from datetime import UTC, datetime, timedelta

from aftershock.services.autoscaling.records import Activity, Refresh
from aftershock.services.autoscaling.rules import kept

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def activity(age: timedelta) -> Activity:
    return Activity(
        id=str(age), group="1 web", group_name="web", group_arn="", description="", cause="", started_at=NOW - age
    )


def refresh(age: timedelta, status: str) -> Refresh:
    return Refresh(id=f"{age} {status}", group="1 web", group_name="web", status=status, asked_at=NOW - age)


def test_activities_are_forgotten_after_six_weeks() -> None:
    every = [activity(5 * WEEK), activity(7 * WEEK)]
    assert kept.activities(every, NOW, kept.KEPT_S) == [every[1].id]


def test_refreshes_are_forgotten_after_six_weeks_unless_they_are_under_way() -> None:
    every = [refresh(5 * WEEK, "Successful"), refresh(7 * WEEK, "Failed"), refresh(7 * WEEK, "InProgress")]
    assert kept.refreshes(every, NOW, kept.KEPT_S) == [every[1].id]


def test_at_another_pace_weeks_are_shorter() -> None:
    assert kept.activities([activity(WEEK)], NOW, kept.KEPT_S / 10) != []
