"""Experiments and client tokens are known as long as AWS knows them, and not for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from aftershock.services.fis.records import Experiment, Plan, UsedToken
from aftershock.services.fis.rules import kept

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def experiment(ended: timedelta | None) -> Experiment:
    nothing = Plan(actions={}, stop_conditions=(), role_arn="")
    return Experiment(
        id="EXP1",
        account="1",
        region="us-east-1",
        template_id="EXT1",
        plan=nothing,
        created_at=NOW - 500 * DAY,
        ended_at=None if ended is None else NOW - ended,
    )


@pytest.mark.parametrize(
    "ended, pace, known",
    [
        (None, 1.0, True),
        (119 * DAY, 1.0, True),
        (121 * DAY, 1.0, False),
        (11 * DAY, 10.0, True),
        (13 * DAY, 10.0, False),
        (DAY / 2, 1000.0, True),
    ],
    ids=["under way", "119 days", "121 days", "11 days at pace 10", "13 days at pace 10", "half a day at any pace"],
)
def test_an_experiment_is_known_for_120_days_and_a_day_at_least(
    ended: timedelta | None, pace: float, known: bool
) -> None:
    assert (kept.experiments([experiment(ended)], NOW, kept.KEPT_S / pace) == []) == known


def test_a_token_is_known_for_a_day() -> None:
    tokens = [
        UsedToken("young", "", "", NOW - DAY / 2),
        UsedToken("old", "", "", NOW - 2 * DAY),
        UsedToken("?", "", ""),
    ]
    assert kept.tokens(tokens, NOW) == ["old", "?"]
