"""One look at the ground for everybody who asks while it is taken, or soon after."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

RECENT_S = 1.0  # a look at everything, as every resync begins with, serves all keys that it wakes


class Looks(Generic[T]):
    """A listing that costs as much for one thing as for all."""

    def __init__(self, look: Callable[[], Awaitable[Mapping[str, T]]]) -> None:
        self._look = look
        self._next: asyncio.Task[Mapping[str, T]] | None = None
        self._looking = asyncio.Lock()
        self._last: tuple[float, Mapping[str, T]] | None = None  # when it began, and what it showed
        self._acted = 0

    async def now(self) -> Mapping[str, T]:
        """A listing that began after this call, and so shows what the caller did before it.

        All who call while one is under way share the next.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after_the_one_under_way(), name="look at the network")
        return await asyncio.shield(self._next)

    async def recent(self) -> Mapping[str, T]:
        """A listing that is no older than `RECENT_S`, and than whatever was done by ourselves."""
        last = self.last()
        return await self.now() if last is None else last

    def last(self) -> Mapping[str, T] | None:
        """What `recent` has without looking."""
        if self._last is not None and asyncio.get_running_loop().time() - self._last[0] <= RECENT_S:
            return self._last[1]
        return None

    def acted(self) -> None:
        """Something was done, perhaps not to its end: what was seen before it is no more to be gone by."""
        self._acted += 1
        self._last = None

    async def _after_the_one_under_way(self) -> Mapping[str, T]:
        async with self._looking:
            self._next = None  # who calls from here on may have done something that this look misses
            began, acted = asyncio.get_running_loop().time(), self._acted
            found = await self._look()
            if acted == self._acted:
                self._last = (began, found)
            return found


class Glances(Generic[T]):
    """Looks at some, which cost as much as there are of these."""

    def __init__(self, look: Callable[[Collection[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._look = look
        self._next: tuple[set[str], asyncio.Task[Mapping[str, T]]] | None = None
        self._looking = asyncio.Lock()

    async def at(self, key: str) -> T | None:
        """What is there under the key, seen by a look that began after this call.

        All that are asked for while one is under way share the next.
        """
        if self._next is None:
            wanted: set[str] = set()
            self._next = wanted, asyncio.create_task(self._after_the_one_under_way(wanted), name="look at some")
        wanted, look = self._next
        wanted.add(key)
        return (await asyncio.shield(look)).get(key)

    async def _after_the_one_under_way(self, wanted: Collection[str]) -> Mapping[str, T]:
        async with self._looking:
            self._next = None  # who calls from here on may have done something that this look misses
            return await self._look(wanted)
