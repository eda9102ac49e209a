"""Forgets the records that are kept for a time only."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aftershock.store import Store, Table, Transaction

from .seldom import SeldomController

AT_ONCE = 200  # records in one transaction

Outlived = Callable[[Transaction, datetime], Iterable[str]]
"""The keys of what need not be known any more, at a moment; it may note down what it saw.  What it names has to stay
so, for it is forgotten a little later."""


async def forget(store: Store, table: Table[Any], keys: Sequence[str]) -> None:
    """A few of the records in one transaction; in between others have their turn."""
    for first in range(0, len(keys), AT_ONCE):
        with store.transaction() as tx:
            for key in keys[first : first + AT_ONCE]:
                table.forget(tx, key)
        await asyncio.sleep(0)


class ForgettingController(SeldomController):
    """Forgets of each table what has outlived itself."""

    def __init__(
        self, kind: str, store: Store, now: Callable[[], datetime], outlived: Mapping[Table[Any], Outlived]
    ) -> None:
        super().__init__(kind, self._forget_all)
        self._store, self._now, self._outlived = store, now, outlived

    async def _forget_all(self) -> str:
        forgotten = [await self._forget(table, outlived) for table, outlived in self._outlived.items()]
        return f"{sum(forgotten)} forgotten"

    async def _forget(self, table: Table[Any], outlived: Outlived) -> int:
        with self._store.transaction() as tx:
            old = list(outlived(tx, self._now()))
        await forget(self._store, table, old)
        return len(old)
