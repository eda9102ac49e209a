"""Keys are looked at once per wake-up, one at a time, and again after a failure."""

import asyncio

import pytest

from aftershock.control import Again, Done, Loop
from aftershock.store import Change


class Scripted:
    """A controller whose every look is decided by the test."""

    kind = "test"

    def __init__(self, outcomes, keys=()):
        self.outcomes, self.looked, self.at_once, self.most_at_once = list(outcomes), [], 0, 0
        self._keys = set(keys)

    async def keys(self):
        return self._keys

    def concerned(self, change):
        return [change.key] if change.table == "thing" else []

    async def reconcile(self, key):
        self.looked.append(key)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        outcome = self.outcomes.pop(0) if self.outcomes else Done("as wanted")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def drive(controller, act, *, until, resync_s=3600.0):
    async def main():
        loop = Loop(controller, resync_s=resync_s)
        task = asyncio.create_task(loop.run())
        await asyncio.sleep(0)
        act(loop)
        async with asyncio.timeout(5):
            while not until(loop):
                await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return loop

    return asyncio.run(main())


def test_a_change_wakes_the_keys_that_it_concerns_and_no_other():
    controller = Scripted([])
    changes = frozenset({Change("thing", "a"), Change("other", "b")})
    drive(controller, lambda loop: loop.changed(changes), until=lambda loop: controller.looked and loop.idle)
    assert controller.looked == ["a"]


def test_everything_is_looked_at_when_the_loop_begins_and_at_every_resync():
    controller = Scripted([], keys={"a", "b"})
    drive(controller, lambda loop: None, until=lambda loop: len(controller.looked) >= 6, resync_s=0.01)
    assert controller.looked[:4] == ["a", "b", "a", "b"]


def test_while_very_many_keys_are_woken_others_have_their_turn():
    keys = {f"{number:05}" for number in range(2000)}
    controller, turns = Scripted([], keys=keys), []

    async def main():
        loop = Loop(controller)

        async def somebody_else():
            while len(turns) < 5:
                turns.append(len(loop.due()))
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(loop.run())
            tasks.create_task(somebody_else())
            async with asyncio.timeout(30):
                while len(controller.looked) < len(keys):
                    await asyncio.sleep(0.005)
            running.cancel()

    asyncio.run(main())
    assert set(controller.looked) == keys
    assert max(turns) < len(keys)


def test_one_key_is_never_looked_at_by_two():
    controller = Scripted([])

    def act(loop):
        for _ in range(5):
            loop.wake("test", "a")

    drive(controller, act, until=lambda loop: controller.looked and loop.idle)
    assert controller.most_at_once == 1
    assert len(controller.looked) == 1


def test_a_key_woken_while_it_is_looked_at_is_looked_at_once_more():
    controller = Scripted([])
    seen = controller.reconcile

    async def woken_meanwhile(key):
        if len(controller.looked) == 0:
            running.wake("test", key)
            running.wake("test", key)
        return await seen(key)

    controller.reconcile = woken_meanwhile
    running = None

    def act(loop):
        nonlocal running
        running = loop
        loop.wake("test", "a")

    drive(controller, act, until=lambda loop: len(controller.looked) >= 2 and loop.idle)
    assert controller.looked == ["a", "a"]


@pytest.mark.parametrize("first", [Again("waiting", after_s=0.01), RuntimeError("broken")])
def test_it_looks_again_when_asked_to_and_after_a_failure(first):
    controller = Scripted([first])
    loop = drive(
        controller, lambda loop: loop.wake("test", "a"), until=lambda loop: len(controller.looked) >= 2 and loop.idle
    )
    assert controller.looked == ["a", "a"]
    assert loop.reasons == {("test", "a"): "as wanted"}


def test_what_is_not_settled_is_told_with_its_reason():
    controller = Scripted([Again("waiting for the disk", after_s=100)])
    loop = drive(controller, lambda loop: loop.wake("test", "a"), until=lambda loop: controller.looked and loop.idle)
    assert loop.due() == {("test", "a"): "waiting for the disk"}


def test_a_failing_key_does_not_keep_others_from_being_looked_at():
    controller = Scripted([RuntimeError("broken")] * 3, keys=set())

    def act(loop):
        loop.wake("test", "a")

    drive(controller, act, until=lambda loop: len(controller.looked) >= 2)
    second = Scripted([])
    drive(second, lambda loop: [loop.wake("test", key) for key in "xyz"], until=lambda loop: len(second.looked) == 3)
    assert sorted(second.looked) == ["x", "y", "z"]


def test_the_reasons_of_what_is_no_more_are_not_remembered():
    controller = Scripted([], keys={"a", "b"})

    def until(loop):
        if len(loop.reasons) == 2:
            controller._keys = {"b"}
        return set(loop.reasons) == {("test", "b")}

    drive(controller, lambda loop: None, until=until, resync_s=0.01)
