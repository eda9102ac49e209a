"""Asks every source, once a minute, what it measured; and lets those know who wait for it.

The minutes are nominal, and so are the alarms', which are evaluated when a minute's measurements are in.  Minutes in
which nobody asked (the control plane was down) have no data.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from aftershock.aws.metrics import MINUTE_S, Datum, Source, bucket, bucket_start
from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.services.cloudwatch.recording import record
from aftershock.services.cloudwatch.records.metric import SAMPLED, Sampled
from aftershock.store import Change, Store

from .later import Later, Wake

log = logging.getLogger(__name__)

KEY = "minute"
# A source that takes longer loses its minute.
PATIENCE_S = 5.0
SHORTEST_S = 0.02


class SamplingController:
    kind = "cloudwatch.sampling"

    def __init__(self, store: Store, clock: Clock, account: str, sources: Sequence[Source], wake: Wake) -> None:
        self._store, self._clock, self._account, self._sources = store, clock, account, sources
        self._later = Later(wake, self.kind)

    async def keys(self) -> set[str]:
        return {KEY}

    def concerned(self, change: Change) -> Iterable[str]:
        return ()

    async def reconcile(self, key: str) -> Outcome:
        pace = self._clock.pace
        over = bucket(self._clock.now(), MINUTE_S, pace) - 1
        with self._store.snapshot() as tx:
            before = SAMPLED.get(tx, KEY)
        if before is None or before.minute != over:
            measured = await self._measured(bucket_start(over, MINUTE_S, pace))
            with self._store.transaction() as tx:
                left_out = sum(not record(tx, self._account, datum, MINUTE_S, pace) for datum in measured)
                SAMPLED.put(tx, Sampled(KEY, over))
            if left_out:
                log.warning("%d data of new metrics are left out: there are too many metrics", left_out)
        left = bucket_start(bucket(self._clock.now(), MINUTE_S, pace) + 1, MINUTE_S, pace) - self._clock.now()
        self._later.look(key, after_s=max(SHORTEST_S, left.total_seconds()))
        return Done("measured once a minute")

    async def _measured(self, at: datetime) -> list[Datum]:
        asked = await asyncio.gather(*(self._ask(source, at) for source in self._sources))
        return [datum for data in asked for datum in data]

    async def _ask(self, source: Source, at: datetime) -> Iterable[Datum]:
        try:
            async with asyncio.timeout(max(PATIENCE_S, self._clock.paced(MINUTE_S))):
                return list(await source(at))
        except Exception:
            # One that fails must not take the others' minute: the same frame as the control loop's, for each of them.
            log.exception("a source of metrics failed")
            return ()
