"""Which nodes come and go."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from aftershock.services.elbv2.records.load_balancer import LoadBalancer, Node, ZonePlace
from aftershock.services.elbv2.rules.renewal import plan

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIFE_S = 100.0
BALANCER = LoadBalancer(
    arn="arn",
    account="123456789012",
    region="us-east-1",
    id="0123456789abcdef",
    name="web",
    kind="application",
    scheme="internet-facing",
    vpc_id="vpc-1",
    zones=(ZonePlace(zone="a", subnet_id="s-a"), ZonePlace(zone="b", subnet_id="s-b")),
    dns_name="web",
    key="00",
    created_at=NOW,
    state="active",
)
A = Node(
    name="a-1",
    load_balancer="arn",
    zone="a",
    subnet_id="s-a",
    serial=1,
    wanted_at=NOW,
    serving=True,
    ever_served=True,
    healthy=True,
)
B = replace(A, name="b-1", zone="b", subnet_id="s-b")
OLD = replace(A, wanted_at=NOW - timedelta(seconds=LIFE_S))
HEIR = replace(A, name="a-2", serial=2)


@pytest.mark.parametrize(
    ("what", "nodes", "add", "retire"),
    [
        ("a new load balancer", [], [("a", "s-a"), ("b", "s-b")], []),
        ("all as wanted", [A, B], [], []),
        ("one of them is missing", [B], [("a", "s-a")], []),
        ("one that goes is none that is there", [replace(A, wanted=False), B], [("a", "s-a")], []),
        ("another subnet of the zone", [replace(A, subnet_id="s-x"), B], [("a", "s-a")], ["a-1"]),
        ("a zone that it is no longer in", [A, B, replace(A, name="c-1", zone="c")], [], ["c-1"]),
        ("one has lived long enough", [OLD, B], [("a", "s-a")], []),
        ("its successor is on its way", [OLD, replace(HEIR, serving=False), B], [], []),
        ("its successor serves, and has nobody to serve yet", [OLD, replace(HEIR, healthy=False), B], [], []),
        ("its successor does as well", [OLD, HEIR, B], [], ["a-1"]),
        ("neither has anybody to serve", [replace(OLD, healthy=False), replace(HEIR, healthy=False), B], [], ["a-1"]),
        ("nobody knows how old it is", [replace(A, wanted_at=None), B], [], []),
    ],
)
def test_the_nodes_that_come_and_go(
    what: str, nodes: list[Node], add: list[tuple[str, str]], retire: list[str]
) -> None:
    decided = plan(BALANCER, nodes, now=NOW, life_s=LIFE_S)
    assert list(decided.add) == add, what
    assert [node.name for node in decided.retire] == retire, what


def test_a_network_load_balancer_keeps_its_addresses() -> None:
    assert not plan(replace(BALANCER, kind="network"), [OLD, B], now=NOW, life_s=LIFE_S).add


def test_nobody_is_relieved_while_something_is_wrong() -> None:
    assert not plan(replace(BALANCER, state="active_impaired"), [OLD, B], now=NOW, life_s=LIFE_S).add
