"""What passes the edge of a segment, by real packets: in order, without memory, and nothing of what stays within."""

import itertools
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.engines.network import AclSpec, Cidr, Entry, Members, Rule, router_netns
from aftershock.engines.network.spec import port_device
from tests.engines.network.test_barriers import resolver
from tests.engines.network.test_packets import open_metadata
from tests.engines.network.world import A1, A2, ALL, ANY, B1, ICMP, TCP, UDP, World, sh, still_talks

A, B = "10.0.1.0/24", "10.0.2.0/24"
EPHEMERAL = (1024, 65535)
EVERYTHING = Entry(ALL, allow=True)
HOST = "198.19.255.254"


def allow(protocol=None, ports=None, cidr=ANY, icmp=None):
    return Entry(Rule(cidr, protocol, (ports, ports) if isinstance(ports, int) else ports, icmp), allow=True)


def deny(*args, **more):
    return replace(allow(*args, **more), allow=False)


def guard(world, ingress=(), egress=(), segments=(A,), name="acl-a"):
    return AclSpec(name, f"{world.name}-vpc", tuple(ingress), tuple(egress), tuple(segments))


def set_acls(world, *wanted):
    """The lists, and what the kernel says of them to those who have set them and to those who never heard of any."""
    router = f"{world.name}-vpc"
    world.run(world.network.set_acls(router, wanted))
    for network in (world.network, World(world.name).network):
        assert world.run(network.list_acls())[router] == tuple(sorted(wanted, key=lambda one: one.name))


def test_a_list_without_entries_lets_nothing_pass_but_what_stays_within(world, three):
    router, a1, a2, b1 = three
    resolver(world)
    metadata = world.open_sockets.enter_context(open_metadata(router.name))
    metadata.settimeout(2)
    set_acls(world, guard(world))
    assert world.reach(a2, A1, 80) == A2
    assert world.pings(a1, A2)
    assert world.reach(b1, A1, 80) == "blocked"
    assert world.reach(a1, B1, 80) == "blocked"
    assert world.reach(None, "198.18.0.10", 80) == "blocked"
    assert not world.pings(a1, B1)
    for server in ("169.254.169.253", "10.0.0.2"):
        assert world.reach_udp(a1, server, 53) != "blocked"
    assert world.run(world.network.ping(router.name, A1, 2.0))
    world.socket(a1).connect(("169.254.169.254", 80))
    assert metadata.accept()[1][0] == A1


def test_answers_need_an_entry_of_their_own(world, three):
    _, a1, _, b1 = three
    serving = [allow(TCP, 80)]
    set_acls(world, guard(world, serving))
    assert world.reach(b1, A1, 80) == "blocked"
    set_acls(world, guard(world, serving, [allow(TCP, EPHEMERAL)]))
    assert world.reach(b1, A1, 80) == B1
    assert world.reach(None, "198.18.0.10", 80) == HOST
    assert world.reach(a1, B1, 80) == "blocked"
    set_acls(world, guard(world, [*serving, allow(TCP, EPHEMERAL)], [allow(TCP, EPHEMERAL), allow(TCP, 80)]))
    assert world.reach(a1, B1, 80) == A1


def test_the_first_entry_that_describes_a_packet_decides(world, three):
    _, _, _, b1 = three
    not_b = deny(cidr=Cidr(f"{B1}/32"))
    set_acls(world, guard(world, [not_b, EVERYTHING], [EVERYTHING]))
    assert world.reach(b1, A1, 80) == "blocked"
    assert world.reach(None, "198.18.0.10", 80) == HOST
    set_acls(world, guard(world, [EVERYTHING, not_b], [EVERYTHING]))
    assert world.reach(b1, A1, 80) == B1


def test_between_two_segments_the_lists_of_both_apply(world, three):
    _, a1, _, b1 = three
    everything = guard(world, [EVERYTHING], [EVERYTHING])
    picky = guard(world, [allow(TCP, 80)], [allow(TCP, EPHEMERAL)], [B], "acl-b")
    set_acls(world, everything, picky)
    world.serve(b1, 81)
    assert world.reach(a1, B1, 80) == A1
    assert world.reach(a1, B1, 81) == "blocked"
    set_acls(world, replace(everything, egress=(deny(TCP, 80), EVERYTHING)), picky)
    assert world.reach(a1, B1, 80) == "blocked"
    set_acls(world, replace(everything, segments=(A, B)))
    assert world.reach(a1, B1, 81) == A1


def test_an_open_connection_meets_a_change_at_once_and_goes_on_after_its_end(world, three):
    _, _, a2, b1 = three
    across, _ = world.flow(b1, A1, 80)
    within, _ = world.flow(a2, A1, 80)
    set_acls(world, guard(world, [EVERYTHING], [EVERYTHING]))
    assert still_talks(across)
    set_acls(world, guard(world, [deny(TCP, 80), EVERYTHING], [EVERYTHING]))
    assert still_talks(within)
    assert not still_talks(across, b"lost")
    set_acls(world, guard(world, [EVERYTHING], [EVERYTHING]))
    across.settimeout(20)
    assert across.recv(100) == b"lost"  # TCP had not given it up


def test_types_of_icmp_are_told_apart(world, three):
    _, a1, _, b1 = three
    echo, answer = (8, None), (0, None)
    set_acls(world, guard(world, [allow(ICMP, icmp=echo)], [allow(ICMP, icmp=answer)]))
    assert world.pings(b1, A1)
    assert not world.pings(a1, B1)
    set_acls(world, guard(world, [allow(ICMP, icmp=(0, 0))], [allow(ICMP, icmp=(8, 0))]))
    assert world.pings(a1, B1)
    assert not world.pings(b1, A1)


