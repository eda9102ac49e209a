"""A driver that remembers a router's table knows no other than one that reads it afresh."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.network import Network, driver, router_netns, tables
from aftershock.engines.network.known import Generation, Known
from aftershock.engines.network.outside import Outside
from aftershock.engines.network.spec import GroupSpec, Members, Rule, port_device
from aftershock.engines.process import run

from .world import ALL, OUTSIDE_DEVICE, TCP, allow, sh


def looks(world):
    network = world.network
    ports = world.run(network.list_ports())
    return {
        "routers": set(world.run(network.list_routers())),
        "groups": set(world.run(network.list_groups())),
        "ports": set(ports),
        "one by one": {world.run(network.observe_ports([port.spec.name])) for port in ports},
    }


def afresh(world):
    remembering, world.network = world.network, Network(Outside(device=OUTSIDE_DEVICE))
    try:
        return looks(world)
    finally:
        world.network = remembering


def test_what_is_remembered_is_what_is_there(world):
    router = world.router()
    ports = {}

    def add(name, address, **more):
        ports[name] = world.machine(name, address, ["web"], **more)

    def stranger(*words):
        sh("nft", *words, netns=router_netns(router.name))

    other = Network(Outside(device=OUTSIDE_DEVICE))
    for act in (
        lambda: world.group("web", [ALL]),
        lambda: add("a", "10.0.1.10"),
        lambda: add("b", "10.0.1.11", public="198.18.7.7", internet=("0.0.0.0/1",)),
        lambda: world.group("web", [allow("web", TCP, 80)]),
        lambda: add("c", "10.0.1.12"),
        lambda: world.group("db", [ALL]),
        lambda: world.change(ports["c"], groups=("db",)),
        lambda: world.change(ports["c"], groups=(), internet=()),
        lambda: world.change(ports["c"], groups=("web", "unheard-of")),
        lambda: world.change(ports["c"], public="198.18.7.7"),  # b's until now
        lambda: world.run(other.remove_port(ports["a"].name)),
        lambda: add("d", "10.0.1.13"),
        lambda: stranger("delete element ip router addresses { 10.0.1.13 }"),
        lambda: stranger("add chain ip router group-more-in"),
        lambda: world.run(world.network.remove_port(ports["b"].name)),
        lambda: add("b", "10.0.1.11"),
        lambda: stranger("flush chain ip router group-web-in"),
    ):
        act()
        assert looks(world) == afresh(world)


def beside(port, n):
    """Another port of the segment, alike but for what tells ports apart."""
    return replace(
        port, name=f"{port.name}-{n}", netns=f"{port.netns}{n}", address=f"10.0.1.{n}", mac=f"02:00:00:00:00:{n:02x}"
    )


def test_many_ports_at_once_are_remembered_as_they_are(world):
    world.router()
    world.group("web", [ALL])
    first = world.machine("m0", "10.0.1.10", ["web"])
    specs = [beside(first, n) for n in range(20, 36)]

    async def make_and_look():
        async def one(spec):
            await world.network.ensure_port(spec)
            (seen,) = await world.network.observe_ports([spec.name])
            assert (seen.spec, seen.missing) == (spec, "")

        await world.network.list_ports()
        await asyncio.gather(*map(one, specs))
        await asyncio.gather(*(world.network.remove_port(spec.name) for spec in specs[::2]))
        return await world.network.list_ports()

    seen = world.run(make_and_look())
    assert {port.spec for port in seen} == {first, *specs[1::2]}
    assert looks(world) == afresh(world)


@pytest.fixture
def programs(monkeypatch):
    """How often each program was started, by its last two words."""
    programs = Counter()

    def counted(argv, **options):
        programs[" ".join(argv[-2:])] += 1
        return run(argv, **options)

    for module in (driver, tables):
        monkeypatch.setattr(module, "run", counted)
    return programs


def test_a_table_that_nobody_changed_is_read_once(world, programs):
    world.router()
    world.group("web", [ALL])
    world.run(world.network.list_ports())
    programs.clear()
    a = world.machine("a", "10.0.1.10", ["web"])
    for _ in range(3):
        assert len(world.run(world.network.list_ports())) == 1
    assert world.run(world.network.observe_port(a.name)).missing == ""
    world.run(world.network.remove_port(a.name))
    assert world.run(world.network.list_ports()) == ()
    assert programs["list ruleset"] == 0
    sh("nft", "add chain ip router stranger", netns=router_netns(a.router))
    world.run(world.network.list_ports())
    assert programs["list ruleset"] == 1


def test_groups_and_ports_that_come_and_go_at_once_are_known_without_a_look(world, programs):
    router = world.router()
    world.group("web", [ALL])
    first = world.machine("m0", "10.0.1.10", ["web"])
    groups = [
        GroupSpec(f"g{n}", router.name, (Rule(Members(f"g{n + 1}"), TCP, (80, 90)), allow("web", TCP, 22)), (ALL,))
        for n in range(12)
    ]
    ports = [beside(first, n) for n in range(20, 28)]
    network = world.network

    async def come_and_go():
        await network.list_ports()
        programs.clear()
        await asyncio.gather(*map(network.ensure_group, groups), *map(network.ensure_port, ports))
        assert {spec for spec in await network.list_groups() if spec.name != "web"} == set(groups)
        leave = [network.remove_group(router.name, spec.name) for spec in groups[::2]]
        await asyncio.gather(*leave, *(network.remove_port(spec.name) for spec in ports[::2]))
        assert programs["list ruleset"] == 0

    world.run(come_and_go())
    seen = looks(world)
    assert seen == afresh(world)
    assert {spec.name for spec in seen["groups"]} == {"web", *(spec.name for spec in groups[1::2])}


def test_a_router_made_anew_is_not_taken_for_the_one_before(world):
    spec = world.router()
    world.group("web", [ALL])
    world.machine("a", "10.0.1.10", ["web"])
    assert len(world.run(world.network.list_ports())) == 1
    sh("ip", "netns", "del", router_netns(spec.name))
    assert world.run(world.network.list_ports()) == ()
    world.router()
    assert looks(world) == afresh(world)


@pytest.mark.parametrize("asked", [1, 8])
def test_some_are_seen_as_all_are(world, asked):
    router = world.router()
    world.group("web", [ALL])
    ports = [world.machine(f"m{n}", f"10.0.1.{n}", ["web"], public=f"198.18.7.{n}") for n in range(10, 18)]
    sh("ip", "link", "del", port_device(ports[0].name), netns=router_netns(router.name))
    sh("ip", "neighbour", "del", ports[1].address, "dev", port_device(ports[1].name), netns=router_netns(router.name))
    sh("ip", "route", "del", f"{ports[2].public}/32")
    every = {port.spec.name: port for port in world.run(world.network.list_ports())}
    assert [bool(every[port.name].missing) for port in ports] == [True] * 3 + [False] * 5
    for at in range(0, len(ports), asked):
        names = [port.name for port in ports[at : at + asked]]
        assert world.run(world.network.observe_ports(names)) == tuple(every[name] for name in names)
    assert world.run(world.network.observe_ports(["nobody"])) == ()


@given(acts=st.lists(st.sampled_from(["ours", "a stranger's", "look"]), max_size=30))
def test_no_order_of_changes_passes_off_an_old_table_as_the_new_one(acts):
    """The table is here the list of all transactions so far."""
    kernel: list[str] = []
    known = Known((), Generation(7, 0), 0.0)
    for number, act in enumerate(acts):
        if act == "look":
            expected, seen = known.expected(), Generation(7, len(kernel))
            if seen == expected:
                assert known.at(expected) == tuple(kernel)
            else:
                known = Known(tuple(kernel), seen, 0.0)
        else:
            kernel.append(f"{act} {number}")
            if act == "ours":
                known.ours.append(lambda table, made=kernel[-1]: (*table, made))
