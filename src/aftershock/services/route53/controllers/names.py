"""Has the resolver serve what the records say, and notes down which changes it was seen to serve.

Those that it has served long enough are forgotten.
"""

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.engines.resolver import Resolver, Snapshot
from aftershock.services.route53.outside import Outside
from aftershock.services.route53.records import (
    CHANGES,
    HEALTH,
    HEALTH_CHECKS,
    HOSTED_ZONES,
    RECORD_SETS,
    REVISIONS,
    RecordSet,
)
from aftershock.services.route53.rules.changes import outlived
from aftershock.services.route53.rules.health import verdicts
from aftershock.services.route53.rules.snapshot import Renderer
from aftershock.store import Change, Store

KEY = "names"
FORGETTING_EVERY_S = 60.0  # it reads all changes that there are
WATCHED = frozenset({HOSTED_ZONES.name, RECORD_SETS.name, REVISIONS.name, HEALTH.name, HEALTH_CHECKS.name})


class NameController:
    """One key: what the resolver answers is one whole."""

    kind = "route53.names"

    def __init__(self, store: Store, clock: Clock, region: str, outside: Outside, resolver: Resolver) -> None:
        self._store, self._clock, self._region = store, clock, region
        self._outside, self._resolver = outside, resolver
        self._tables = WATCHED | outside.tables
        self._forgot_at: float | None = None  # by the loop's clock

    async def keys(self) -> set[str]:
        return {KEY}

    def concerned(self, change: Change) -> Iterable[str]:
        return (KEY,) if change.table in self._tables else ()

    async def reconcile(self, key: str) -> Outcome:
        snapshot, revision = self._render()
        await self._resolver.ensure(snapshot)
        self._record_served(revision)
        self._forget_outlived()
        return Done(f"the resolver serves {len(snapshot.zones)} zones")

    def _render(self) -> tuple[Snapshot, int]:
        """What is wanted now, and the last change that is in it."""
        with self._store.snapshot() as tx:
            zones = HOSTED_ZONES.every(tx)
            records: dict[str, list[RecordSet]] = {zone.id: [] for zone in zones}
            for record in RECORD_SETS.every(tx):
                records[record.zone_id].append(record)
            checks = {check.id: check for check in HEALTH_CHECKS.every(tx)}
            health = {one.id: one for one in HEALTH.every(tx)}
            revision = max((one.number for one in REVISIONS.every(tx)), default=0)
            renderer = Renderer(
                region=self._region,
                pace=self._clock.pace,
                verdicts=verdicts(checks, health),
                known=self._outside.names(tx),
                domains=self._outside.domains,
            )
            return renderer.snapshot(zones, records, list(self._outside.networks(tx))), revision

    def _record_served(self, revision: int) -> None:
        with self._store.snapshot() as tx:
            served = [change for change in CHANGES.where(tx, "pending", "pending") if change.revision <= revision]
        if not served:
            return  # it was something else that changed: nobody has to wait for the disk
        with self._store.transaction() as tx:
            for change in served:
                if CHANGES.get(tx, change.id) == change:
                    CHANGES.put(tx, replace(change, in_sync=True))

    def _forget_outlived(self) -> None:
        """Not at once after a start: who waited for a change while nothing ran is to see first that it is served."""
        now = asyncio.get_running_loop().time()
        if self._forgot_at is None or now < self._forgot_at + FORGETTING_EVERY_S:
            self._forgot_at = self._forgot_at or now
            return
        self._forgot_at = now
        with self._store.snapshot() as tx:
            old = outlived(CHANGES.every(tx), self._clock.now())
        if old:
            with self._store.transaction() as tx:
                for change in old:
                    CHANGES.forget(tx, change.id)
