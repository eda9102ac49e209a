"""Work beside the loop: one task for each key, and nothing of what became of it is lost."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from aftershock.control import UnderWay


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_there_is_one_task_for_a_key_and_whoever_waits_is_told_of_its_end() -> None:
    async def scenario() -> None:
        ended, begun, go = asyncio.Queue[str](), [], asyncio.Event()

        async def work() -> None:
            begun.append("a")
            await go.wait()

        under_way = UnderWay(ended.put_nowait)
        for _ in range(3):
            under_way.begin("a", work, "work on")
        assert "a" in under_way
        assert "b" not in under_way
        go.set()
        assert await ended.get() == "a"
        assert "a" not in under_way
        assert begun == ["a"]
        under_way.raise_failure("a")
        under_way.begin("a", work, "work on")
        await ended.get()
        assert begun == ["a", "a"]

    run(scenario())


def test_a_failure_is_raised_once_to_whoever_asks() -> None:
    async def scenario() -> None:
        ended = asyncio.Queue[str]()

        async def work() -> None:
            raise ValueError("it did not work")

        under_way = UnderWay(ended.put_nowait)
        under_way.begin("a", work, "work on")
        await ended.get()
        with pytest.raises(ValueError, match="it did not work"):
            under_way.raise_failure("a")
        under_way.raise_failure("a")

    run(scenario())


def test_closing_ends_what_is_under_way_and_wakes_nobody() -> None:
    async def scenario() -> None:
        ended: list[str] = []
        under_way = UnderWay(ended.append)
        under_way.begin("a", asyncio.Event().wait, "wait for")  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await under_way.close()
        assert "a" not in under_way
        assert ended == []

    run(scenario())
