"""Makes old data coarser, and forgets what is older than AWS keeps, or more than the region holds."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from aftershock.aws.call import Tx
from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.services.cloudwatch.history import MAX_ITEMS
from aftershock.services.cloudwatch.records.alarm import HISTORY
from aftershock.services.cloudwatch.records.metric import (
    METRICS,
    add_point,
    drop,
    drop_oldest,
    last_at,
    point_count,
    points,
)
from aftershock.services.cloudwatch.rules.points import EPOCH, grouped, period_number, period_start
from aftershock.services.cloudwatch.rules.retention import DAY_S, HOUR_S, MAX_POINTS, TIERS
from aftershock.store import Change, Store

from .later import Later, Wake

KEY = "old data"
SHORTEST_S = 60.0
AT_ONCE = 50  # metrics in one transaction; in between others have their turn
HISTORY_KEPT_S = 30 * DAY_S  # AWS: "CloudWatch preserves alarm history for 30 days"


class PruningController:
    kind = "cloudwatch.pruning"

    def __init__(self, store: Store, clock: Clock, wake: Wake, *, max_points: int = MAX_POINTS) -> None:
        self._later = Later(wake, self.kind)
        self._store, self._clock, self._max_points = store, clock, max_points
        self._due = 0.0  # by the monotonic clock: the loop looks at every key more often than is worth while here

    async def keys(self) -> set[str]:
        return {KEY}

    def concerned(self, change: Change) -> Iterable[str]:
        return ()

    async def reconcile(self, key: str) -> Outcome:
        left_s = self._due - self._clock.monotonic()
        if left_s > 0:
            self._later.look(key, after_s=left_s)
            return Done("old data grow coarser")
        now, every_s = self._clock.now(), max(SHORTEST_S, self._clock.paced(HOUR_S))
        with self._store.snapshot() as tx:
            metrics = sorted(METRICS.keys(tx))
        for first in range(0, len(metrics), AT_ONCE):
            with self._store.transaction() as tx:
                for metric in metrics[first : first + AT_ONCE]:
                    self._age(tx, metric, now)
            await asyncio.sleep(0)
        with self._store.transaction() as tx:
            self._forget_history(tx, now)
            excess = point_count(tx) - self._max_points
            if excess > 0:
                drop_oldest(tx, excess)
        self._due = self._clock.monotonic() + every_s
        self._later.look(key, after_s=every_s)
        return Done("old data grow coarser")

    def _age(self, tx: Tx, metric: str, now: datetime) -> None:
        pace = self._clock.pace
        for tier in TIERS:
            border = now - timedelta(seconds=tier.kept_s / pace)
            if tier.next_s is not None:
                # Only whole buckets move on.
                border = period_start(period_number(border, tier.next_s, pace, EPOCH), tier.next_s, pace, EPOCH)
                old = points(tx, metric, EPOCH, border, tier.resolution_s, finest_s=tier.resolution_s)
                for unit in {point.unit for point in old}:
                    for point in grouped((one for one in old if one.unit == unit), tier.next_s, pace):
                        add_point(tx, metric, tier.next_s, point)
            drop(tx, metric, tier.resolution_s, border)
        if last_at(tx, metric) is None:
            METRICS.forget(tx, metric)

    def _forget_history(self, tx: Tx, now: datetime) -> None:
        border = int((now - timedelta(seconds=HISTORY_KEPT_S / self._clock.pace)).timestamp() * 1000)
        of_alarm: dict[str, list[str]] = defaultdict(list)
        for key in sorted(HISTORY.keys(tx)):
            milliseconds, rest = key.split(" ", 1)
            if int(milliseconds) < border:
                HISTORY.forget(tx, key)
            else:
                of_alarm[rest.rsplit(" ", 2)[0]].append(key)
        for keys in of_alarm.values():
            for key in keys[:-MAX_ITEMS]:
                HISTORY.forget(tx, key)
