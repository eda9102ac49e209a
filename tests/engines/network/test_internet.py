"""The internet segment, its gateway and public addresses."""

import contextlib

import pytest

from tests.conftest import eventually

from .world import ALL, ANY, OUTSIDE_DEVICE, TCP, allow, sh, still_talks

HOST = "198.19.255.254"  # the internet segment's own


PRIVATE = ("192.168.1.1", "172.16.0.1", "10.9.9.9", "10.99.2.2")


@pytest.fixture
def far(world):
    """A host far away, behind the device that leads outside for these tests."""
    sh("ip", "netns", "add", "far")
    sh("ip", "link", "add", OUTSIDE_DEVICE, "type", "veth", "peer", "name", "eth0", "netns", "far")
    sh("ip", "address", "add", "10.99.2.100/24", "dev", OUTSIDE_DEVICE)
    sh("ip", "link", "set", OUTSIDE_DEVICE, "up")
    for line in ("address add 10.99.2.2/24 dev eth0", "link set eth0 up", "link set lo up"):
        sh("ip", "-n", "far", *line.split())
    for address in ("9.9.9.9", *PRIVATE[:-1]):
        sh("ip", "-n", "far", "address", "add", f"{address}/32", "dev", "lo")
        sh("ip", "route", "add", f"{address}/32", "via", "10.99.2.2")
    yield type("Far", (), {"netns": "far"})
    sh("ip", "link", "del", OUTSIDE_DEVICE)
    sh("ip", "netns", "del", "far")


def test_a_machine_with_a_public_address_is_reached_under_it_and_seen_as_it(world):
    world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], public="198.18.0.10")
    world.serve(a, 80)
    world.serve_udp(a, 53)
    assert world.reach(None, "198.18.0.10", 80) == HOST
    assert world.reach_udp(None, "198.18.0.10", 53) == HOST
    assert world.reach_udp(None, "198.18.0.10", 54) == "refused"  # an ICMP error comes back translated too
    assert world.reach(None, "198.18.0.11", 80) == "blocked"


def test_groups_hold_for_what_comes_from_the_internet(world):
    world.router()
    world.group("web", [allow(f"{HOST}/32", TCP, 80), allow("203.0.113.0/24", TCP, 81)])
    a = world.machine("a", "10.0.1.10", ["web"], public="198.18.0.10")
    for port in (80, 81):
        world.serve(a, port)
    assert world.reach(None, "198.18.0.10", 80) == HOST
    assert world.reach(None, "198.18.0.10", 81) == "blocked"


WEB = "198.18.0.2"  # the segment's own web server


def test_the_segments_web_server_is_reached_from_public_addresses_and_nothing_else_of_it(world):
    world.router()
    world.group("open", [ALL])
    world.group("shut", [ALL], egress=[])
    public = world.machine("a", "10.0.1.10", ["open"], public="198.18.0.10")
    private = world.machine("b", "10.0.1.11", ["open"])
    shut = world.machine("c", "10.0.1.12", ["shut"], public="198.18.0.12")
    for port in (80, 443, 8080):
        world.serve(None, port, WEB)
    world.serve(None, 80, HOST)
    for port in (80, 443):
        assert world.reach(public, WEB, port) == "198.18.0.10"
        assert world.reach(private, WEB, port) == "blocked"
        assert world.reach(shut, WEB, port) == "blocked"
    assert world.reach(public, WEB, 8080) == "blocked"
    assert world.reach(public, HOST, 80) == "blocked"


def test_nothing_outside_reaches_a_private_address(world):
    router = world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], public="198.18.0.10")
    world.serve(a, 80)
    assert world.reach(None, "198.18.0.10", 80) == HOST
    from aftershock.engines.network.spec import router_device

    sh(
        "ip",
        "route",
        "add",
        "10.0.1.10/32",
        "via",
        "169.254.128.2",
        "dev",
        router_device(router.name),
        "onlink",
        "src",
        HOST,
    )
    assert world.reach(None, "10.0.1.10", 80) == "blocked"
    sh("ip", "route", "del", "10.0.1.10/32")


def test_a_machine_goes_outside_only_with_a_public_address_a_gateway_and_a_route(world, far):
    router = world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"])
    world.serve(far, 80)
    assert world.reach(a, "9.9.9.9", 80) == "blocked"
    a = world.change(a, public="198.18.0.10")
    assert world.reach(a, "9.9.9.9", 80) == "10.99.2.100"
    connection, _ = world.flow(a, "9.9.9.9", 80)
    for closed, opened in (
        (lambda: world.change(a, internet=("8.0.0.0/8",)), lambda: world.change(a, internet=("9.0.0.0/8",))),
        (lambda: world.router(attached=False), lambda: world.router(attached=True)),
        (lambda: world.change(a, public=None), lambda: world.change(a, internet=("0.0.0.0/0", "9.0.0.0/8"))),
    ):
        closed()
        assert world.reach(a, "9.9.9.9", 80) == "blocked"
        assert not still_talks(connection)
        opened()
        assert world.reach(a, "9.9.9.9", 80) == "10.99.2.100"
        connection, _ = world.flow(a, "9.9.9.9", 80)
    assert router.gateway_attached


