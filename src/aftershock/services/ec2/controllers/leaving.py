"""How many machines shut down at once.

All of them share the host.  Told at once, hundreds would all be shutting down until the last second and then be gone
together; so one goes after another, and each is gone as soon as it would be by itself.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

AT_ONCE = 8 + 4 * (os.cpu_count() or 1)
# A system with nothing to wait for is down within a second.  What takes longer waits for something of its own, and
# costs nobody anything meanwhile: the next need not wait for it.
UNHURRIED_S = 2.0


class Leaving:
    """A place for each who leaves: to be had in the order in which it was asked for, and kept for a while at most."""

    def __init__(self, at_once: int = AT_ONCE, unhurried_s: float = UNHURRIED_S) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._unhurried_s = unhurried_s

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        await self._places.acquire()
        with ExitStack() as place:
            place.callback(self._places.release)
            passed_on = asyncio.get_running_loop().call_later(self._unhurried_s, place.close)
            place.callback(passed_on.cancel)
            yield