def test_a_port_that_comes_later_is_behind_the_list_from_its_first_packet(world, three):
    _, _, _, b1 = three
    set_acls(world, guard(world))
    late = world.machine("late", "10.0.1.12", ["open"])
    world.serve(late, 80)
    assert world.reach(b1, late.address, 80) == "blocked"
    set_acls(world)
    assert world.reach(b1, late.address, 80) == B1


def test_a_router_without_lists_has_no_rule_for_them(world, three):
    router = three[0]
    before = sh("nft", "list", "table", "ip", "router", netns=router_netns(router.name))
    assert "chain edges" in before
    set_acls(world, guard(world, [EVERYTHING], [deny(UDP, 53)], [A, B]))
    world.run(world.network.ensure_router(router))
    set_acls(world)
    assert sh("nft", "list", "table", "ip", "router", netns=router_netns(router.name)) == before


def harms(router, a1):
    yield "flush", "chain", "edges"
    yield "flush", "chain", "acl-acl-a-in"
    yield "flush", "chain", "edge-a000100-out"
    yield "flush", "map", "edge_in"
    yield "delete", "element", "segment_of", f'{{ "{port_device(a1.name)}" }}'


@pytest.mark.parametrize("nth", range(5))
def test_what_was_broken_from_outside_is_seen_and_mended(world, three, nth):
    router, a1, _, b1 = three
    acl = guard(world)
    set_acls(world, acl)
    act, kind, *rest = list(harms(router, a1))[nth]
    sh("nft", act, kind, "ip", "router", *rest, netns=router_netns(router.name))
    assert world.run(world.network.list_acls())[router.name] != (acl,)
    set_acls(world, acl)
    assert world.reach(b1, A1, 80) == "blocked"
    assert world.reach(a1, B1, 80) == "blocked"


def test_setting_the_same_lists_again_changes_nothing(world, three):
    router = three[0]
    acl = guard(world, [deny(TCP, 80), EVERYTHING], [EVERYTHING])
    set_acls(world, acl)
    before = sh("nft", "-a", "list", "table", "ip", "router", netns=router_netns(router.name))
    set_acls(world, acl)
    assert sh("nft", "-a", "list", "table", "ip", "router", netns=router_netns(router.name)) == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: Entry(Rule(Members("web")), allow=True),
        lambda: AclSpec("no good", "vpc"),
        lambda: AclSpec("acl", "vpc", segments=("10.0.0.1/24",)),
    ],
)
def test_what_cannot_be_is_refused_before_it_reaches_the_kernel(make):
    with pytest.raises(ValueError, match=r".+"):
        make()


# --- a model of lists, against packets -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lasting_world():
    """Two subnets of one machine each, with an echo on a few ports of both."""
    world = World("acls")
    world.router()
    world.group("open", [ALL])
    machines = {"a": world.machine("a1", A1, ["open"]), "b": world.machine("b1", B1, ["open"])}
    for machine in machines.values():
        for port in PORTS:
            world.serve_udp(machine, port)
    yield world, machines
    world.close()


PORTS = (79, 80, 1024)
SOURCES = (2000, 5000)
sources = itertools.cycle(SOURCES)
ranges = st.sampled_from([None, (80, 80), (79, 80), (1024, 65535), (0, 1023), (0, 65535), (5000, 5000)])
rules = st.one_of(
    st.builds(
        Rule,
        peer=st.sampled_from([ANY, Cidr(A), Cidr(B), Cidr(f"{A1}/32"), Cidr(f"{B1}/32"), Cidr("10.0.0.0/8")]),
        protocol=st.just(UDP),
        ports=ranges,
    ),
    st.sampled_from([ALL, Rule(ANY, TCP), Rule(ANY, TCP, (80, 80)), Rule(ANY, ICMP), Rule(ANY, ICMP, icmp=(3, 1))]),
)
lists = st.lists(st.builds(Entry, rules, st.booleans()), max_size=4).map(tuple)


def passes(entries, peer, port):
    """Whether a datagram does, as AWS tells it: "we evaluate the rules starting with the lowest numbered"."""
    for entry in entries:
        rule = entry.rule
        if rule.protocol not in (None, UDP) or ip_address(peer) not in ip_network(rule.peer.network):
            continue
        if rule.ports is None or rule.ports[0] <= port <= rule.ports[1]:
            return entry.allow
    return False


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(of_a=st.tuples(lists, lists), of_b=st.one_of(st.none(), st.tuples(lists, lists)), port=st.sampled_from(PORTS))
def test_a_question_is_answered_exactly_if_the_lists_let_both_pass(lasting_world, of_a, of_b, port):
    world, machines = lasting_world
    wanted = [guard(world, *of_a)] + ([guard(world, *of_b, [B], "acl-b")] if of_b else [])
    set_acls(world, *wanted)
    source = next(sources)
    (in_a, out_a), (in_b, out_b) = of_a, of_b or ((EVERYTHING,), (EVERYTHING,))
    there = passes(out_a, B1, port) and passes(in_b, A1, port)
    back = passes(out_b, A1, source) and passes(in_a, B1, source)
    with world.socket(machines["a"], kind=2) as question:
        question.bind((A1, source))
        question.settimeout(5.0 if there and back else 0.1)
        question.sendto(b"?", (B1, port))
        try:
            answered = question.recv(100).decode() == A1
        except TimeoutError:
            answered = False
    assert answered == (there and back)
