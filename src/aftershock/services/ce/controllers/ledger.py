"""Keeps the ledger small: puts old usage together, and forgets what nobody can ask for any more.

No bill is another one for it.  What is put together in one go is a transaction of its own: killed anywhere, the rest is
done by whoever comes next.
"""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from aftershock.clock import Clock
from aftershock.control import SeldomController, forget
from aftershock.services.ce.outside import Metered, Reservations
from aftershock.services.ce.records import LOAD_HOURS, PULSES, READINGS, STRETCHES
from aftershock.services.ce.rules import condense
from aftershock.services.ce.rules.condense import Condensed
from aftershock.store import Store, Table

from .meter import PULSE

R = TypeVar("R", bound=Struct)


class LedgerController(SeldomController):
    """After a start the meter first makes up for what it missed."""

    def __init__(self, store: Store, clock: Clock, metered: Metered, reservations: Reservations) -> None:
        super().__init__("ce.ledger", self.tidy)
        self._store, self._clock, self._metered, self._reservations = store, clock, metered, reservations

    async def tidy(self) -> str:
        """What was done, in one sentence."""
        now = self._clock.now()
        with self._store.snapshot() as tx:
            pulse = PULSES.get(tx, PULSE)
            if pulse is None:
                return "nothing was metered yet"
            stretches, hours, readings = STRETCHES.every(tx), LOAD_HOURS.every(tx), READINGS.every(tx)
            there = {(source.name, one) for source in self._metered.sources for one in source.resources(tx)}
            accounts = {one.account for one in stretches}
            reservations = {account: list(self._reservations(tx, account)) for account in accounts}
        gone = condense.gone(readings, pulse.at)
        read_until = min([pulse.at, *(one.at for one in readings if one.id not in gone)])
        # Of a great ledger this takes its time, in which others are to have their turn.
        old, old_hours = await asyncio.to_thread(condense.outlived, stretches, there, hours, now)
        await forget(self._store, STRETCHES, sorted(old))
        await forget(self._store, LOAD_HOURS, sorted(old_hours))
        await forget(self._store, READINGS, sorted(gone))
        stretches = [one for one in stretches if one.id not in old]
        hours = [one for one in hours if one.id not in old_hours]
        await self._replace(STRETCHES, await asyncio.to_thread(condense.stretches, stretches, there, reservations, now))
        await self._replace(LOAD_HOURS, await asyncio.to_thread(condense.load_hours, hours, read_until, now))
        return "old usage was put together"

    async def _replace(self, table: Table[R], decided: Sequence[Condensed[R]]) -> None:
        for one in decided:
            with self._store.transaction() as tx:
                # None of it changes any more; but the account may have been emptied since.
                if one.forget and all(table.get(tx, key) is not None for key in one.forget):
                    for key in one.forget:
                        table.forget(tx, key)
                    for record in one.put:
                        table.put(tx, record)
            await asyncio.sleep(0)
