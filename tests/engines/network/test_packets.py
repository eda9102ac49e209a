"""What passes and what does not: packets, not rules."""

import socket

import pytest

from aftershock.engines.errors import EngineError
from aftershock.engines.network import Rule, open_in, router_netns
from tests.conftest import eventually

from .world import ALL, ANY, ICMP, TCP, UDP, allow, sh, still_talks


def test_machines_of_one_segment_reach_each_other_as_far_as_their_groups_let_them(world):
    world.router()
    world.group("web", [allow(ANY, TCP, 80)])
    a, b = world.machine("a", "10.0.1.10", ["web"]), world.machine("b", "10.0.1.11", ["web"])
    world.serve(b, 80)
    world.serve(b, 81)
    assert world.reach(a, "10.0.1.11", 80) == "10.0.1.10"
    assert world.reach(a, "10.0.1.11", 81) == "blocked"
    assert not world.pings(a, "10.0.1.11")


def test_machines_reach_each_other_across_segments_and_zones(world):
    world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], zone="zone-a")
    b = world.machine("b", "10.0.2.10", ["open"], zone="zone-b")
    world.serve(b, 80)
    world.serve_udp(b, 53)
    assert world.reach(a, "10.0.2.10", 80) == "10.0.1.10"
    assert world.reach_udp(a, "10.0.2.10", 53) == "10.0.1.10"
    assert world.reach_udp(a, "10.0.2.10", 54) == "refused"
    assert world.pings(a, "10.0.2.10")


def test_an_on_link_neighbour_answers_too(world):
    world.router()
    world.group("open", [ALL])
    a, b = world.machine("a", "10.0.1.10", ["open"]), world.machine("b", "10.0.1.11", ["open"])
    world.serve(b, 80)
    sh("ip", "route", "add", "10.0.1.0/24", "dev", "eth0", netns=a.netns)
    assert world.reach(a, "10.0.1.11", 80) == "10.0.1.10"


def test_routers_are_worlds_apart_even_with_the_same_addresses(world):
    for router in ("one", "two"):
        world.router(router)
        world.group("open", [ALL], router=router)
    a = world.machine("a", "10.0.1.10", ["open"], router="one")
    twin = world.machine("twin", "10.0.1.11", ["open"], router="one")
    other = world.machine("other", "10.0.1.11", ["open"], router="two")
    only_two = world.machine("only-two", "10.0.1.12", ["open"], router="two")
    for machine, port in ((twin, 81), (other, 82), (only_two, 83)):
        world.serve(machine, port)
    assert world.reach(a, "10.0.1.11", 81) == "10.0.1.10"
    assert world.reach(a, "10.0.1.11", 82) == "refused"
    assert world.reach(a, "10.0.1.12", 83) == "blocked"


def test_a_port_without_groups_and_one_with_an_unknown_group_pass_nothing(world):
    world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"])
    for name, address, groups in (("none", "10.0.1.11", []), ("unknown", "10.0.1.12", ["never-heard-of"])):
        machine = world.machine(name, address, groups, public=f"198.18.5.{address[-2:]}")
        world.serve(machine, 80)
        assert world.reach(a, address, 80) == "blocked"
        assert world.reach(None, machine.public, 80) == "blocked"
        world.serve(a, 80 + int(address[-1]))
        assert world.reach(machine, "10.0.1.10", 80 + int(address[-1])) == "blocked"


def test_a_group_as_peer_means_its_members_and_follows_them(world):
    world.router()
    world.group("front")
    world.group("back", [allow("front", TCP, 80)])
    a, b = world.machine("a", "10.0.1.10", ["front"]), world.machine("b", "10.0.2.10", ["back"])
    c = world.machine("c", "10.0.1.11", ["back"])
    world.serve(b, 80)
    assert world.reach(a, "10.0.2.10", 80) == "10.0.1.10"
    assert world.reach(c, "10.0.2.10", 80) == "blocked"
    c = world.change(c, groups=("front",))
    a = world.change(a, groups=("back",))
    assert world.reach(c, "10.0.2.10", 80) == "10.0.1.11"
    assert world.reach(a, "10.0.2.10", 80) == "blocked"


