"""Forgets the records that are kept for a time only."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from aftershock.store import Change, Store, Table, Transaction

from .loop import Done, Outcome

EVERY_S = 600.0  # every look reads whole tables
AT_ONCE = 200  # records in one transaction; in between others have their turn

Outlived = Callable[[Transaction, datetime], Iterable[str]]
"""The keys of what need not be known any more, at a moment; it may note down what it saw.  What it names has to stay
so, for it is forgotten a little later."""


class ForgettingController:
    """One key, looked at as often as the loop looks at everything, and acted on every `EVERY_S`.

    Not at once after a start: who waited for something while nothing ran is to see first what became of it.
    """

    def __init__(
        self, kind: str, store: Store, now: Callable[[], datetime], outlived: Mapping[Table[Any], Outlived]
    ) -> None:
        self.kind, self._store, self._now, self._outlived = kind, store, now, outlived
        self._looked_at: float | None = None  # by the event loop's clock

    async def keys(self) -> set[str]:
        return {self.kind}

    def concerned(self, change: Change) -> Iterable[str]:
        return ()

    async def reconcile(self, key: str) -> Outcome:
        now = asyncio.get_running_loop().time()
        if self._looked_at is None or now < self._looked_at + EVERY_S:
            self._looked_at = now if self._looked_at is None else self._looked_at
            return Done("old records are forgotten now and then")
        self._looked_at = now
        forgotten = [await self._forget(table, outlived) for table, outlived in self._outlived.items()]
        return Done("old records are forgotten now and then" if not any(forgotten) else f"{sum(forgotten)} forgotten")

    async def _forget(self, table: Table[Any], outlived: Outlived) -> int:
        with self._store.transaction() as tx:
            old = list(outlived(tx, self._now()))
        for first in range(0, len(old), AT_ONCE):
            with self._store.transaction() as tx:
                for key in old[first : first + AT_ONCE]:
                    table.forget(tx, key)
            await asyncio.sleep(0)
        return len(old)
