"""Probes endpoints at their intervals, and records what was seen.

Each probe is a task of its own: an endpoint that does not answer keeps nobody else waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aftershock.clock import Clock
from aftershock.control import Again, Done, UnderWay
from aftershock.control import Outcome as Looked
from aftershock.services.route53.records import HEALTH, HEALTH_CHECKS, PROBES, HealthCheck
from aftershock.services.route53.rules.health import CALCULATED, probed
from aftershock.store import Change, Store

from .probes import Outcome

AT_ONCE = 32

Probe = Callable[[HealthCheck], Awaitable[Outcome]]


class HealthCheckController:
    """One key for each health check."""

    kind = "route53.health"

    def __init__(self, store: Store, clock: Clock, probe: Probe) -> None:
        self._store, self._clock, self._probe = store, clock, probe
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way = UnderWay()
        # When each is due again, and for which version of its settings that was decided.
        self._due: dict[str, tuple[int, float]] = {}

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return HEALTH_CHECKS.keys(tx) | HEALTH.keys(tx) | PROBES.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == HEALTH_CHECKS.name else ()

    async def reconcile(self, key: str) -> Looked:
        with self._store.snapshot() as tx:
            check = HEALTH_CHECKS.get(tx, key)
        if check is None or check.check.type == CALCULATED:
            self._forget(key)
            return Done("there is nothing to probe")
        if check.check.disabled:
            self._due.pop(key, None)
            return Done("it is disabled")
        version, at = self._due.get(key, (0, 0.0))
        left_s = at - self._clock.monotonic() if version == check.version else 0.0
        if left_s > 0:
            return Again("probed at its interval", after_s=left_s)
        interval_s = self._clock.paced(check.check.interval_s)
        self._due[key] = check.version, self._clock.monotonic() + interval_s
        if key not in self._under_way:
            self._under_way.raise_failure(key)
            self._under_way.begin(key, lambda: self._look(check), "probe")
        return Again("probed at its interval", after_s=interval_s)

    def _forget(self, key: str) -> None:
        self._due.pop(key, None)
        with self._store.transaction() as tx:
            HEALTH.forget(tx, key)
            PROBES.forget(tx, key)

    async def _look(self, check: HealthCheck) -> None:
        async with self._slots:
            outcome = await self._probe(check)
        with self._store.transaction() as tx:
            now = HEALTH_CHECKS.get(tx, check.id)
            if now is None or now.version != check.version:
                return  # it was asked about something else
            seen, health = probed(
                now,
                PROBES.get(tx, check.id),
                HEALTH.get(tx, check.id),
                ok=outcome.ok,
                status=outcome.status,
                at=self._clock.now(),
            )
            PROBES.put(tx, seen)
            HEALTH.put(tx, health)

    async def close(self) -> None:
        await self._under_way.close()
