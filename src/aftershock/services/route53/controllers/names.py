"""Has the resolver serve what the records say, and notes down which changes it was seen to serve."""

from collections.abc import Iterable
from dataclasses import dataclass

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
    SERVED,
    RecordSet,
    Served,
)
from aftershock.services.route53.rules.health import verdicts
from aftershock.services.route53.rules.snapshot import Renderer, digest
from aftershock.store import Change, Store

KEY = "names"
WATCHED = frozenset({HOSTED_ZONES.name, RECORD_SETS.name, REVISIONS.name, HEALTH.name, HEALTH_CHECKS.name})


@dataclass(frozen=True, slots=True)
class _Wanted:
    snapshot: Snapshot  # without its serial
    revision: int


class NameController:
    """One key: what the resolver answers is one whole."""

    kind = "route53.names"

    def __init__(self, store: Store, clock: Clock, region: str, outside: Outside, resolver: Resolver) -> None:
        self._store, self._clock, self._region = store, clock, region
        self._outside, self._resolver = outside, resolver
        self._tables = WATCHED | outside.tables

    async def keys(self) -> set[str]:
        return {KEY}

    def concerned(self, change: Change) -> Iterable[str]:
        return (KEY,) if change.table in self._tables else ()

    async def reconcile(self, key: str) -> Outcome:
        wanted = self._render()
        served = self._serial_for(digest(wanted.snapshot))
        observed = await self._resolver.observe()
        if observed is None or observed.serial != served.serial or not served.seen:
            await self._resolver.ensure(replace(wanted.snapshot, serial=served.serial))
        self._record_seen(served, wanted.revision)
        return Done(f"the resolver serves snapshot {served.serial}")

    def _render(self) -> _Wanted:
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
            return _Wanted(renderer.snapshot(zones, records, list(self._outside.networks(tx))), revision)

    def _serial_for(self, content: str) -> Served:
        """A serial of its own for every content, decided before anybody is told of it."""
        with self._store.transaction() as tx:
            last = SERVED.get(tx, KEY)
            if last is not None and last.digest == content:
                return last
            served = Served(KEY, serial=last.serial + 1 if last else 1, digest=content)
            SERVED.put(tx, served)
            return served

    def _record_seen(self, served: Served, revision: int) -> None:
        with self._store.transaction() as tx:
            if SERVED.get(tx, KEY) == served:
                SERVED.put(tx, replace(served, seen=True))
            for change in CHANGES.where(tx, "pending", "pending"):
                if change.revision <= revision:
                    CHANGES.put(tx, replace(change, in_sync=True))
