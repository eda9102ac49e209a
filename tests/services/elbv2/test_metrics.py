"""What load balancers measure: what their nodes' counters have grown by."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.metrics import Datum
from aftershock.clock import Clock
from aftershock.engines.balancer import Observed
from aftershock.services.ec2.lookups import InstanceSeen
from aftershock.services.elbv2.controllers import Sights
from aftershock.services.elbv2.metrics import Growth, Hosts, Metrics, balancer_data, group_data, growth
from aftershock.services.elbv2.outside import Outside
from aftershock.services.elbv2.records.action import Forward, Share
from aftershock.services.elbv2.records.listener import LISTENERS, Listener
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, NODES
from aftershock.services.elbv2.records.tables import TABLES
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS, TARGETS
from aftershock.store import Store
from tests.services.elbv2.records import ACCOUNT, NOW, A, B, balancer, group, node, target

BACKEND = "web-73e2d6bc24d8a067"
LB, TG = ("LoadBalancer", "app/web/50dc6c495c0c9188"), ("TargetGroup", "targetgroup/web/73e2d6bc24d8a067")
BEGAN = NOW.timestamp() - 3600


def observed(
    listener: dict[str, int] | None = None,
    backend: dict[str, int] | None = None,
    times: dict[int, int] | None = None,
    *,
    since: float = BEGAN,
    **opened: int,
) -> Observed:
    return Observed(
        name="n",
        applied="hash",
        problem="",
        ports=frozenset({80}),
        targets=(),
        counters={"listener/80": listener or {}, f"backend/{BACKEND}": backend or {}},
        times={f"backend/{BACKEND}": times or {}, f"server/{BACKEND}/10.0.0.1:80": times or {}},
        open={"listener/80": opened.get("clients", 0), f"server/{BACKEND}/10.0.0.1:80": opened.get("servers", 0)},
        since=since,
    )


def told(data: Iterable[Datum]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {(one.name, frozenset(one.dimensions)): one.sum for one in data}


def test_counters_grow_from_what_was_counted_before() -> None:
    before = observed({"connections": 5}, {"answers_2xx": 7}, {12: 3})
    now = observed({"connections": 9, "own_4xx": 1}, {"answers_2xx": 10}, {12: 4, 200: 2}, clients=3, servers=2)
    grown = growth(before, now)
    assert grown.listeners == Counter(connections=4, own_4xx=1)
    assert grown.groups == {BACKEND: Counter(answers_2xx=3)}
    assert grown.times_ms == {BACKEND: Counter({12: 1, 200: 2})}
    assert (grown.clients, grown.servers) == (3, 2)


def test_a_node_that_was_begun_anew_counts_from_nothing() -> None:
    before = observed({"connections": 500})
    assert growth(before, observed({"connections": 9}, since=BEGAN + 60)).listeners == Counter(connections=9)
    assert growth(None, observed({"connections": 9})).listeners == Counter(connections=9)


counters = st.dictionaries(st.sampled_from(["connections", "own_4xx", "bytes_in"]), st.integers(0, 100))


@given(st.lists(counters, min_size=1, max_size=6))
def test_growth_adds_up_to_what_was_counted(steps: list[dict[str, int]]) -> None:
    total, before, grown = Counter[str](), observed(), Growth()
    for step in steps:
        total += Counter(step)
        now = observed(dict(total))
        grown, before = grown + growth(before, now), now
    assert grown.listeners == +total


def test_an_application_load_balancer_tells_what_aws_does_where_it_does() -> None:
    one = growth(
        None,
        observed(
            {"connections": 4, "bytes_in": 100, "bytes_out": 900, "own_5xx": 2, "own_503": 2, "redirect": 1},
            {"connections": 6, "answers_2xx": 5, "answers_4xx": 1},
            {10: 3, 30: 1},
            clients=2,
            servers=1,
        ),
    )
    data = list(balancer_data(balancer(), {A: one, B: Growth()}, NOW))
    whole, zone = frozenset({LB}), frozenset({LB, ("AvailabilityZone", A)})
    expected = {
        "RequestCount": 6,
        "HTTPCode_Target_2XX_Count": 5,
        "HTTPCode_Target_4XX_Count": 1,
        "HTTPCode_ELB_5XX_Count": 2,
        "HTTPCode_ELB_503_Count": 2,
        "HTTP_Redirect_Count": 1,
        "TargetResponseTime": 0.06,
    }
    only_whole = {"ActiveConnectionCount": 3, "NewConnectionCount": 4, "ProcessedBytes": 1000}
    assert told(data) == pytest.approx(
        {(name, whole): count for name, count in (expected | only_whole).items()}
        | {(name, zone): count for name, count in expected.items()}
    )
    (time,) = [datum for datum in data if datum.name == "TargetResponseTime" and len(datum.dimensions) == 1]
    assert (time.minimum, time.maximum, time.sample_count) == (0.01, 0.03, 4)
    assert dict(zip(time.values, time.counts, strict=True)) == {0.01: 3, 0.03: 1}
    assert {datum.namespace for datum in data} == {"AWS/ApplicationELB"}


def test_a_target_group_tells_of_its_hosts_even_without_requests() -> None:
    one = growth(None, observed({}, {"connections": 12}))
    hosts = {A: Hosts(healthy=1), B: Hosts(healthy=2, unhealthy=1)}
    found = told(group_data(balancer(), group(), {A: one, B: Growth()}, hosts, NOW))
    in_a, in_b = ("AvailabilityZone", A), ("AvailabilityZone", B)
    assert found == {
        ("HealthyHostCount", frozenset({LB, TG})): 3,
        ("UnHealthyHostCount", frozenset({LB, TG})): 1,
        ("HealthyHostCount", frozenset({LB, TG, in_a})): 1,
        ("UnHealthyHostCount", frozenset({LB, TG, in_a})): 0,
        ("HealthyHostCount", frozenset({LB, TG, in_b})): 2,
        ("UnHealthyHostCount", frozenset({LB, TG, in_b})): 1,
        ("RequestCount", frozenset({LB, TG})): 12,
        ("RequestCount", frozenset({LB, TG, in_a})): 12,
        ("RequestCountPerTarget", frozenset({TG})): 4,
        ("RequestCountPerTarget", frozenset({LB, TG})): 4,
        ("RequestCountPerTarget", frozenset({TG, in_a})): 4,
        ("RequestCountPerTarget", frozenset({LB, TG, in_a})): 4,
    }


def test_a_network_load_balancer_tells_of_flows() -> None:
    one = growth(None, observed({"connections": 4, "bytes_in": 1, "bytes_out": 2}, clients=2))
    data = list(balancer_data(balancer(A, kind="network"), {A: one}, NOW))
    assert {datum.namespace for datum in data} == {"AWS/NetworkELB"}
    whole = {name: count for (name, place), count in told(data).items() if len(place) == 1}
    assert whole == {"ActiveFlowCount": 2, "NewFlowCount": 4, "ProcessedBytes": 3}


class Watch(Clock):
    """A clock that goes when it is told to."""

    seconds = 0.0

    def monotonic(self) -> float:
        return Watch.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=Watch.seconds)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    made = Store(tmp_path / "region.db", TABLES)
    with made.transaction() as tx:
        LOAD_BALANCERS.put(tx, balancer())
        NODES.put(tx, node(A))
        NODES.put(tx, node(B))
        TARGET_GROUPS.put(tx, group())
        TARGETS.put(tx, target(state="healthy"))
        listener = Listener(
            arn="listener",
            account=ACCOUNT,
            load_balancer=balancer().arn,
            protocol="HTTP",
            port=80,
            action=Forward(shares=(Share(group().arn),)),
            default_rule="rule",
            created_at=NOW,
        )
        LISTENERS.put(tx, listener)
    yield made
    made.close()


def test_minutes_are_told_of_only_as_far_as_they_were_measured(store: Store) -> None:
    outside = Outside(
        subnet=lambda *_: None,
        vpc=lambda *_: None,
        instance=lambda tx, account, one: InstanceSeen(one, "vpc-1", A, "10.0.0.1", "running"),
        security_group_vpc=lambda *_: None,
        zones=tuple,
        certificate=lambda *_: None,
        interfaces=None,  # type: ignore[arg-type]
    )
    sights, first, second = Sights(), node(A).name, node(B).name
    metrics = Metrics(store, Watch(), outside, sights)

    def minute(seconds: float = 60.0) -> dict[str, float]:
        Watch.seconds += seconds
        data = told(asyncio.run(metrics(datetime.now(UTC))))
        return {name: count for (name, place), count in data.items() if place in ({LB}, {LB, TG})}

    Watch.seconds = 0.0
    sights.see(first, observed({"connections": 100}))
    assert minute() == {}  # since when they grew is not known
    sights.see(first, observed({"connections": 103}, {"connections": 9}))
    counted = minute()
    assert (counted["NewConnectionCount"], counted["RequestCount"]) == (3, 9)
    assert (counted["HealthyHostCount"], counted["UnHealthyHostCount"]) == (1, 0)
    # A node that ran unseen: what it counted in this minute is not known; one that was begun in it is.
    sights.see(second, observed({"connections": 50}))
    assert "NewConnectionCount" not in minute()
    sights.see(second, observed({"connections": 7}, since=Watch().now().timestamp() + 1))
    assert minute()["NewConnectionCount"] == 7
    sights.see(first, observed({"connections": 900}))
    assert minute(200.0) == {}  # nobody asked in between
    sights.see(first, None)
    sights.see(second, None)
    assert minute() == {}
