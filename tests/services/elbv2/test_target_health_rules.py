"""What is said of a target, by what was seen of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.balancer import Target as Sight
from aftershock.services.ec2.lookups import InstanceSeen
from aftershock.services.elbv2.rules.located import Located, locate
from aftershock.services.elbv2.rules.target_health import Over, Shown, judge
from tests.services.elbv2.records import NOW, A, B, C, group, target

SERVER = "10.0.0.5:80"


def sight(state: str, fault: str = "", code: int | None = None) -> Sight:
    return Sight("web", SERVER, state, fault, code, 0)  # type: ignore[arg-type]


def instance(state: str = "running", zone: str = A) -> InstanceSeen:
    return InstanceSeen("i-1", "vpc-1", zone, "10.0.0.5", state)


HEALTHY, INITIAL, TIMEOUT = sight("healthy"), sight("initial"), sight("unhealthy", "timeout")
CODE, FAILED = sight("unhealthy", "code", 502), sight("unhealthy", "failed")
REGISTERING = Shown("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Shown("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
TIMED_OUT = Shown("unhealthy", "Target.Timeout", "Request timed out")

NEW = [
    ("nobody has looked", [], REGISTERING),
    ("it is looked at", [INITIAL, INITIAL], CHECKING),
    ("not all have seen it", [HEALTHY, INITIAL], CHECKING),
    ("all have seen it", [HEALTHY, HEALTHY], Shown("healthy")),
    ("it is silent", [TIMEOUT, TIMEOUT], TIMED_OUT),
    (
        "it answers something else",
        [CODE],
        Shown("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [502]"),
    ),
    ("nobody is at its port", [FAILED], Shown("unhealthy", "Target.FailedHealthChecks", "Health checks failed")),
    ("one node cannot reach it", [HEALTHY, HEALTHY, TIMEOUT], Shown("healthy")),
    ("as many see it as do not", [HEALTHY, TIMEOUT], CHECKING),
]
KNOWN = [
    ("one node is new", [HEALTHY, INITIAL], Shown("healthy")),
    ("as many see it as do not", [HEALTHY, TIMEOUT], Shown("healthy")),
    ("no node was seen to look", [], Shown("healthy")),
    ("most do not", [TIMEOUT, HEALTHY, TIMEOUT], TIMED_OUT),
]


def said(located: Located, *sights: Sight, let_go: bool = True, known: bool = True) -> Shown | Over:
    return judge(located, sights, now=NOW, delay_s=300.0, let_go=let_go, known=known)


@pytest.mark.parametrize(("sights", "shown"), [case[1:] for case in NEW], ids=[case[0] for case in NEW])
def test_a_new_target_is_what_the_nodes_see(sights: list[Sight], shown: Shown) -> None:
    assert said(locate(target(), group(), instance(), {A}), *sights) == shown


def test_a_new_target_is_not_healthy_before_every_node_knows_it() -> None:
    fresh = locate(target(), group(), instance(), {A})
    assert said(fresh, HEALTHY, known=False) == CHECKING
    old = locate(target(state="healthy", fault=None, description=None), group(), instance(), {A})
    assert said(old, HEALTHY, known=False) == Shown("healthy")  # the node is new, and not the target


@pytest.mark.parametrize(("sights", "shown"), [case[1:] for case in KNOWN], ids=[case[0] for case in KNOWN])
def test_a_healthy_target_stays_so_until_most_nodes_see_otherwise(sights: list[Sight], shown: Shown) -> None:
    known = target(state="healthy", fault=None, description=None)
    assert said(locate(known, group(), instance(), {A}), *sights) == shown


@pytest.mark.parametrize(
    ("found", "zones", "fault", "description"),
    [
        (instance("stopped"), {A}, "Target.InvalidState", "Target is in the stopped state"),
        (instance("pending"), {A}, "Target.InvalidState", "Target is in an invalid state"),
        (
            instance(zone=C),
            {A, B},
            "Target.NotInUse",
            "Target is in an Availability Zone that is not enabled for the load balancer",
        ),
        (
            instance(),
            None,
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        ),
    ],
    ids=["stopped", "starting", "in another zone", "without a load balancer"],
)
def test_a_target_that_gets_nothing_is_unused(
    found: InstanceSeen, zones: set[str] | None, fault: str, description: str
) -> None:
    located = locate(target(state="healthy"), group(), found, zones)
    assert not located.is_server
    assert said(located, HEALTHY) == Shown("unused", fault, description)


def test_an_instance_that_shuts_down_ends_what_it_has_begun() -> None:
    for state in ("stopping", "shutting-down"):
        assert locate(target(), group(), instance(state), {A}).server == SERVER


def test_a_target_whose_instance_was_terminated_is_none_any_more() -> None:
    for found in (instance("terminated"), None):
        assert isinstance(said(locate(target(), group(), found, {A})), Over)


def test_a_deregistered_target_drains_until_its_delay_is_over() -> None:
    leaving = target(deregistering_at=NOW - timedelta(seconds=299))
    draining = Shown("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    assert said(locate(leaving, group(), instance(), {A}), HEALTHY) == draining
    assert isinstance(said(locate(leaving, group(), instance("stopped"), {A})), Over)
    over = target(deregistering_at=NOW - timedelta(seconds=300))
    assert isinstance(said(locate(over, group(), instance(), {A}), HEALTHY), Over)
    # Nobody could tell the nodes in time: the control plane was not there.
    still = said(locate(over, group(), instance(), {A}), HEALTHY, let_go=False)
    assert isinstance(still, Shown) and still.state == "draining"


def test_an_address_is_where_it_says() -> None:
    one = target(id="10.0.0.5", zone=C)
    assert not locate(one, group(target_type="ip"), None, {A, B}).is_server
    assert locate(one, group(target_type="ip"), None, {C}).server == SERVER
    outside = target(id="192.168.0.5", zone="all")
    assert locate(outside, group(target_type="ip"), None, {A}).server == "192.168.0.5:80"


sights = st.lists(st.sampled_from([HEALTHY, INITIAL, TIMEOUT, CODE, FAILED]), max_size=6)


@given(sights, st.sampled_from(["initial", "healthy", "unhealthy", "unused", "draining"]))
def test_nothing_is_healthy_that_nobody_saw_so(seen: list[Sight], before: str) -> None:
    shown = said(locate(target(state=before), group(), instance(), {A}), *seen)
    assert isinstance(shown, Shown)
    if shown.state == "healthy" and before != "healthy":
        assert HEALTHY in seen
        assert INITIAL not in seen or before == "unhealthy"
    if shown.state == "unhealthy" and before != "unhealthy":
        assert any(one.state == "unhealthy" for one in seen)
    assert (shown.fault is None) == (shown.state == "healthy") or before in ("healthy", "unhealthy")
