"""The meter: asks what is billed whenever it may have changed, and writes down for how long.

It reads what a service has on record and writes what it heard in one transaction, so that dying anywhere counts
nothing twice.  While it is not there, machines go on; its successor finds them on record, and counts the time between.
When the ground itself was gone, what was billed on it ended when it was last watched.
"""

from collections.abc import Iterable

from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.services.ce.outside import Metered
from aftershock.services.ce.records import LOAD_HOURS, PULSES, READINGS, STRETCHES, Pulse, Reading
from aftershock.services.ce.rules import loads, meter
from aftershock.store import Change, Store, Transaction

PULSE = "pulse"  # the key at every look at which the meter says that it watches, and reads what was carried


class MeterController:
    """One key for every resource, "ec2 i-0123", and one for the meter itself."""

    kind = "ce.meter"

    def __init__(self, store: Store, clock: Clock, metered: Metered) -> None:
        self._store, self._clock, self._metered = store, clock, metered
        self._sources = {source.name: source for source in metered.sources}

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            known = {f"{one.source} {one.resource}" for one in STRETCHES.where(tx, "open", "open")}
            there = {f"{name} {one}" for name, source in self._sources.items() for one in source.resources(tx)}
        return known | there | {PULSE}

    def concerned(self, change: Change) -> Iterable[str]:
        asked = [source for source in self._sources.values() if change.table in source.tables]
        if not asked:
            return ()
        with self._store.snapshot() as tx:
            return [f"{one.name} {resource}" for one in asked for resource in one.concerned(tx, *change)]

    async def reconcile(self, key: str) -> Outcome:
        if key == PULSE:
            await self._read()
            with self._store.transaction() as tx:
                self._watched(tx, again=True)
            return Done("watching")
        name, _, resource = key.partition(" ")
        source = self._sources.get(name)
        if source is None:
            return Done("nobody says anything of it any more")
        with self._store.transaction() as tx:
            pulse = self._watched(tx)
            known = STRETCHES.where(tx, "resource", resource)
            said = source.billed(tx, resource)
            for one in meter.plan(known, said, source=name, pulse=pulse, now=self._clock.now()):
                STRETCHES.put(tx, one)
        return Done("metered")

    def _watched(self, tx: Transaction, *, again: bool = False) -> Pulse:
        """The pulse of this ground; on a new one, what was billed on the old one is over."""
        pulse = PULSES.get(tx, PULSE)
        same = pulse is not None and (pulse.ground, pulse.pace) == (self._metered.ground, self._clock.pace)
        if pulse is not None and same and not again:
            return pulse
        if pulse is not None and not same:
            for one in meter.lapsed(pulse, STRETCHES.where(tx, "open", "open")):
                STRETCHES.put(tx, one)
            for reading in READINGS.keys(tx):
                READINGS.forget(tx, reading)
        began = pulse.began if pulse is not None and same else self._metered.began
        at = self._clock.now() if again else began
        watched = Pulse(id=PULSE, ground=self._metered.ground, pace=self._clock.pace, began=began, at=at)
        PULSES.put(tx, watched)
        return watched

    async def _read(self) -> None:
        """Read what load balancers have carried, and count what is more than at the last reading."""
        for source in self._sources.values():
            found = list(await source.loads())
            with self._store.transaction() as tx:
                pulse = self._watched(tx)
                now = self._clock.now()
                for load in found:
                    # One that was never read on this ground has come since it was last watched.
                    last = READINGS.get(tx, loads.reading_id(load)) or Reading(id="", at=pulse.at)
                    for hour in loads.shares(load, last, now, self._clock.pace):
                        LOAD_HOURS.put(tx, loads.merged(LOAD_HOURS.get(tx, hour.id), hour))
                    READINGS.put(tx, loads.reading(load, now))
