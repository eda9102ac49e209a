"""What passes a barrier, and what a machine's own blackhole swallows, by real packets."""

import pytest

from aftershock.engines.network import Barrier, Blackhole
from tests.engines.network.test_packets import open_metadata
from tests.engines.network.world import A1, A2, B1, sh, still_talks

ZONE_A, ZONE_B = ("10.0.1.0/24",), ("10.0.2.0/24",)


def test_behind_a_whole_barrier_everything_goes_on_and_nothing_comes_out(world, three):
    router, a1, a2, b1 = three
    resolver(world)
    metadata = world.open_sockets.enter_context(open_metadata(router.name))
    metadata.settimeout(2)
    within, _ = world.flow(a2, A1, 80)
    across, _ = world.flow(b1, A1, 80)
    world.run(world.network.set_barriers(router.name, [Barrier(inside=ZONE_A, whole=True)]))
    assert still_talks(within)
    assert not still_talks(across)
    assert world.reach(a2, A1, 80) == A2
    assert world.reach(b1, A1, 80) == "blocked"
    assert world.reach(a1, B1, 80) == "blocked"
    assert world.reach(None, "198.18.0.10", 80) == "blocked"
    assert world.reach_udp(a1, "169.254.169.253", 53) == "blocked"
    assert not world.run(world.network.ping(router.name, A1, 0.3))
    world.socket(a1).connect(("169.254.169.254", 80))
    assert metadata.accept()[1][0] == A1
    world.run(world.network.ensure_router(router))
    late = world.machine("late", "10.0.1.12", ["open"])
    world.serve(late, 80)
    assert world.reach(b1, "10.0.1.12", 80) == "blocked"
    world.run(world.network.set_barriers(router.name, []))
    assert world.reach(b1, A1, 80) == B1
    assert world.reach(None, "198.18.0.10", 80) == "198.19.255.254"
    assert world.run(world.network.ping(router.name, A1, 2.0))


@pytest.mark.parametrize(
    ("against", "neighbour", "other", "internet"),
    [("everything", True, False, False), ("internet", True, True, False), (ZONE_B, True, False, True)],
)
def test_a_barrier_stands_only_against_what_it_is_for(  # noqa: PLR0917
    world, three, against, neighbour, other, internet
):
    router, a1, a2, b1 = three
    resolver(world)
    world.run(world.network.set_barriers(router.name, [Barrier(inside=ZONE_A, against=against)]))
    assert (world.reach(a2, A1, 80) == A2) == neighbour
    assert (world.reach(b1, A1, 80) == B1) == other
    assert (world.reach(a1, B1, 80) == A1) == other
    assert (world.reach(None, "198.18.0.10", 80) == "198.19.255.254") == internet
    assert world.run(world.network.ping(router.name, A1, 2.0))
    assert world.reach_udp(a1, "169.254.169.253", 53) != "blocked"


def test_setting_the_same_barriers_again_changes_nothing(world, three):
    router = three[0]
    wanted = [Barrier(inside=ZONE_A, whole=True), Barrier(inside=ZONE_B, against="internet")]
    for _ in range(2):
        world.run(world.network.set_barriers(router.name, wanted))
        found = world.run(world.network._require_table(router.name))
        assert found.barriers == {one.digest for one in wanted}
    assert world.run(world.network.list_routers())


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_blackhole_swallows_one_port_and_leaves_the_others(world, three, direction):
    _, a1, a2, _ = three
    world.serve(a1, 81)
    netns, source = (a1.netns, a2) if direction == "ingress" else (a2.netns, a2)
    hole = Blackhole(protocol="tcp", port=80, direction=direction)
    for _ in range(2):
        world.run(world.network.ensure_blackhole(netns, "one", hole))
        assert world.run(world.network.blackholes(netns)) == {"one"}
    assert world.reach(source, A1, 80) == "blocked"
    assert world.reach(source, A1, 81) == A2
    for _ in range(2):
        world.run(world.network.remove_blackhole(netns, "one"))
        assert world.run(world.network.blackholes(netns)) == frozenset()
    assert world.reach(source, A1, 80) == A2


def test_a_blackhole_of_a_machine_that_is_gone_is_none(world):
    world.run(world.network.remove_blackhole("m-nowhere", "one"))
    assert world.run(world.network.blackholes("m-nowhere")) == frozenset()


def resolver(world):
    sh("ip", "address", "replace", "169.254.169.253/32", "dev", "lo")
    world.serve_udp(None, 53, address="169.254.169.253")
