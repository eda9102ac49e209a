"""Forgets the records that are kept for a time only."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aftershock.store import Change, Store, Table, Transaction

from .loop import Done, Outcome

EVERY_S = 600.0  # every look reads whole tables
AT_ONCE = 200  # records in one transaction

Outlived = Callable[[Transaction, datetime], Iterable[str]]
"""The keys of what need not be known any more, at a moment; it may note down what it saw.  What it names has to stay
so, for it is forgotten a little later."""


class Seldom:
    """Tells a controller that is looked at far more often when it is time to act.

    Not at once after a start: who waited for something while nothing ran is to see first what became of it.
    """

    def __init__(self) -> None:
        self._last: float | None = None  # by the event loop's clock

    def is_due(self) -> bool:
        """Whether `EVERY_S` are over since it was last, or since this was first asked."""
        now = asyncio.get_running_loop().time()
        if self._last is not None and now < self._last + EVERY_S:
            return False
        first, self._last = self._last is None, now
        return not first


async def forget(store: Store, table: Table[Any], keys: Sequence[str]) -> None:
    """A few of the records in one transaction; in between others have their turn."""
    for first in range(0, len(keys), AT_ONCE):
        with store.transaction() as tx:
            for key in keys[first : first + AT_ONCE]:
                table.forget(tx, key)
        await asyncio.sleep(0)


class ForgettingController:
    """One key, looked at as often as the loop looks at everything, and acted on every `EVERY_S`."""

    def __init__(
        self, kind: str, store: Store, now: Callable[[], datetime], outlived: Mapping[Table[Any], Outlived]
    ) -> None:
        self.kind, self._store, self._now, self._outlived = kind, store, now, outlived
        self._seldom = Seldom()

    async def keys(self) -> set[str]:
        return {self.kind}

    def concerned(self, change: Change) -> Iterable[str]:
        return ()

    async def reconcile(self, key: str) -> Outcome:
        if not self._seldom.is_due():
            return Done("old records are forgotten now and then")
        forgotten = [await self._forget(table, outlived) for table, outlived in self._outlived.items()]
        return Done(f"{sum(forgotten)} forgotten")

    async def _forget(self, table: Table[Any], outlived: Outlived) -> int:
        with self._store.transaction() as tx:
            old = list(outlived(tx, self._now()))
        await forget(self._store, table, old)
        return len(old)
