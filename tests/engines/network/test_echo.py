"""Pings of many machines at once, over one socket in each router."""

import asyncio

from aftershock.engines.errors import EngineError
from aftershock.engines.network import echo, router_netns

from .world import sh


def test_pings_of_one_router_share_a_socket_and_none_is_answered_for_another(world, monkeypatch):
    made, real = [], echo.open_in
    monkeypatch.setattr(echo, "open_in", lambda *words, **more: (made.append(words), real(*words, **more))[1])
    router = world.router()
    there = [world.machine(f"m{n}", f"10.0.1.{n}", []).address for n in range(10, 14)]
    nobody = [f"10.0.1.{n}" for n in range(100, 104)]

    async def all_at_once():
        async def ping(address):
            # Who is there has time on a loaded machine; of who is not, the time is up.
            return await world.network.ping(router.name, address, 20.0 if address in there else 0.3)

        for _ in range(2):
            assert await asyncio.gather(*map(ping, [*there, *nobody])) == [True] * 4 + [False] * 4

    world.run(all_at_once())
    assert len(made) == 1


def test_machines_of_a_router_made_anew_are_pinged_there(world):
    router = world.router()
    a = world.machine("a", "10.0.1.10", [])

    async def twice():
        assert await world.network.ping(router.name, a.address, 20.0)
        await asyncio.to_thread(sh, "ip", "netns", "del", router_netns(router.name))
        await world.network.ensure_router(router)
        async with asyncio.timeout(20):
            while True:  # the kernel takes the namespace before, and the wires in it, away when it finds the time
                try:
                    await world.network.ensure_port(a)
                    break
                except EngineError:
                    await asyncio.sleep(0.05)
        assert await world.network.ping(router.name, a.address, 20.0)

    world.run(twice())


def test_an_idle_socket_is_closed_and_made_again(world, monkeypatch):
    monkeypatch.setattr(echo, "_IDLE_S", 0.0)
    router = world.router()
    a = world.machine("a", "10.0.1.10", [])

    async def with_a_rest():
        echoes = echo.Echoes()
        assert await echoes.ping(router_netns(router.name), a.address, 20.0)
        async with asyncio.timeout(20):
            while echoes._open:
                await asyncio.sleep(0)
        assert await echoes.ping(router_netns(router.name), a.address, 20.0)
        echoes.close()

    world.run(with_a_rest())
