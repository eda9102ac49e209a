"""The routers' tables: changed in transactions, and read again only if it is not certain how they are (`known`)."""

import asyncio
import time
from collections import defaultdict

from aftershock.engines.process import run

from . import known, table
from .inside import NETNS, call_inside
from .known import Known
from .spec import router_netns

COMMAND_S = 20.0  # a loaded machine takes its time; none of these waits for anything but the kernel
READ_AGAIN_S = 60.0  # so long a table that was read counts at most, whatever the kernel says of it


class Tables:
    """Many transactions of one router may be under way at once, and none while its table is read."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}  # by router
        self._under_way: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._reading: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, router: str) -> table.Table | None:
        """The table as it is, all that was done before this call included; None if the router has none."""
        if found := await self._same(router):
            return found
        async with self._reading[router]:
            if found := await self._same(router):
                return found  # somebody else has just read it
            await _all_of(self._under_way[router])
            return await self._read(router)

    async def transact(self, router: str, text: str, change: known.Change | None = None) -> None:
        """All of the text, or nothing and an error.  `change` says what it makes of the table, where that is known."""
        while self._reading[router].locked():
            async with self._reading[router]:
                pass
        before, over = self._known.get(router), asyncio.Event()
        self._under_way[router].add(over)
        try:
            await nft_in(router_netns(router), text)
            if change is not None and before is not None and self._known.get(router) is before:
                before.ours.append(change)
            else:
                self._known.pop(router, None)
        finally:
            self._under_way[router].discard(over)
            over.set()

    def forget(self, router: str) -> None:
        self._known.pop(router, None)

    async def _same(self, router: str) -> table.Table | None:
        """What was read and what we have made of it since, if that is what the kernel has."""
        before = self._known.get(router)
        if before is None or time.monotonic() > before.read_at + READ_AGAIN_S:
            return None
        least = before.expected()
        seen = await _generation(router)
        if seen == least:
            return before.at(least)
        # What is more than we know of may be ours, and not told yet.  Once that is, as many of ours as the kernel
        # has counted are in what is known.  A stranger's among them would still be too many at the next look.
        await _all_of(self._under_way[router])
        most = before.expected()
        if seen is None or self._known.get(router) is not before or seen.namespace != most.namespace:
            return None
        return before.at(most) if least.number <= seen.number <= most.number else None

    async def _read(self, router: str) -> table.Table | None:
        self._known.pop(router, None)
        began, generation = time.monotonic(), await _generation(router)
        # All tables, of which there is at most the one; to name one that is not there would be an error.
        argv = ["nsenter", f"--net={NETNS / router_netns(router)}", "nft", "--json", "--numeric", "list", "ruleset"]
        found = table.parse(router, (), await run(argv, timeout_s=COMMAND_S))
        if found and generation and await _generation(router) == generation:
            self._known[router] = Known(found, generation, began)
        return found


async def nft_in(netns: str, text: str) -> None:
    """One transaction in a namespace: all of it, or nothing and an error."""
    await run(["nsenter", f"--net={NETNS / netns}", "nft", "-f", "-"], stdin=text, timeout_s=COMMAND_S)


async def _all_of(under_way: set[asyncio.Event]) -> None:
    """Those that are under way now; not those that begin meanwhile."""
    for over in tuple(under_way):
        await over.wait()


async def _generation(router: str) -> known.Generation | None:
    return await call_inside(router_netns(router), known.generation)