def test_a_group_as_peer_does_not_mean_its_members_public_addresses(world):
    world.router()
    world.group("front")
    world.group("back", [allow("front", TCP, 80)])
    a = world.machine("a", "10.0.1.10", ["front"], public="198.18.0.10")
    b = world.machine("b", "10.0.2.10", ["back"], public="198.18.0.11")
    world.serve(b, 80)
    assert world.reach(a, "10.0.2.10", 80) == "10.0.1.10"
    assert world.reach(a, "198.18.0.11", 80) == "blocked"
    world.group("back", [allow("front", TCP, 80), allow("198.18.0.10/32", TCP, 80)])
    assert world.reach(a, "198.18.0.11", 80) == "198.18.0.10"


def test_rules_out_of_a_port_are_as_strict_as_those_into_it(world):
    world.router()
    world.group("open", [ALL])
    world.group("quiet", [ALL], egress=[allow("10.0.1.11/32", TCP, 80), allow("allowed", UDP, 53)])
    world.group("allowed", [ALL])
    a = world.machine("a", "10.0.1.10", ["quiet"], public="198.18.0.10")
    b, c = world.machine("b", "10.0.1.11", ["open"]), world.machine("c", "10.0.1.12", ["allowed"])
    for machine in (b, c):
        world.serve(machine, 80)
        world.serve_udp(machine, 53)
    world.serve(None, 8099, address="198.19.255.254")
    assert world.reach(a, "10.0.1.11", 80) == "10.0.1.10"
    assert world.reach(a, "10.0.1.12", 80) == "blocked"
    assert world.reach_udp(a, "10.0.1.11", 53) == "blocked"
    assert world.reach_udp(a, "10.0.1.12", 53) == "10.0.1.10"
    world.serve(a, 80)
    assert world.reach(b, "10.0.1.10", 80) == "10.0.1.11"  # an answer needs no rule


def test_icmp_rules_tell_types_apart(world):
    world.router()
    world.group("pinged", [allow(ANY, ICMP)])
    a, b = world.machine("a", "10.0.1.10", ["pinged"]), world.machine("b", "10.0.1.11", ["pinged"])
    assert world.pings(a, "10.0.1.11")
    for icmp, answers in (((8, None), True), ((8, 0), True), ((13, None), False), ((8, 1), False)):
        world.group("pinged", [Rule(ANY, ICMP, icmp=icmp)])
        assert world.pings(b, "10.0.1.10") == answers


def test_a_removed_rule_lets_tracked_flows_go_on_and_stops_new_ones_at_once(world):
    world.router()
    world.group("web", [allow(ANY, TCP, 80)])
    a, b = world.machine("a", "10.0.1.10", ["web"]), world.machine("b", "10.0.1.11", ["web"])
    world.serve(b, 80)
    connection, _ = world.flow(a, "10.0.1.11", 80)
    world.group("web", [], egress=[])
    assert still_talks(connection)
    assert world.reach(a, "10.0.1.11", 80) == "blocked"
    world.group("other")
    world.change(a, groups=("other",))
    world.change(b, groups=("other",))
    assert still_talks(connection)
    world.group("other", [allow(ANY, TCP, 80)])
    assert world.reach(a, "10.0.1.11", 80) == "10.0.1.10"


def test_a_packet_with_a_false_source_goes_nowhere(world):
    world.router()
    world.group("open", [ALL])
    a, b = world.machine("a", "10.0.1.10", ["open"]), world.machine("b", "10.0.1.11", ["open"])
    c = world.machine("c", "10.0.1.12", ["open"])
    heard = world.socket(b, socket.SOCK_DGRAM)
    heard.bind(("0.0.0.0", 9))
    heard.settimeout(0.4)
    for source in ("10.0.1.12", "10.0.9.9", "8.8.8.8"):
        sh("ip", "address", "add", f"{source}/32", "dev", "lo", netns=a.netns)
        spoofing = world.socket(a, socket.SOCK_DGRAM)
        spoofing.bind((source, 0))
        spoofing.sendto(b"false", ("10.0.1.11", 9))
        with pytest.raises(TimeoutError):
            heard.recv(10)
    honest = world.socket(c, socket.SOCK_DGRAM)
    honest.sendto(b"true", ("10.0.1.11", 9))
    assert heard.recv(10) == b"true"


