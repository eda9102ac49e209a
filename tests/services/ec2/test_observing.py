"""Looks that are shared show each who asks what was there after they asked."""

import asyncio
from collections.abc import Collection, Mapping

from aftershock.services.ec2.controllers.observing import Glances


class Ground:
    """Counts what is done to each key, and how often it was looked at."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}
        self.looks: list[set[str]] = []
        self.may_end = asyncio.Event()

    async def look(self, keys: Collection[str]) -> Mapping[str, int]:
        self.looks.append(set(keys))
        seen = {key: self.done[key] for key in keys if key in self.done}
        await self.may_end.wait()
        return seen


def test_those_who_ask_while_a_look_is_under_way_share_the_next() -> None:
    async def run() -> None:
        ground = Ground()
        glances = Glances(ground.look)
        ground.done = {"a": 1, "b": 1}
        first = asyncio.create_task(glances.at("a"))
        await until(lambda: len(ground.looks) == 1)
        ground.done["a"] = 2
        later = [asyncio.create_task(glances.at(key)) for key in ("a", "b", "none")]
        await asyncio.sleep(0)
        ground.may_end.set()
        assert await first == 1
        assert await asyncio.gather(*later) == [2, 1, None]
        assert ground.looks == [{"a"}, {"a", "b", "none"}]

    asyncio.run(run())


def test_who_gives_up_takes_the_look_from_nobody_else() -> None:
    async def run() -> None:
        ground = Ground()
        glances = Glances(ground.look)
        ground.done = {"a": 1}
        impatient, patient = (asyncio.create_task(glances.at("a")) for _ in range(2))
        await until(lambda: len(ground.looks) == 1)
        impatient.cancel()
        ground.may_end.set()
        assert await patient == 1

    asyncio.run(run())


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)
