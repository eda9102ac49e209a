"""What the driver makes, reads back, takes away, and finishes after it was stopped half way."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.engines.errors import EngineError
from aftershock.engines.network import (
    Cidr,
    GroupSpec,
    Members,
    Network,
    PortSpec,
    RouterSpec,
    Rule,
    driver,
    open_in,
    router_netns,
    tables,
)
from aftershock.engines.network.outside import Outside
from aftershock.engines.network.spec import router_device
from aftershock.engines.process import run
from tests.conftest import eventually

from .world import ALL, ANY, OUTSIDE_DEVICE, TCP, World, allow, sh

PUBLIC = "198.18.7.7"


class Killed(Exception):
    pass


def test_what_was_ensured_is_what_is_listed(world):
    routers = [world.router("one"), world.router("two", "172.31.0.0/16", attached=False)]
    groups = [
        world.group("web", [allow(ANY, TCP, 80), allow("db", TCP, 3306)], router="one"),
        world.group("db", [allow("web", TCP, 3306)], egress=[], router="one"),
        world.group("web", [ALL], router="two"),
    ]
    ports = [
        world.machine("a", "10.0.1.10", ["web", "db"], router="one", public="198.18.0.10"),
        world.machine("b", "10.0.1.11", ["db"], router="one", zone="zone-b", internet=()),
        world.machine("c", "172.31.1.11", ["web"], router="two", internet=("8.0.0.0/8", "9.0.0.0/8", "10.0.0.0/8")),
    ]
    other = another()
    assert set(world.run(other.list_routers())) == set(routers)
    assert set(world.run(other.list_groups())) == set(groups)
    seen = world.run(other.list_ports())
    assert {port.spec for port in seen} == set(ports)
    assert {port.missing for port in seen} == {""}
    for port in ports:
        assert world.run(other.observe_port(port.name)).spec == port
        assert world.run(other.observe_port(port.name)).missing == ""
    assert world.run(other.observe_port("nobody")) is None


def test_everything_may_be_done_twice(world):
    before = kernel(world)
    for _ in range(2):
        world.router()
        world.group("web", [allow(ANY, TCP, 80)])
        port = world.machine("a", "10.0.1.10", ["web"], public=PUBLIC)
        made = kernel(world)
    world.router()
    world.machine("a", "10.0.1.10", ["web"], public=PUBLIC)
    assert kernel(world) == made
    for _ in range(2):
        world.run(world.network.remove_port(port.name))
        world.run(world.network.remove_group(port.router, "web"))
    for _ in range(2):
        world.run(world.network.remove_router(port.router))
    eventually(lambda: _same(kernel(world), before | {"rules": kernel(world)["rules"]}))


def test_a_removed_port_leaves_nothing_in_its_router(world):
    router = world.router()
    world.group("web", [allow(ANY, TCP, 80)])
    world.machine("stays", "10.0.1.11", ["web"], public="198.18.0.9")
    before = kernel(world, router.name)
    port = world.machine("a", "10.0.1.10", ["web"], public=PUBLIC)
    assert kernel(world, router.name) != before
    world.run(world.network.remove_port(port.name))
    eventually(lambda: _same(kernel(world, router.name), before))


def test_a_removed_group_leaves_nothing_once_nobody_mentions_it(world):
    router = world.router()
    before = kernel(world, router.name)
    world.group("web", [allow("other", TCP, 80)])
    world.group("other", [allow("web", TCP, 80)])
    world.run(world.network.remove_group(router.name, "other"))
    assert [g.name for g in world.run(world.network.list_groups()) if g.router == router.name] == ["web"]
    world.run(world.network.remove_group(router.name, "web"))
    assert kernel(world, router.name) == before


def test_a_group_that_a_port_carries_is_not_removed(world):
    router = world.router()
    group = world.group("web", [allow(ANY, TCP, 80)])
    world.machine("a", "10.0.1.10", ["web"])
    with pytest.raises(EngineError):
        world.run(world.network.remove_group(router.name, "web"))
    assert group in world.run(world.network.list_groups())


def test_a_router_with_ports_is_not_removed(world):
    router = world.router()
    port = world.machine("a", "10.0.1.10", [])
    with pytest.raises(EngineError, match=port.name):
        world.run(world.network.remove_router(router.name))


def test_a_socket_left_in_a_router_does_not_keep_its_uplink(world):
    router = world.router()
    with open_in(router_netns(router.name)):
        world.run(world.network.remove_router(router.name))
        assert router_device(router.name) not in sh("ip", "link")
        assert router in [world.router()]
        assert router in world.run(world.network.list_routers())


def test_the_networks_behind_a_router_may_change(world):
    router = world.router()
    wider = RouterSpec(router.name, ("10.0.0.0/16", "100.64.0.0/24"), router.dns, gateway_attached=True)
    for spec in (wider, router):
        world.run(world.network.ensure_router(spec))
        assert spec in world.run(world.network.list_routers())


@pytest.mark.parametrize(
    ("harm", "missing"),
    [
        (["nsenter", "--net=/run/netns/{netns}", "ip", "link", "set", "eth0", "down"], "down"),
        (["nsenter", "--net=/run/netns/{netns}", "ip", "address", "flush", "dev", "eth0"], "has not"),
        (["nsenter", "--net=/run/netns/{netns}", "ip", "route", "del", "default"], "no way out"),
        (["nsenter", "--net=/run/netns/{netns}", "ip", "link", "del", "eth0"], "no device"),
        (["ip", "netns", "del", "{netns}"], "no device"),
        (["ip", "route", "del", PUBLIC], "not routed"),
    ],
)
def test_what_was_broken_from_outside_is_seen_and_mended(world, harm, missing):
    world.router()
    world.group("open", [ALL])
    port = world.machine("a", "10.0.1.10", ["open"], public=PUBLIC)
    sh(*(word.format(netns=port.netns) for word in harm))
    eventually(lambda: _matches(missing, world.run(world.network.observe_port(port.name)).missing))
    world.run(world.network.ensure_port(port))
    assert world.run(world.network.observe_port(port.name)).missing == ""
    world.serve(port, 80)
    assert world.reach(None, PUBLIC, 80) == "198.19.255.254"


def test_a_port_finds_its_machine_in_a_new_namespace_of_the_same_name(world):
    world.router()
    world.group("open", [ALL])
    port = world.machine("a", "10.0.1.10", ["open"], public=PUBLIC)
    with open_in(port.netns):  # the old namespace lives on without its name, and with the port's device
        sh("ip", "netns", "del", port.netns)
        sh("ip", "netns", "add", port.netns)
        assert "no device" in world.run(world.network.observe_port(port.name)).missing
        world.run(world.network.ensure_port(port))
        world.serve(port, 80)
        assert world.reach(None, PUBLIC, 80) == "198.19.255.254"


def test_what_is_fixed_for_a_ports_life_is_not_changed(world):
    world.router()
    port = world.machine("a", "10.0.1.10", [])
    with pytest.raises(EngineError, match="remove it first"):
        world.change(port, address="10.0.1.12")
    assert world.run(world.network.observe_port(port.name)).spec == port


def test_many_are_made_at_once(world):
    world.router()
    world.group("open", [ALL])
    first = world.machine("first", "10.0.1.10", ["open"])
    specs = [port_like(first, f"{world.name}-p{number}", f"10.0.1.{number}") for number in range(20, 40)]

    async def all_at_once():
        await asyncio.gather(*map(world.network.ensure_port, specs))
        await asyncio.gather(
            *(world.network.ensure_port(s) for s in specs), *(world.network.list_ports() for _ in "ab")
        )

    world.run(all_at_once())
    assert {port.spec: port.missing for port in world.run(world.network.list_ports())} == dict.fromkeys(
        [first, *specs], ""
    )

    async def none_at_once():
        await asyncio.gather(*(world.network.remove_port(spec.name) for spec in specs))

    world.run(none_at_once())
    assert [port.spec for port in world.run(world.network.list_ports())] == [first]


def ensure_router(network, router, group, port):
    return network.ensure_router(router)


def ensure_group(network, router, group, port):
    return network.ensure_group(group)


def ensure_port(network, router, group, port):
    return network.ensure_port(port)


def change_port(network, router, group, port):
    return network.ensure_port(replace(port, public="198.18.0.77", groups=()))


def remove_port(network, router, group, port):
    return network.remove_port(port.name)


def remove_group(network, router, group, port):
    return network.remove_group(router.name, group.name)


def remove_router(network, router, group, port):
    return network.remove_router(router.name)


# Each act is done from where the one before it ended, and undone by another.
ACTS = [
    (ensure_router, remove_router),
    (ensure_group, remove_group),
    (ensure_port, remove_port),
    (change_port, ensure_port),
    (ensure_port, change_port),
    (remove_port, ensure_port),
    (remove_group, ensure_group),
    (remove_router, ensure_router),
]


@pytest.mark.parametrize("when", ["before", "after"])
def test_dying_at_any_command_and_starting_again_ends_in_the_same_place(world, monkeypatch, when):
    router = RouterSpec(f"{world.name}-vpc", ("10.0.0.0/16",), "10.0.0.2", gateway_attached=True)
    group = GroupSpec("web", router.name, (allow("friend", TCP, 80),), (ALL,))
    port = PortSpec(
        f"{world.name}-a", router.name, f"m-{world.name}-a", "02:00:00:00:00:01", "10.0.1.10", 24, "10.0.1.1", "zone-a",
        ("web",), PUBLIC, ("0.0.0.0/0",),
    )  # fmt: skip
    for act, undo in ACTS:
        world.run(act(world.network, router, group, port))
        expected = listed(world, router.name)
        deaths = 0
        while True:
            world.run(undo(world.network, router, group, port))
            with monkeypatch.context() as patch:
                mortal = dying(run, deaths, when)
                for module in (driver, tables):
                    patch.setattr(module, "run", mortal)
                try:
                    world.run(act(another(), router, group, port))
                    break
                except Killed:
                    deaths += 1
            world.run(act(another(), router, group, port))
            assert listed(world, router.name) == expected, f"{act.__name__} died {when} its command {deaths}"
        assert deaths > 0


def another():
    return Network(Outside(device=OUTSIDE_DEVICE))


def dying(run, survived, when):
    """`run`, until the command after so many; nothing of ours gets further, while programs end what they began."""
    count = 0

    async def run_or_die(*args, **options):
        nonlocal count
        count += 1
        if count > survived + 1 or (count == survived + 1 and when == "before"):
            raise Killed
        out = await run(*args, **options)
        if count > survived:
            raise Killed
        return out

    return run_or_die


def test_a_namespace_that_was_only_half_made_is_made_again(world):
    world.router()
    netns = f"m-{world.name}-a"
    Path(f"/run/netns/{netns}").touch()
    world.machine("a", "10.0.1.10", [])
    assert world.run(world.network.observe_port(f"{world.name}-a")).missing == ""


names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,39}\Z")
addresses = st.ip_addresses(v=4).map(str)
cidrs = st.builds(
    lambda address, length: f"{_masked(address, length)}/{length}", st.integers(0, 2**32 - 1), st.integers(0, 32)
)
ranges = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda ends: (min(ends), max(ends)))
byte = st.integers(0, 255)
peers = st.builds(Cidr, cidrs) | st.builds(Members, names)
rules = (
    st.builds(Rule, peers, st.none() | byte)
    | st.builds(Rule, peers, st.sampled_from([6, 17]), ports=ranges)
    | st.builds(Rule, peers, st.just(1), icmp=st.tuples(byte, st.none() | byte))
)
few_rules = st.lists(rules, max_size=6).map(tuple)


@pytest.fixture(scope="module")
def lasting_world():
    world = World("lasting")
    world.router()
    yield world
    world.close()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names, ingress=few_rules, egress=few_rules)
def test_any_group_is_read_back_from_the_kernel_as_it_was_given(lasting_world, name, ingress, egress):
    spec = GroupSpec(name, "lasting-vpc", ingress, egress)
    network = lasting_world.network
    lasting_world.run(network.ensure_group(spec))
    assert spec in lasting_world.run(network.list_groups())
    lasting_world.run(network.remove_group(spec.router, name))
    assert lasting_world.run(network.list_groups()) == ()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_port_is_read_back_from_the_kernel_as_it_was_given(lasting_world, data):
    host = data.draw(st.integers(2, 253))
    name = data.draw(names)
    network = lasting_world.network
    for _ in range(2):  # the second time as a change of the first
        spec = PortSpec(
            name=name,
            router="lasting-vpc",
            netns=f"m-{name}"[:40],
            mac="02:00:00:00:00:01",
            address=f"10.0.3.{host}",
            prefix_len=24,
            gateway="10.0.3.1",
            zone=data.draw(names),
            groups=tuple(data.draw(st.lists(names, max_size=3))),
            public=data.draw(st.none() | st.integers(1, 250).map(lambda n: f"198.18.9.{n}")),
            internet=tuple(data.draw(st.lists(cidrs, max_size=4))),
        )
        lasting_world.run(network.ensure_port(spec))
        observed = lasting_world.run(network.observe_port(name))
        assert (observed.spec, observed.missing) == (spec, "")
    lasting_world.run(network.remove_port(name))
    assert lasting_world.run(network.list_ports()) == ()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rule(ANY, 6, icmp=(8, 0)),
        lambda: Rule(ANY, 1, ports=(1, 2)),
        lambda: Rule(ANY, 6, ports=(2, 1)),
        lambda: Rule(ANY, 6, ports=(0, 65536)),
        lambda: Rule(ANY, 256),
        lambda: Cidr("10.0.0.1/8"),
        lambda: Members('x" accept'),
        lambda: GroupSpec("a b", "r"),
        lambda: GroupSpec("", "r"),
        lambda: RouterSpec("r", ("10.0.0.0/33",), "10.0.0.2", gateway_attached=True),
        lambda: RouterSpec("r\nlink del lo", ("10.0.0.0/16",), "10.0.0.2", gateway_attached=True),
        lambda: PortSpec("p", "r", "../x", "02:00:00:00:00:01", "10.0.0.5", 24, "10.0.0.1", "z"),
        lambda: PortSpec("p", "r", "router-x", "02:00:00:00:00:01", "10.0.0.5", 24, "10.0.0.1", "z"),
        lambda: PortSpec("p", "r", "n", "02:00:00:00:00", "10.0.0.5", 24, "10.0.0.1", "z"),
        lambda: PortSpec("p", "r", "n", "02:00:00:00:00:01", "10.0.0.5", 24, "10.0.1.1", "z"),
        lambda: PortSpec("p", "r", "n", "02:00:00:00:00:01", "10.0.0.5", 24, "10.0.0.1", "z", public="x"),
    ],
)
def test_what_cannot_be_is_refused_before_it_reaches_the_kernel(make):
    with pytest.raises(ValueError):
        make()


def port_like(port, name, address, **changes):
    mac = "02:01:" + ":".join(f"{int(octet):02x}" for octet in address.split("."))
    fixed = {"mac": port.mac} if name == port.name else {"mac": mac, "netns": f"m-{name}"}
    return replace(port, name=name, address=address, **fixed, **changes)


def listed(world, router):
    network = world.network
    there = router_netns(router) in sh("ip", "netns").split()
    return {
        "routers": [spec for spec in world.run(network.list_routers()) if spec.name == router],
        "groups": {spec for spec in world.run(network.list_groups()) if spec.router == router},
        "ports": {(port.spec, port.missing) for port in world.run(network.list_ports()) if port.spec.router == router},
        **kernel(world, router if there else None),
    }


def kernel(world, router=None):
    """What there is of our making, outside and in a router, as far as it does not number things."""
    state = {
        "netns": sorted(line.split()[0] for line in sh("ip", "netns").splitlines()),
        "devices": sorted(line.split()[1].split("@")[0] for line in sh("ip", "-o", "link").splitlines()),
        "routes": sorted(_numberless(sh("ip", "route")).splitlines()),
        "rules": sh("nft", "list", "ruleset"),
    }
    if router:
        netns = router_netns(router)
        state |= {
            "router rules": sh("nft", "list", "ruleset", netns=netns),
            "router routes": sorted(_numberless(sh("ip", "-n", netns, "route")).splitlines()),
            "router devices": sorted(
                line.split()[1].split("@")[0] for line in sh("ip", "-n", netns, "-o", "link").splitlines()
            ),
        }
    return state


def _numberless(text):
    return re.sub(r"169\.254\.\d\.\d+", "169.254.N.N", text)  # an uplink's own address is made from its number


def _masked(address, length):
    import ipaddress

    return ipaddress.IPv4Network((address, length), strict=False).network_address


def _same(state, expected):
    assert state == expected


def _matches(part, text):
    assert part in text
