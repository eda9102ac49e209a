"""Looking at the region: what is not told again is not gone, nobody waits for a page that does not read."""

import asyncio
import contextlib
import threading
import time

from botocore.exceptions import ClientError

from aftershock.console import watch as watch_module
from aftershock.console.api import Api, Unreachable
from aftershock.console.looks import LOOKS, Look
from aftershock.console.watch import BEHIND, CALM_S, Watch

from .seen import site

WITHIN_S = 20


def refusal(code="RequestLimitExceeded"):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Describe")


class World:
    """What a look sees, or the error that it meets."""

    def __init__(self):
        self.seen = site()
        self.errors = {}
        self.holds = {}  # by look: an event until which it gets no answer

    def look(self, name):
        def ask(*_):
            if name in self.holds:
                self.holds[name].wait(WITHIN_S)
            if name in self.errors:
                raise self.errors[name]
            return self.seen.get(name)

        return ask

    def watch(self, wall=time.time):
        looks = [Look(look.name, 0.05, self.look(look.name)) for look in LOOKS]
        return Watch(Api("http://127.0.0.1:9", lambda: ("a", "b")), pace=1.0, wall=wall, looks=looks)


def watching(scenario, wall=time.time):
    """Run a scenario with a watch that looks, and one open page."""

    async def run():
        world = World()
        watch = world.watch(wall)
        task = asyncio.create_task(watch.run())
        try:
            with watch.page() as page:
                async with asyncio.timeout(WITHIN_S):
                    await scenario(world, watch, page)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(run())


async def event_with(page, wanted):
    while not wanted(event := await page.events.get()):
        pass
    return event


def test_what_is_refused_once_is_not_gone():
    async def scenario(world, watch, page):
        await event_with(page, lambda event: any(key.startswith("instance:") for key in event.get("set", {})))
        world.errors["instances"] = refusal()
        world.errors["health"] = refusal("TargetGroupNotFound")
        event = await event_with(page, lambda event: event.get("set", {}).get("region:", {}).get("stale"))
        assert event["set"]["region:"]["stale"] == ["health", "instances"]
        assert not event["gone"] and "happened" not in event
        assert sum(key.startswith("instance:") for key in watch.picture) == 4
        world.errors.clear()
        await event_with(page, lambda event: event.get("set", {}).get("region:", {}).get("stale") == [])

    watching(scenario)


def test_a_service_that_the_region_does_not_have_is_no_error_of_the_picture():
    async def scenario(world, watch, page):
        world.errors["stacks"] = refusal("UnknownService")
        event = await event_with(page, lambda event: "region:" in event.get("set", {}))
        assert event["set"]["region:"]["stale"] == [] and event["set"]["region:"]["answers"]

    watching(scenario)


def test_while_nobody_answers_the_last_picture_stays_and_it_is_said():
    async def scenario(world, watch, page):
        await event_with(page, lambda event: any(key.startswith("instance:") for key in event.get("set", {})))
        world.errors = {look.name: Unreachable("gone") for look in LOOKS}
        event = await event_with(page, lambda event: event.get("set", {}).get("region:", {}).get("answers") is False)
        assert event["gone"] == [] and "happened" not in event
        world.errors = {}
        await event_with(page, lambda event: event.get("set", {}).get("region:", {}).get("answers") is True)

    watching(scenario)


def test_a_control_plane_that_is_asked_and_says_nothing_does_not_answer(monkeypatch):
    monkeypatch.setattr(watch_module, "SILENT_S", 0.1)
    monkeypatch.setattr(watch_module, "LISTEN_S", 0.02)

    async def scenario(world, watch, page):
        await event_with(page, lambda event: event.get("set", {}).get("region:"))
        speaks = threading.Event()
        world.holds["zones"] = speaks
        try:
            event = await event_with(page, lambda event: event.get("set", {}).get("region:"))
            assert event["set"]["region:"]["answers"] is False and event["gone"] == []
        finally:
            speaks.set()
        await event_with(page, lambda event: event.get("set", {}).get("region:", {}).get("answers") is True)

    watching(scenario)


def test_a_clock_that_goes_back_does_not_end_the_samples(monkeypatch):
    monkeypatch.setattr(watch_module, "SAMPLE_S", 0.2)
    times = [10_000.0]

    async def scenario(world, watch, page):
        await event_with(page, lambda event: "sample" in event)
        times[0] = 5_000.0
        world.seen = site(running=3)  # something to tell, and the same number again after that
        assert (await event_with(page, lambda event: event.get("sample", [0])[0] == 5_000.0))["sample"][1] in (3, 4)

    watching(scenario, wall=lambda: times[0])


def test_a_page_that_does_not_read_begins_anew_and_holds_nobody_up():
    async def scenario(world, watch, page):
        with watch.page() as slow:
            number = 0
            while not (slow.events.qsize() == 1 and number > BEHIND):
                number += 1
                world.seen = site(running=1 + number % 3)
                await event_with(
                    page,
                    lambda event: any(
                        key.startswith("instance:") for key in (*event.get("set", {}), *event.get("gone", ()))
                    ),
                )
            assert slow.events.get_nowait()["whole"]

    watching(scenario)


def test_facts_that_are_not_the_apis_are_shown_beside_its_own():
    async def scenario(world, watch, page):
        await event_with(page, lambda event: "region:" in event.get("set", {}))
        watch.tell({"run:1": {"now": "it begins"}}, calm=True)
        event = await event_with(page, lambda event: "run:1" in event.get("set", {}))
        assert event["set"] == {"run:1": {"now": "it begins"}}
        watch.tell({}, calm=False)
        event = await event_with(page, lambda event: event.get("gone"))
        assert event["gone"] == ["run:1"]
        assert "instance:i-00000000000000001" in watch.picture

    watching(scenario)


def test_what_was_told_before_anybody_looked_is_there_and_is_no_happening():
    watch = World().watch()
    watch.tell({"run:1": {"now": "it begins"}}, calm=False)

    async def run():
        task = asyncio.create_task(watch.run())
        with watch.page() as page:
            async with asyncio.timeout(WITHIN_S):
                first = await page.events.get()
                event = await event_with(page, lambda event: "region:" in event.get("set", {}))
        task.cancel()
        assert first["set"] == {"run:1": {"now": "it begins"}}
        assert "happened" not in event

    asyncio.run(run())


def test_it_looks_seldom_while_something_is_measured():
    watch = World().watch()
    watch._cold = False
    assert watch._rest_s(0.0, 0.0) < CALM_S
    watch.tell({}, calm=True)
    assert watch._rest_s(0.0, 0.0) == CALM_S
    watch.tell({}, calm=False)
    assert watch._rest_s(0.0, 0.0) < CALM_S
