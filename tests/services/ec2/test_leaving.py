"""Machines that shut down: so many at once, the first who asked first, and nobody waits for who takes his time."""

import asyncio

from aftershock.services.ec2.controllers.leaving import Leaving


def leaving(at_once: int, unhurried_s: float) -> tuple[Leaving, list[str], dict[str, asyncio.Event]]:
    return Leaving(at_once, unhurried_s), [], {name: asyncio.Event() for name in "abcd"}


async def until(wanted: list[str], begun: list[str]) -> None:
    async with asyncio.timeout(10):
        while begun != wanted:
            await asyncio.sleep(0.001)


def test_who_is_down_makes_room_for_who_asked_next() -> None:
    async def main() -> None:
        places, begun, down = leaving(2, 3600.0)

        async def leave(name: str) -> None:
            async with places.place():
                begun.append(name)
                await down[name].wait()

        async with asyncio.TaskGroup() as tasks:
            under_way = {name: tasks.create_task(leave(name)) for name in "abcd"}
            await until(["a", "b"], begun)
            down["b"].set()
            await until(["a", "b", "c"], begun)
            under_way["a"].cancel()  # as one that is switched off instead
            await until(["a", "b", "c", "d"], begun)
            for one in down.values():
                one.set()

    asyncio.run(main())


def test_who_takes_his_time_keeps_nobody_waiting() -> None:
    async def main() -> None:
        places, begun, down = leaving(1, 0.01)

        async def leave(name: str) -> None:
            async with places.place():
                begun.append(name)
                await down[name].wait()

        async with asyncio.TaskGroup() as tasks:
            for name in "ab":
                tasks.create_task(leave(name))
            await until(["a", "b"], begun)
            for one in down.values():
                one.set()

    asyncio.run(main())