def test_machines_reach_no_port_of_the_router_or_the_internet_segment_but_the_services(world):
    router = world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], public="198.18.0.10")
    metadata = world.open_sockets.enter_context(open_metadata(router.name))
    world.serve(None, 4566, address="0.0.0.0")
    inside = _listen_in_router(world, router.name, 4567)
    assert inside
    for address in ("10.0.1.1", "169.254.169.254", "169.254.128.1", "169.254.128.2", "169.254.169.253", "10.0.0.2"):
        assert world.reach(a, address, 4567) in ("blocked", "refused")
        assert world.reach(a, address, 4566) == "blocked"
    assert world.reach(a, "198.19.255.254", 4566) == "blocked"
    assert world.pings(a, "10.0.1.1")
    metadata.settimeout(2)
    world.socket(a).connect(("169.254.169.254", 80))
    assert metadata.accept()[1][0] == "10.0.1.10"


def test_a_machine_is_answered_by_the_resolver_and_the_metadata_service_whatever_its_groups(world):
    router = world.router()
    world.group("nothing", [], egress=[])
    a = world.machine("a", "10.0.1.10", ["nothing"])
    sh("ip", "address", "replace", "169.254.169.253/32", "dev", "lo")
    world.serve_udp(None, 53, address="169.254.169.253")
    world.serve(None, 53, address="169.254.169.253")
    for address in ("169.254.169.253", "10.0.0.2"):
        assert world.reach_udp(a, address, 53).startswith("169.254.")
        assert world.reach(a, address, 53).startswith("169.254.")
    metadata = world.open_sockets.enter_context(open_metadata(router.name))
    metadata.settimeout(2)
    world.socket(a).connect(("169.254.169.254", 80))
    assert metadata.accept()[1][0] == "10.0.1.10"


def test_a_router_pings_its_machines_whatever_their_groups(world):
    router = world.router()
    a = world.machine("a", "10.0.1.10", [])
    assert world.run(world.network.ping(router.name, "10.0.1.10", 2.0))
    assert not world.run(world.network.ping(router.name, "10.0.1.99", 0.3))
    sh("ip", "link", "set", "eth0", "down", netns=a.netns)
    assert not world.run(world.network.ping(router.name, "10.0.1.10", 0.3))


def test_a_cut_zone_is_silent_at_once_and_comes_back(world):
    router = world.router()
    world.group("open", [ALL])
    a = world.machine("a", "10.0.1.10", ["open"], zone="zone-a", public="198.18.0.10")
    b = world.machine("b", "10.0.2.10", ["open"], zone="zone-b")
    c = world.machine("c", "10.0.2.11", ["open"], zone="zone-b")
    for machine in (a, b, c):
        world.serve(machine, 80)
    connection, _ = world.flow(b, "10.0.1.10", 80)
    world.run(world.network.set_zones_cut(router.name, {"zone-a"}))
    assert world.run(world.network.zones_cut(router.name)) == {"zone-a"}
    assert not still_talks(connection)
    assert world.reach(b, "10.0.1.10", 80) == "blocked"
    assert world.reach(None, "198.18.0.10", 80) == "blocked"
    assert world.reach(b, "10.0.2.11", 80) == "10.0.2.10"
    assert not world.run(world.network.ping(router.name, "10.0.1.10", 0.3))
    world.run(world.network.ensure_router(router))
    late = world.machine("late", "10.0.1.11", ["open"], zone="zone-a")
    world.serve(late, 80)
    assert world.reach(b, "10.0.1.11", 80) == "blocked"
    world.run(world.network.set_zones_cut(router.name, set()))
    assert world.reach(b, "10.0.1.11", 80) == "10.0.2.10"
    eventually(lambda: _assert(world.reach(b, "10.0.1.10", 80) == "10.0.2.10"))


def test_two_ports_cannot_have_one_address(world):
    world.router()
    a = world.machine("a", "10.0.1.10", [])
    with pytest.raises(EngineError, match="is still that of port"):
        world.machine("b", "10.0.1.10", [])
    world.run(world.network.remove_port(a.name))
    world.machine("b", "10.0.1.10", [])


def open_metadata(router):
    listener = open_in(router_netns(router))
    listener.bind(("169.254.169.254", 80))
    listener.listen()
    return listener


def _listen_in_router(world, router, port):
    listener = world.open_sockets.enter_context(open_in(router_netns(router)))
    listener.bind(("0.0.0.0", port))
    listener.listen()
    return listener


def _assert(condition):
    assert condition
