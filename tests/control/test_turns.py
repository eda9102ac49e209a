"""Of those who wait each kind has its share, and no turn is lost."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from aftershock.control.turns import Turns


def order(kinds: list[str], at_once: int = 1) -> list[str]:
    """In which order they come to their turns, if all of them ask at the same time."""
    found: list[str] = []

    async def one(turns: Turns, kind: str) -> None:
        async with turns.of(kind):
            found.append(kind)
            await asyncio.sleep(0)

    async def every() -> None:
        turns = Turns(at_once)
        async with asyncio.TaskGroup() as group:
            for kind in kinds:
                group.create_task(one(turns, kind))

    asyncio.run(every())
    return found


def test_one_of_another_kind_does_not_wait_for_all_of_the_first() -> None:
    assert order(["many"] * 100 + ["one"]).index("one") <= 2


def test_many_that_take_long_leave_as_much_time_to_many_that_do_not() -> None:
    """A look at a hundred quick ones is not to take as long as one at a hundred slow ones."""
    finished: list[str] = []

    async def one(turns: Turns, kind: str, looks: int) -> None:
        async with turns.of(kind):
            for _ in range(looks):
                await asyncio.sleep(0.001)
        finished.append(kind)

    async def every() -> None:
        turns = Turns(1)
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(one(turns, "slow", 20))
            for _ in range(20):
                group.create_task(one(turns, "quick", 1))

    asyncio.run(every())
    last_quick = max(number for number, kind in enumerate(finished) if kind == "quick")
    assert finished[:last_quick].count("slow") < 10


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 4))
def test_everybody_comes_to_a_turn(kinds: list[str], at_once: int) -> None:
    assert sorted(order(kinds, at_once)) == sorted(kinds)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), min_size=1, max_size=12), st.integers(1, 3))
def test_no_more_than_allowed_are_at_it_and_who_is_cancelled_keeps_no_turn(
    asked: list[tuple[str, bool]], at_once: int
) -> None:
    inside, most = 0, 0

    async def one(turns: Turns, kind: str) -> None:
        nonlocal inside, most
        async with turns.of(kind):
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            finally:
                inside -= 1

    async def every() -> None:
        turns = Turns(at_once)
        tasks = [asyncio.create_task(one(turns, kind)) for kind, _ in asked]
        for task, (_, cancelled) in zip(tasks, asked, strict=True):
            await asyncio.sleep(0)
            if cancelled:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for _ in range(at_once + 1):
                group.create_task(one(turns, "c"))

    asyncio.run(every())
    assert inside == 0
    assert most <= at_once
