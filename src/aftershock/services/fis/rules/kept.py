"""How long experiments and client tokens are known."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from aftershock.services.fis.records import Experiment, UsedToken

KEPT_S = 120 * 86_400.0  # nominal; one of AWS's quotas: how long data of completed experiments are stored
# By the wall.  AWS does not say how long it knows a token; a client repeats a request for minutes.
TOKENS_KEPT = timedelta(days=1)


def experiments(every: Iterable[Experiment], now: datetime, kept_s: float) -> list[str]:
    """The ids of those that ended so long ago; also at a great pace longer than a token that made one is known."""
    kept = max(timedelta(seconds=kept_s), TOKENS_KEPT)
    return [one.id for one in every if one.ended_at is not None and one.ended_at < now - kept]


def tokens(every: Iterable[UsedToken], now: datetime) -> list[str]:
    return [one.id for one in every if one.used_at < now - TOKENS_KEPT]