def test_a_machine_does_not_reach_the_users_own_network_through_the_outside(world, far):
    world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], public="198.18.0.10")
    world.serve(far, 80)
    for address in PRIVATE:
        assert world.reach(None, address, 80) == "10.99.2.100"
        assert world.reach(a, address, 80) == "blocked"
    assert world.reach(a, "9.9.9.9", 80) == "10.99.2.100"


def test_the_outside_reaches_no_machine_by_itself(world, far):
    world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], public="198.18.0.10")
    world.serve(a, 80)
    sh("ip", "-n", "far", "route", "add", "198.18.0.0/15", "via", "10.99.2.100")
    assert world.reach(far, "198.18.0.10", 80) == "blocked"


@pytest.mark.parametrize("routers", [("one", "one"), ("one", "two")])
def test_machines_meet_over_their_public_addresses_through_the_internet_segment(world, routers):
    for router in sorted(set(routers)):
        world.router(router)
        world.group("open", [ALL], router=router)
    a = world.machine("a", "10.0.1.10", ["open"], router=routers[0], public="198.18.0.10")
    b = world.machine("b", "10.0.2.10", ["open"], router=routers[1], public="198.18.0.11")
    world.serve(b, 80)
    assert world.reach(a, "198.18.0.11", 80) == "198.18.0.10"
    connection, _ = world.flow(a, "198.18.0.11", 80)
    sent = b"x" * 3_000_000  # more than any buffer, in packets larger than the internet segment's
    received = bytearray()
    connection.settimeout(5)
    connection.setblocking(False)
    todo = memoryview(sent)

    def exchange():
        nonlocal todo
        with contextlib.suppress(BlockingIOError):
            todo = todo[connection.send(todo) :] if todo else todo
        with contextlib.suppress(BlockingIOError):
            received.extend(connection.recv(1 << 20))
        assert len(received) == len(sent)

    eventually(exchange, every_s=0)
    assert received == sent


def test_a_public_address_moves_and_takes_its_flows_along_with_none(world):
    world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], public="198.18.0.10")
    b = world.machine("b", "10.0.1.11", ["open"])
    c = world.machine("c", "10.0.1.12", ["open"], public="198.18.0.12")
    for machine in (a, b, c):
        world.serve(machine, 80)
    world.serve(b, 81)
    old, _ = world.flow(None, "198.18.0.10", 80, source_port=31001)
    private, _ = world.flow(a, "10.0.1.12", 80)
    others, _ = world.flow(None, "198.18.0.12", 80)
    b = world.change(b, public="198.18.0.10")
    assert not still_talks(old)
    assert still_talks(private)
    assert still_talks(others)
    assert world.reach(None, "198.18.0.10", 81) == HOST
    old.close()
    world.flow(None, "198.18.0.10", 81, source_port=31001)  # nothing stale is in the way of the same ports
    a = world.change(a, public=None)
    assert world.reach(None, "198.18.0.10", 81) == HOST
    a = world.change(a, public="198.18.0.13")
    assert world.reach(None, "198.18.0.13", 80) == HOST
    b = world.change(b, public=None)
    assert world.reach(None, "198.18.0.10", 81) == "blocked"


def test_a_public_address_moves_to_another_router(world):
    for router in ("one", "two"):
        world.router(router)
        world.group("open", [ALL], router=router)
    a = world.machine("a", "10.0.1.10", ["open"], router="one", public="198.18.0.10")
    b = world.machine("b", "10.0.1.10", ["open"], router="two")
    world.serve(a, 80)
    world.serve(b, 81)
    b = world.change(b, public="198.18.0.10")
    assert world.reach(None, "198.18.0.10", 81) == HOST
    world.serve(None, 8090, address=HOST)
    world.change(a, public=None)
    assert world.reach(None, "198.18.0.10", 81) == HOST
    world.run(world.network.remove_port(a.name))
    assert world.reach(None, "198.18.0.10", 81) == HOST


def test_a_group_may_name_the_whole_internet_and_a_port_still_needs_its_own_rule(world):
    world.router()
    world.group("web", [allow(ANY, TCP, 80)])
    a = world.machine("a", "10.0.1.10", ["web"], public="198.18.0.10")
    world.serve(a, 22)
    assert world.reach(None, "198.18.0.10", 22) == "blocked"
