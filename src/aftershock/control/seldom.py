"""What need not be done at every look, since every look at it reads whole tables."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aftershock.store import Change

from .loop import Done, Outcome

EVERY_S = 600.0


class SeldomController:
    """One key, looked at as often as the loop looks at everything, and acted on every `EVERY_S`.

    Not at once after a start: who waited for something while nothing ran is to see first what became of it.
    """

    def __init__(self, kind: str, act: Callable[[], Awaitable[str]]) -> None:
        """`act` says in one sentence what it has done."""
        self.kind, self._act = kind, act
        self._last: float | None = None  # by the event loop's clock

    async def keys(self) -> set[str]:
        return {self.kind}

    def concerned(self, change: Change) -> Iterable[str]:
        return ()

    async def reconcile(self, key: str) -> Outcome:
        now = asyncio.get_running_loop().time()
        if self._last is not None and now < self._last + EVERY_S:
            return Done("it is done now and then")
        first, self._last = self._last is None, now
        return Done("it is done now and then" if first else await self._act())
