"""What is done next about a node; and that it ends, wherever it begins."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from aftershock.services.elbv2.records.load_balancer import LoadBalancer
from aftershock.services.elbv2.rules.node_plan import Seen, plan
from tests.services.elbv2.records import balancer, node


@dataclass(frozen=True)
class Wire:
    id: str = "eni-1"
    private_ip: str = "10.0.0.9"
    public_ip: str | None = None
    group_ids: tuple[str, ...] = ("sg-1",)
    wanted: bool = True
    plugged: bool = True


RUNS = Seen(interface=Wire(), machine=True, running=True, dark=False, cut=False, left=True)
GONE = replace(RUNS, interface=None, machine=False, running=False)
DEAD = replace(RUNS, running=False)

WANTED = [
    ("it serves", RUNS, "serve"),
    ("its machine died", DEAD, "serve"),
    ("it was never made", GONE, "make interface"),
    ("it has its address, and waits for the wire", replace(GONE, interface=Wire(plugged=False)), None),
    ("it has its wire", replace(GONE, interface=Wire()), "serve"),
    ("its wire is being changed", replace(RUNS, interface=Wire(plugged=False)), "serve"),
    ("the load balancer has other groups", replace(RUNS, interface=Wire(group_ids=("sg-2",))), "set groups"),
    ("its interface went", replace(RUNS, interface=None), "remove machine"),
    ("its interface is going", replace(RUNS, interface=Wire(wanted=False)), None),
    ("its zone lost its power", replace(RUNS, dark=True), "stop"),
    ("its zone is without power", replace(DEAD, dark=True), None),
    ("its zone is cut off", replace(RUNS, cut=True), "serve"),
]
UNWANTED = [
    ("its machine runs", RUNS, "remove machine"),
    ("its machine's rest is there", DEAD, "remove machine"),
    ("its interface is there", replace(GONE, interface=Wire()), "remove interface"),
    ("nothing is left", GONE, "forget"),
]


@pytest.mark.parametrize(("seen", "step"), [case[1:] for case in WANTED], ids=[case[0] for case in WANTED])
def test_a_wanted_node_is_brought_to_serve(seen: Seen, step: str | None) -> None:
    assert plan(node(), balancer(), seen).step == step


@pytest.mark.parametrize(("seen", "step"), [case[1:] for case in UNWANTED], ids=[case[0] for case in UNWANTED])
@pytest.mark.parametrize("over", [None, balancer(wanted=False)], ids=["forgotten", "deleted"])
def test_a_node_of_a_load_balancer_that_is_over_ends(seen: Seen, step: str, over: LoadBalancer | None) -> None:
    assert plan(node(), over, seen).step == step


def test_a_node_of_a_zone_that_was_taken_away_serves_whoever_still_knows_it() -> None:
    gone = node(wanted=False)
    assert plan(gone, balancer(), replace(RUNS, left=False)).step == "serve"
    assert plan(gone, balancer(), RUNS).step == "remove machine"
    assert plan(gone, balancer(), replace(DEAD, left=False)).step == "remove machine"


wires = st.none() | st.builds(
    Wire, wanted=st.booleans(), plugged=st.booleans(), group_ids=st.sampled_from([("sg-1",), ("sg-2",)])
)
anything = st.builds(
    Seen,
    interface=wires,
    machine=st.booleans(),
    running=st.booleans(),
    dark=st.booleans(),
    cut=st.booleans(),
    left=st.booleans(),
).map(lambda seen: replace(seen, machine=seen.machine or seen.running))


def after(seen: Seen, step: str | None) -> Seen:
    """What is seen when a step was taken, and all that announces itself has happened."""
    changes: dict[str, Any] = {
        "make interface": {"interface": Wire(plugged=False)},
        "set groups": {"interface": replace(seen.interface, group_ids=("sg-1",)) if seen.interface else None},
        "serve": {"machine": True, "running": True},
        "stop": {"running": False},
        "remove machine": {"machine": False, "running": False},
        "remove interface": {"interface": None},
    }.get(step or "", {})
    if step in (None, "serve", "stop") and seen.interface is not None:  # it is plugged by others meanwhile, or goes
        changes["interface"] = replace(seen.interface, plugged=True) if seen.interface.wanted else None
    return replace(seen, **changes)


@given(anything, st.booleans(), st.booleans())
def test_from_every_state_it_settles(seen: Seen, node_wanted: bool, balancer_wanted: bool) -> None:
    one, around = changed(node(), wanted=node_wanted), balancer(wanted=balancer_wanted)
    for _ in range(10):
        step = plan(one, around, seen).step
        if step == "forget":
            assert not (node_wanted and balancer_wanted)
            assert (seen.interface, seen.machine) == (None, False)
            return
        # The interface's namespace is the machine's: it never goes, nor is deleted, under a machine that runs.
        assert not (step == "remove interface" and seen.machine)
        assert not (step == "serve" and seen.dark)
        seen = replace(after(seen, step), left=True)
    assert node_wanted
    assert balancer_wanted
    assert seen.running != seen.dark
    assert seen.interface == Wire()
