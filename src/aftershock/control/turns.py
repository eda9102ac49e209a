"""Who goes next: so many at once, and of those who wait the kind that has had the least time."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """However many of one kind wait, and however long each of them takes, another kind gets as much time as that."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        # The time that each kind has had, in seconds; who has not waited for a while is owed nothing for that.
        self._had_s: dict[str, float] = {}
        self._level_s = 0.0

    @asynccontextmanager
    async def of(self, kind: str) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            await self._turn(kind)
        began = time.monotonic()
        try:
            yield
        finally:
            self._had_s[kind] = max(self._had_s.get(kind, 0.0), self._level_s) + time.monotonic() - began
            self._pass_on()

    async def _turn(self, kind: str) -> None:
        given = asyncio.get_running_loop().create_future()
        if kind not in self._waiting:
            self._waiting[kind] = deque()
            self._had_s[kind] = max(self._had_s.get(kind, 0.0), self._level_s)
        self._waiting[kind].append(given)
        try:
            await given
        except asyncio.CancelledError:
            if not given.cancelled():  # it was given, and nobody is there to take it any more
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            kind = min(self._waiting, key=lambda one: self._had_s[one])
            self._level_s = max(self._level_s, self._had_s[kind])
            queue = self._waiting[kind]
            given = queue.popleft()
            if not queue:
                del self._waiting[kind]
            if not given.cancelled():
                given.set_result(None)
                return
        self._free += 1
