"""Ways through other ports: what is translated on them, where they end, and how they are found and mended."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.network import Barrier, PortSpec, forwarding, router_netns
from aftershock.engines.network.spec import port_device
from tests.conftest import eventually
from tests.engines.network.test_packets import open_metadata
from tests.engines.network.world import ALL, TCP, allow, sh, still_talks

EVERYWHERE = "0.0.0.0/0"
FAR = "198.18.0.99"
PRIVATE, GATEWAY, OTHER, PUBLIC = "10.0.2.10", "10.0.1.7", "10.0.3.7", "198.18.0.70"
PORT = 8080


def gateway(world, name="nat", address=GATEWAY, public=PUBLIC, *, zone="zone-a", idle_s=350):
    made = world.machine(name, address, ["open"], public=public, zone=zone)
    return world.change(made, forwards=True, translates_idle_s=idle_s)


def private(world, *ways, name="app", address=PRIVATE, zone="zone-b"):
    made = world.machine(name, address, ["out"], internet=(), zone=zone)
    return world.change(made, via=ways or ((EVERYWHERE, GATEWAY),))


def reaches(world, where, address, port, as_whom, *, udp=False):
    """A busy machine may take longer than it takes to call something blocked."""
    reach = world.reach_udp if udp else world.reach

    def check():
        assert reach(where, address, port) == as_whom

    eventually(check)


def flow(world, app):
    reaches(world, app, FAR, PORT, PUBLIC)

    def check():
        try:
            return world.flow(app, FAR, PORT)
        except TimeoutError as error:
            raise AssertionError from error

    return eventually(check)


@pytest.fixture
def far(world):
    """A server on the internet: a machine behind another router."""
    world.router("abroad", "10.9.0.0/16")
    world.group("open", [ALL], router="abroad")
    made = world.machine("far", "10.9.1.10", ["open"], router="abroad", public=FAR)
    world.serve(made, PORT)
    return made


@pytest.fixture
def vpc(world):
    router = world.router()
    world.group("open", [ALL])
    world.group("out", [], [ALL])
    return router


def test_a_machine_without_a_public_address_is_seen_as_its_gateways(world, vpc, far):
    gateway(world)
    app = private(world)
    world.serve_udp(far, PORT)
    reaches(world, app, FAR, PORT, PUBLIC)
    reaches(world, app, FAR, PORT, PUBLIC, udp=True)


def test_large_streams_pass_both_ways(world, vpc, far):
    gateway(world)
    app = private(world)
    connection, _ = flow(world, app)
    connection.settimeout(10)
    sent = bytes(range(256)) * 4096
    connection.sendall(sent[: 1 << 19])
    received = b""
    while len(received) < 1 << 19:
        received += connection.recv(1 << 16)
    assert received == sent[: 1 << 19]


def test_nobody_outside_reaches_the_gateway_or_what_is_behind_it(world, vpc, far):
    nat = gateway(world)
    app = private(world)
    world.serve(app, 80)
    world.serve(nat, 80)  # which nothing does, but if it did
    assert world.reach(None, PUBLIC, 80) == "blocked"
    assert world.reach(far, PUBLIC, 80) == "blocked"
    neighbour = world.machine("neighbour", "10.0.1.20", ["open"])
    assert world.reach(neighbour, GATEWAY, 80) == "blocked"


def test_the_rules_out_of_a_machine_hold_before_the_gateway(world, vpc, far):
    gateway(world)
    app = private(world)
    world.serve(far, PORT + 1)
    world.group("out", [], [allow(f"{FAR}/32", TCP, PORT)])
    reaches(world, app, FAR, PORT, PUBLIC)
    assert world.reach(app, FAR, PORT + 1) == "blocked"


def test_what_is_behind_the_router_is_not_sent_to_the_gateway(world, vpc):
    gateway(world)
    app = private(world)
    other = world.machine("other", "10.0.3.30", ["open"])
    world.serve(other, 80)
    reaches(world, app, "10.0.3.30", 80, PRIVATE)
    assert world.reach(app, "10.0.3.31", 80) == "blocked"  # nobody's, and not on the internet either


def test_each_destination_goes_its_own_way(world, vpc, far):
    gateway(world)
    gateway(world, "second", OTHER, "198.18.0.71")
    near = "198.18.0.2/32"
    half = [("0.0.0.0/1", OTHER), (f"{FAR}/32", GATEWAY)]
    app = private(world, *half)
    reaches(world, app, FAR, PORT, PUBLIC)
    app = world.change(app, via=((f"{FAR}/32", OTHER), (near, GATEWAY)))
    reaches(world, app, FAR, PORT, "198.18.0.71")
    app = world.change(app, via=((near, GATEWAY),))
    assert world.reach(app, FAR, PORT) == "blocked"
    world.change(app, via=())
    assert world.reach(app, FAR, PORT) == "blocked"


def test_a_machine_with_a_public_address_keeps_it_for_what_goes_to_the_internet_itself(world, vpc, far):
    gateway(world)
    both = world.machine("both", "10.0.1.30", ["out"], public="198.18.0.30", internet=(f"{FAR}/32",))
    both = world.change(both, via=(("198.18.0.0/28", GATEWAY),))
    reaches(world, both, FAR, PORT, "198.18.0.30")


def test_ranges_that_overlap_are_refused(world):
    app = PortSpec("p", "r", "n", "02:00:00:00:00:01", PRIVATE, 24, "10.0.2.1", "z")
    with pytest.raises(ValueError, match="overlap"):
        replace(app, via=((EVERYWHERE, GATEWAY), (f"{FAR}/32", OTHER)))
    with pytest.raises(ValueError, match="overlap"):
        replace(app, internet=(EVERYWHERE,), via=((f"{FAR}/32", OTHER),))
    halves = (("128.0.0.0/1", GATEWAY), ("0.0.0.0/1", GATEWAY))
    assert replace(app, via=halves) == replace(app, via=((EVERYWHERE, GATEWAY),))


def test_a_gateway_that_goes_leaves_a_black_hole_and_one_that_comes_is_found(world, vpc, far):
    nat = gateway(world)
    app = private(world)
    world.run(world.network.remove_port(nat.name))
    assert world.reach(app, FAR, PORT) == "blocked"
    assert GATEWAY in world.run(world.network.observe_port(app.name)).missing
    again = gateway(world)
    assert world.run(world.network.observe_port(app.name)).missing == ""
    assert world.run(world.network.observe_port(again.name)).missing == ""
    reaches(world, app, FAR, PORT, PUBLIC)


def test_a_cut_of_the_gateways_zone_ends_what_goes_through_it_until_it_is_healed(world, vpc, far):
    gateway(world)
    gateway(world, "second", OTHER, "198.18.0.71", zone="zone-b")
    app, other = private(world), private(world, (EVERYWHERE, OTHER), name="other", address="10.0.2.11")
    open_, _ = flow(world, app)
    world.run(world.network.set_zones_cut(vpc.name, ["zone-a"]))
    assert world.reach(app, FAR, PORT) == "blocked"
    assert not still_talks(open_, b"anybody?")
    reaches(world, other, FAR, PORT, "198.18.0.71")
    world.run(world.network.set_zones_cut(vpc.name, []))
    reaches(world, app, FAR, PORT, PUBLIC)


@pytest.mark.parametrize(
    ("barrier", "seen_as"),
    [
        (Barrier(("10.0.1.0/24",), whole=True), "blocked"),  # the gateway's zone is cut off
        (Barrier(("10.0.2.0/24",), whole=True), "blocked"),
        (Barrier(("10.0.2.0/24",), "internet"), "blocked"),
        (Barrier(("10.0.1.0/24",), "internet"), "blocked"),
        (Barrier(("10.0.3.0/24",), "internet"), PUBLIC),
    ],
)
def test_barriers_stand_on_the_way_through_a_gateway(world, vpc, far, barrier, seen_as):
    gateway(world)
    app = private(world)
    neighbour = world.machine("neighbour", "10.0.2.20", ["open"], zone="zone-b")
    world.serve(neighbour, 80)
    world.run(world.network.set_barriers(vpc.name, [barrier]))
    if seen_as == "blocked":
        assert world.reach(app, FAR, PORT) == "blocked"
    else:
        reaches(world, app, FAR, PORT, seen_as)
    reaches(world, app, "10.0.2.20", 80, PRIVATE)


def test_a_connection_that_was_idle_too_long_is_reset(world, vpc, far):
    gateway(world, idle_s=1)
    app = private(world)
    connection, _ = flow(world, app)
    connection.settimeout(5)

    def forgotten():
        table = Path("/proc/net/nf_conntrack")  # of the namespace in which it is read
        shown = sh("cat", str(table), netns=f"m-{world.name}-nat")
        assert "ESTABLISHED" not in shown

    eventually(forgotten)
    with pytest.raises(ConnectionResetError):
        connection.sendall(b"still there?")
        connection.recv(100)
        connection.sendall(b"and now?")
        connection.recv(100)


def test_what_is_read_back_is_what_was_asked_for_and_twice_is_once(world, vpc):
    nat = gateway(world)
    app = private(world, ("0.0.0.0/1", GATEWAY), ("128.0.0.0/2", OTHER))
    nat = world.change(nat)
    seen = {one.spec.name: one for one in world.run(world.network.list_ports())}
    assert seen[nat.name].spec == nat
    assert seen[app.name].spec == app
    assert seen[nat.name].missing == ""
    assert OTHER in seen[app.name].missing  # nobody has it yet
    gateway(world, "second", OTHER, "198.18.0.71")
    assert all(one.missing == "" for one in world.run(world.network.list_ports()))


def test_what_was_torn_out_is_missed_and_mended(world, vpc, far):
    nat = gateway(world)
    app = private(world)
    netns, table = router_netns(vpc.name), str(forwarding.number(app.via))

    def torn(spec, *command, where=netns):
        sh(*command, netns=where)
        assert world.run(world.network.observe_port(spec.name)).missing
        world.change(spec)
        assert world.run(world.network.observe_port(spec.name)).missing == ""
        reaches(world, app, FAR, PORT, PUBLIC)

    torn(app, "ip", "route", "flush", "table", table)
    torn(app, "ip", "rule", "del", "pref", str(forwarding.FIRST))
    torn(app, "ip", "rule", "del", "pref", str(forwarding.SECOND))
    torn(app, "ip", "route", "replace", "default", "via", PRIVATE, "dev", port_device(app.name), "onlink", "table",
         table, "proto", str(forwarding.PROTOCOL))  # fmt: skip
    torn(app, "ip", "rule", "add", "pref", str(forwarding.FIRST), "lookup", "default")
    torn(nat, "nft", "flush", "ruleset", where=nat.netns)
    torn(nat, "nft", "add", "rule", "ip", "translator", "through", "drop", where=nat.netns)
    torn(nat, "sysctl", "-qw", "net.ipv4.ip_forward=0", where=nat.netns)


def test_ways_that_nobody_goes_any_more_are_taken_away_with_the_next_change(world, vpc):
    gateway(world)
    app = private(world)
    app = world.change(app, via=((f"{FAR}/32", GATEWAY),))
    shown = sh("ip", "-n", router_netns(vpc.name), "route", "show", "table", "all", "proto", str(forwarding.PROTOCOL))
    assert len(shown.splitlines()) == 1
    world.run(world.network.remove_port(app.name))
    shown = sh("ip", "-n", router_netns(vpc.name), "rule", "show")
    assert f"{forwarding.FIRST}:" not in shown
    assert f"{forwarding.SECOND}:" not in shown


def test_a_machine_may_forward_by_itself_where_its_port_lets_it(world, vpc, far):
    instance = world.machine("instance", GATEWAY, ["open"], public=PUBLIC)
    app = private(world)
    sh("sysctl", "-qw", "net.ipv4.ip_forward=1", netns=instance.netns)
    nat = "add table ip n; add chain ip n p { type nat hook postrouting priority srcnat; }; add rule ip n p masquerade"
    sh("nft", nat, netns=instance.netns)
    assert world.reach(app, FAR, PORT) == "blocked"  # its answers come from others' addresses
    instance = world.change(instance, forwards=True)
    reaches(world, app, FAR, PORT, PUBLIC)
    world.change(instance, forwards=False)
    assert world.reach(app, FAR, PORT) == "blocked"


def test_who_forwards_cannot_speak_for_others_to_the_metadata_service(world, vpc):
    forger = world.machine("forger", GATEWAY, ["open"])
    forger = world.change(forger, forwards=True)
    world.machine("app", PRIVATE, ["out"])
    sh("ip", "address", "add", f"{PRIVATE}/32", "dev", "lo", netns=forger.netns)
    world.open_sockets.enter_context(open_metadata(vpc.name))
    for address in (PRIVATE, GATEWAY):
        asking = world.socket(forger)
        asking.setblocking(False)
        asking.bind((address, 0))
        asking.connect_ex(("169.254.169.254", 80))

    def tracked():
        shown = sh("cat", "/proc/net/nf_conntrack", netns=router_netns(vpc.name))
        assert f"src={GATEWAY} dst=169.254.169.254" in shown
        assert f"src={PRIVATE} dst=169.254.169.254" not in shown

    eventually(tracked)


def test_what_was_carried_is_counted_and_a_new_gateway_counts_anew(world, vpc, far):
    nat = gateway(world)
    app = private(world)
    assert world.run(world.network.carried("m-nobody")) is None
    before = world.run(world.network.carried(nat.netns))
    connection, _ = flow(world, app)
    connection.settimeout(10)
    connection.sendall(b"x" * 1000)
    received = b""
    while len(received) < 1000:
        received += connection.recv(1 << 16)
    after = world.run(world.network.carried(nat.netns))
    assert after.since == before.since
    assert after.bytes - before.bytes > 2 * 1000  # there and back
    world.change(nat, translates_idle_s=300)
    assert world.run(world.network.carried(nat.netns)).bytes >= after.bytes
    world.run(world.network.remove_port(nat.name))
    again = gateway(world)
    assert world.run(world.network.carried(again.netns)).since != before.since


WAYS = [((EVERYWHERE, GATEWAY),), (("0.0.0.0/1", GATEWAY), ("128.0.0.0/1", OTHER)), ((f"{FAR}/32", OTHER),)]
DEVICES = {GATEWAY: "p1", OTHER: "p2"}
numbers = st.sampled_from([forwarding.number(via) for via in WAYS])
rules = st.one_of(
    st.just(forwarding.Rule(forwarding.FIRST)),
    st.builds(forwarding.Rule, st.sampled_from([forwarding.FIRST, forwarding.SECOND]), odd=st.sampled_from("ab")),
    st.builds(forwarding.Rule, st.just(forwarding.SECOND), numbers),
)
destinations = st.sampled_from([EVERYWHERE, "0.0.0.0/1", f"{FAR}/32"])
routes = st.builds(
    forwarding.Route, numbers, destinations, st.sampled_from([GATEWAY, OTHER]), st.sampled_from(["p1", "p2", "p3"])
)


@given(
    st.sets(rules),
    st.lists(routes, unique_by=lambda route: (route.number, route.destination)),
    st.sets(st.sampled_from(WAYS)),
    st.sets(st.sampled_from([GATEWAY, OTHER])),
)
def test_whatever_ways_there_are_the_lines_make_those_of_them_that_are_wanted(there, led, wanted, present):
    app = PortSpec("p", "r", "n", "02:00:00:00:00:01", PRIVATE, 24, "10.0.2.1", "z")
    ports = [replace(app, via=via) for via in wanted]
    want = forwarding.wanted(ports, {address: DEVICES[address] for address in present})
    seen = forwarding.Ways(frozenset(there), frozenset(led))
    found = applied(seen, forwarding.batch(seen, want))
    assert found == want
    assert forwarding.batch(found, want) == []


def applied(ways, lines):
    """What the kernel would make of the lines; it refuses to add what is there, and to delete what is not."""
    held = {(route.number, route.destination): route for route in ways.routes}
    kept = set(ways.rules)
    for line in lines:
        match line.split():
            case ["rule", "del", "pref", preference]:
                kept.remove(min(rule for rule in kept if rule.preference == int(preference)))
            case ["rule", act, "pref", preference, *rest]:
                rule = forwarding.Rule(int(preference), int(rest[-1]) if rest[0] == "fwmark" else 0)
                assert (rule in kept) == (act == "del")
                (kept.remove if act == "del" else kept.add)(rule)
            case ["route", "del", destination, "table", number, *_]:
                del held[int(number), destination]
            case ["route", "replace", destination, "via", address, "dev", device, "onlink", "table", number, *_]:
                route = forwarding.Route(int(number), destination, address, device)
                held[route.number, destination] = route
    return forwarding.Ways(frozenset(kept), frozenset(held.values()))
