"""How long it is known what was done."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from aftershock.services.autoscaling.records import Activity, Refresh

KEPT_S = 42 * 86_400.0  # nominal.  AWS: of activities, and of instance refreshes, those of "the previous six weeks"


def activities(every: Iterable[Activity], now: datetime, kept_s: float) -> list[str]:
    """The ids of those that began so long ago."""
    border = now - timedelta(seconds=kept_s)
    return [one.id for one in every if one.started_at < border]


def refreshes(every: Iterable[Refresh], now: datetime, kept_s: float) -> list[str]:
    """The ids of those that were asked for so long ago; one that is under way is kept."""
    border = now - timedelta(seconds=kept_s)
    return [one.id for one in every if not one.active and one.asked_at < border]
