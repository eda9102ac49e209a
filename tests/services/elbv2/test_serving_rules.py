"""What is said of a load balancer by what was seen of its nodes."""

import pytest

from aftershock.engines.balancer import Observed, Target
from aftershock.services.elbv2.records.load_balancer import LoadBalancer, Node
from aftershock.services.elbv2.rules.serving import Judged, in_name, is_listening, judge, may_stand
from tests.services.elbv2.records import A, B, balancer, group, node

NEW = balancer(generation=3)
ACTIVE = balancer(generation=3, state="active")


def served(zone: str, **changes: object) -> Node:
    return node(zone, **{"serving": True, "ever_served": True, "healthy": True, "seen_generation": 3, **changes})


LOST = served(B, serving=False, healthy=False)
WORDS = "The load balancer does not serve in us-east-1b"

CASES = [
    ("no node", NEW, [], "", Judged("provisioning", "", 0)),
    ("one of two", NEW, [served(A)], "", Judged("provisioning", "", 0)),
    ("the second is on its way", NEW, [served(A), node(B)], "", Judged("provisioning", "", 0)),
    ("both, with former settings", NEW, [served(A), served(B, seen_generation=2)], "", Judged("provisioning", "", 2)),
    ("both", NEW, [served(A), served(B)], "", Judged("active", "", 3)),
    ("no address is left", NEW, [node(A)], "no address", Judged("failed", "no address", 0)),
    ("it failed, and then it did not", balancer(generation=3, state="failed"), [served(A), served(B)], "",
     Judged("active", "", 3)),
    ("a change is on its way", ACTIVE, [served(A), served(B, seen_generation=2)], "", Judged("active", "", 2)),
    ("a node is lost", ACTIVE, [served(A), LOST], "", Judged("active_impaired", WORDS, 0)),
    ("a zone is new", ACTIVE, [served(A), node(B)], "", Judged("active", "", 0)),
    ("a change is refused", ACTIVE, [served(A), served(B)], "Internal error",
     Judged("active_impaired", "Internal error", 3)),
    ("it is whole again", balancer(generation=3, state="active_impaired"), [served(A), served(B)], "",
     Judged("active", "", 3)),
    ("a node that is leaving counts no more", ACTIVE,
     [served(A), served(B), served(B, wanted=False, serving=False, serial=0)], "", Judged("active", "", 3)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("around", "nodes", "hopeless", "judged"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_state_is_what_was_seen(around: LoadBalancer, nodes: list[Node], hopeless: str, judged: Judged) -> None:
    assert judge(around, nodes, hopeless) == judged


def seen(*states: str, ports: tuple[int, ...] = (80,)) -> Observed:
    targets = tuple(
        Target("web", f"10.0.0.{number}:80", state, "", None, 0)  # type: ignore[arg-type]
        for number, state in enumerate(states, 1)
    )
    return Observed("n", "hash", "", frozenset(ports), targets, {})


def test_a_node_serves_if_it_listens_on_every_port() -> None:
    assert not is_listening(None, [80], current=True, before=True)
    assert is_listening(seen(), [80], current=True, before=False)
    assert not is_listening(seen(), [80, 81], current=True, before=True)
    # While it is told something new it goes on; one that never served does not begin by that.
    assert is_listening(seen(), [80, 81], current=False, before=True)
    assert not is_listening(seen(), [80, 81], current=False, before=False)
    assert not is_listening(seen(ports=()), [80], current=False, before=True)


COUNT = "target_group_health.dns_failover.minimum_healthy_targets.count"


@pytest.mark.parametrize(
    ("states", "attributes", "may"),
    [
        (("healthy", "unhealthy"), {}, True),
        (("unhealthy", "unhealthy"), {}, False),
        (("initial",), {}, False),
        ((), {}, False),
        (("healthy", "draining"), {}, True),
        (("draining",), {}, False),
        (("healthy", "unhealthy"), {COUNT: "2"}, False),
        (("unhealthy",), {COUNT: "off"}, True),
    ],
)
def test_a_zone_stands_in_the_name_with_enough_healthy_targets(
    states: tuple[str, ...], attributes: dict[str, str], may: bool
) -> None:
    assert may_stand(seen(*states), {"web": group(attributes=attributes)}) is may


def test_where_no_zone_has_healthy_targets_all_that_serve_stay() -> None:
    sick = [served(A, healthy=False), served(B, healthy=False)]
    assert in_name(sick) == sick
    assert in_name([served(A), served(B, healthy=False)]) == [served(A)]
    assert in_name([LOST, served(A, healthy=False)]) == [served(A, healthy=False)]
    assert in_name([served(A, wanted=False), LOST]) == []
