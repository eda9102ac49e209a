"""Zones that go out: what is decided, what becomes of instances, and that dying on the way changes nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as change

from aftershock.services.ec2 import begin_disruption, begin_outage, dark_zones, end_outages, outage
from aftershock.services.ec2.records.subnet import Subnet
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.records.zone_outage import DISRUPTIONS, ZONE_OUTAGES, Disruption, ZoneOutage
from aftershock.services.ec2.rules.instance_plan import Note, Runs, Start, Stop, Sweep, plan
from aftershock.services.ec2.rules.zone_outages import barriers, power
from aftershock.services.ec2.rules.zone_outages import plan as plan_outages
from aftershock.store import Transaction
from tests.services.ec2.compute import Compute
from tests.services.ec2.test_compute_plan import GONE, INSTANCE, POWEROFF, READY, RUNS, STOPPING, UP

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
A, B = "us-east-1a", "us-east-1b"
LOSS = ZoneOutage(id=f"x {A}", zone=A, kind="power", cause="x", since=NOON)
CUT = ZoneOutage(id=f"y {A}", zone=A, kind="network", cause="y", since=NOON)


@pytest.fixture
def ec2(tmp_path: Path) -> Compute:
    ec2 = Compute(tmp_path / "region.db")
    with ec2.store.transaction() as tx:
        for vpc in VPCS.every(tx):
            VPCS.put(tx, change(vpc, routed=True))
    return ec2


def begin(ec2: Compute, zone: str = A, kind: Any = "power", cause: str = "x") -> None:
    with ec2.store.transaction() as tx:
        begin_outage(tx, zone, kind, cause, NOON)


def heal(ec2: Compute, cause: str = "x") -> None:
    with ec2.store.transaction() as tx:
        end_outages(tx, cause)


# --- what is decided -------------------------------------------------------------------------------------------


def test_a_loss_of_power_is_marked_carried_out_recorded_and_forgotten_in_this_order() -> None:
    first = plan_outages([LOSS], [])
    assert first.begin == first.note == {LOSS.id}
    assert first.silent == first.powerless == {A}
    assert not first.forget
    there = plan_outages([change(LOSS, begun=True, seen=True)], [])
    assert there.powerless == there.silent == {A}
    assert not (there.begin or there.note or there.forget)
    healed = plan_outages([change(LOSS, begun=True, seen=True, wanted=False)], [])
    assert healed.forget == {LOSS.id}
    assert not (healed.silent or healed.powerless)


def test_a_loss_that_has_begun_is_carried_through_and_one_that_has_not_is_not() -> None:
    assert plan_outages([change(LOSS, begun=True, wanted=False)], []).powerless == {A}
    never = plan_outages([change(LOSS, wanted=False)], [])
    assert never.forget == {LOSS.id} and not never.powerless


def test_a_zone_that_is_cut_off_keeps_its_power() -> None:
    decided = plan_outages([CUT], [])
    assert decided.apart == {A} and not (decided.powerless or decided.silent or decided.begin)


WOUNDS = st.builds(
    ZoneOutage,
    id=st.text("abc", min_size=1, max_size=3),
    zone=st.sampled_from([A, B]),
    kind=st.sampled_from(["power", "network"]),
    cause=st.sampled_from("xyz"),
    since=st.just(NOON),
    wanted=st.booleans(),
    begun=st.booleans(),
    seen=st.booleans(),
)


@given(st.lists(WOUNDS, max_size=5, unique_by=lambda one: one.id))
def test_from_every_state_outages_settle_and_only_the_wanted_are_left(outages: list[ZoneOutage]) -> None:
    for _ in range(4):
        decided = plan_outages(outages, [])
        assert decided.reason
        assert decided.silent == decided.powerless
        assert not decided.forget & (decided.note | decided.begin)
        left = []
        for one in outages:
            after = change(one, begun=one.begun or one.id in decided.begin, seen=one.seen or one.id in decided.note)
            if one.id not in decided.forget:
                left.append(after)
        outages = left
    settled = plan_outages(outages, [])
    assert not (settled.begin or settled.note or settled.forget)
    assert all(one.wanted and one.seen for one in outages)
    assert settled.powerless == {one.zone for one in outages if one.kind == "power"}


@pytest.mark.parametrize(
    ("outages", "word"),
    [
        ([], "on"),
        ([CUT], "on"),
        ([LOSS], "failing"),
        ([change(LOSS, seen=True)], "off"),
        ([LOSS, change(LOSS, id="z", seen=True)], "off"),
    ],
)
def test_power(outages: list[ZoneOutage], word: str) -> None:
    assert power(outages) == word


OFF, FAILING = {"power": "off"}, {"power": "failing"}


@pytest.mark.parametrize(
    ("instance", "seen", "steps"),
    [
        (UP, replace(RUNS, **FAILING), []),
        (UP, replace(RUNS, **OFF), [Stop(forced=True)]),
        (UP, replace(READY, machine=POWEROFF, **OFF), [Sweep(), Note(restart=True)]),
        (change(UP, reboots=1), replace(READY, machine=POWEROFF, **OFF), [Sweep(), Note(restart=True, rebooted=True)]),
        (change(UP, restart=True), replace(READY, machine=POWEROFF, **OFF), []),
        (change(UP, restart=True), replace(READY, machine=POWEROFF), [Start()]),
        (INSTANCE, replace(READY, **OFF), []),
        (STOPPING, replace(GONE, **OFF), [Sweep(), Note(down=True)]),
    ],
)
def test_instances_of_a_zone_without_power(instance: Any, seen: Any, steps: list[Any]) -> None:
    assert list(plan(instance, seen).steps) == steps


def test_nothing_is_started_in_a_zone_without_power() -> None:
    for instance, machine, word in product(
        (INSTANCE, UP, change(UP, restart=True), change(UP, reboots=1)), (None, Runs(), POWEROFF), ("failing", "off")
    ):
        steps = plan(instance, replace(READY, machine=machine, power=word)).steps
        assert not any(isinstance(step, Start) for step in steps)
        assert not any(isinstance(step, Note) and (step.ended or step.up is not None) for step in steps)


def subnet(name: str, zone: str, cidr: str) -> Subnet:
    return Subnet(
        id=name,
        account="1",
        region="us-east-1",
        vpc_id="vpc",
        cidr=cidr,
        zone=zone,
        created_at=NOON,
    )


SUBNETS = [subnet("s1", A, "10.0.1.0/24"), subnet("s2", A, "10.0.3.0/24"), subnet("s3", B, "10.0.2.0/24")]


@pytest.mark.parametrize(
    ("scope", "against", "whole"),
    [("all", "everything", False), ("vpc", "internet", False), ("availability-zone", ("10.0.2.0/24",), False)],
)
def test_a_disruption_is_a_barrier_around_the_subnet(scope: Any, against: Any, whole: bool) -> None:
    (found,) = barriers((), [Disruption(id="x s1", subnet_id="s1", scope=scope, cause="x")], SUBNETS)
    assert (found.inside, found.against, found.whole) == (("10.0.1.0/24",), against, whole)
    (around,) = barriers([A], (), SUBNETS)
    assert (around.inside, around.against, around.whole) == (("10.0.1.0/24", "10.0.3.0/24"), "everything", True)
    healing = Disruption(id="x s1", subnet_id="s1", scope=scope, cause="x", wanted=False)
    assert barriers((), [healing], SUBNETS) == set()


# --- what becomes of instances ---------------------------------------------------------------------------------


def test_instances_die_with_their_zone_and_start_again_with_it(ec2: Compute) -> None:
    there, elsewhere = ec2.running(Placement={"AvailabilityZone": A}), ec2.running(Placement={"AvailabilityZone": B})
    starts = len(ec2.ground.starts)
    begin(ec2)
    ec2.answering = False
    ec2.settle()
    assert set(ec2.ground.running) == {elsewhere}
    assert all(zones == {A} for zones in ec2.ground.silent.values()) and ec2.ground.silent
    assert ec2.state(there) == "running"
    status = {
        one["InstanceId"]: one["SystemStatus"]["Status"]
        for one in ec2.call("DescribeInstanceStatus")["InstanceStatuses"]
    }
    assert status == {there: "impaired", elsewhere: "ok"}
    with ec2.store.snapshot() as tx:
        seen = outage(tx, "x")
    assert seen and seen.in_force and seen.machines == 1
    heal(ec2)
    ec2.answering = True
    ec2.settle()
    assert set(ec2.ground.running) == {there, elsewhere}
    assert ec2.ground.starts[starts:] == [there]
    assert not any(ec2.ground.silent.values())
    instance = ec2.instance(there)
    assert instance["State"]["Name"] == "running" and "StateReason" not in instance


def test_healed_before_anybody_saw_it_a_machine_was_still_not_killed_from_outside(ec2: Compute) -> None:
    there = ec2.running(Placement={"AvailabilityZone": A})
    begin(ec2)
    zones = next(one for one in ec2.controllers() if one.kind == "ec2.zones")
    asyncio.run(zones.reconcile("zones"))
    assert not ec2.ground.running
    heal(ec2)
    asyncio.run(zones.reconcile("zones"))
    with ec2.store.snapshot() as tx:
        assert not dark_zones(tx)
    ec2.settle()
    assert ec2.state(there) == "running" and set(ec2.ground.running) == {there}


def test_an_instance_of_a_dark_zone_can_be_stopped_and_terminated_and_not_started(ec2: Compute) -> None:
    stopped, ended = ec2.running(Placement={"AvailabilityZone": A}), ec2.running(Placement={"AvailabilityZone": A})
    begin(ec2)
    ec2.settle()
    ec2.call("StopInstances", InstanceIds=[stopped])
    ec2.call("TerminateInstances", InstanceIds=[ended])
    ec2.settle()
    assert (ec2.state(stopped), ec2.state(ended)) == ("stopped", "terminated")
    assert ec2.refusal("StartInstances", InstanceIds=[stopped])[0] == "InsufficientInstanceCapacity"
    heal(ec2)
    ec2.settle()
    assert ec2.state(stopped) == "stopped"


@pytest.mark.parametrize("kind", ["power", "network"])
def test_a_launch_names_the_zones_that_would_do_or_finds_one_itself(ec2: Compute, kind: str) -> None:
    begin(ec2, kind=kind)
    asked = {"ImageId": ec2.image, "InstanceType": "t2.micro", "MinCount": 1, "MaxCount": 1}
    assert ec2.refusal("RunInstances", Placement={"AvailabilityZone": A}, **asked) == (
        "InsufficientInstanceCapacity",
        "We currently do not have sufficient t2.micro capacity in the Availability Zone you requested (us-east-1a). "
        "Our system will be working on provisioning additional capacity. You can currently get t2.micro capacity by "
        "not specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c.",
    )
    launched = ec2.call("RunInstances", **asked)["Instances"][0]
    assert launched["Placement"]["AvailabilityZone"] == B
    for zone in ("us-east-1b", "us-east-1c"):
        begin(ec2, zone, kind)
    code, message = ec2.refusal("RunInstances", **asked)
    assert code == "InsufficientInstanceCapacity" and "choosing" not in message


def test_a_zone_that_is_cut_off_keeps_its_instances_running(ec2: Compute) -> None:
    there = ec2.running(Placement={"AvailabilityZone": A})
    begin(ec2, kind="network")
    ec2.settle()
    assert set(ec2.ground.running) == {there}
    (found,) = {one for barriers in ec2.ground.barriers.values() for one in barriers}
    assert found.whole
    heal(ec2)
    ec2.settle()
    assert not any(ec2.ground.barriers.values())


def test_two_causes_have_to_end_before_the_zone_is_back(ec2: Compute) -> None:
    there = ec2.running(Placement={"AvailabilityZone": A})
    begin(ec2, cause="x")
    begin(ec2, cause="y")
    ec2.settle()
    heal(ec2, "x")
    ec2.settle()
    assert not ec2.ground.running
    heal(ec2, "y")
    ec2.settle()
    assert set(ec2.ground.running) == {there}


def test_a_disrupted_subnet_is_behind_a_barrier_until_it_is_healed(ec2: Compute) -> None:
    subnet_id = ec2.call("DescribeSubnets")["Subnets"][0]["SubnetId"]
    with ec2.store.transaction() as tx:
        begin_disruption(tx, subnet_id, "all", "x")
    ec2.settle()
    assert [len(found) for found in ec2.ground.barriers.values()] == [1]
    heal(ec2)
    ec2.settle()
    assert not any(ec2.ground.barriers.values())
    with ec2.store.snapshot() as tx:
        assert not DISRUPTIONS.keys(tx) and not ZONE_OUTAGES.keys(tx)


# --- dying on the way ------------------------------------------------------------------------------------------


class Died(BaseException):
    """The process is gone: not an Exception, so that nothing on the way makes something of it."""


@contextmanager
def dying(ec2: Compute, nth: int, *, after: bool) -> Iterator[list[int]]:
    """The nth transaction from here on is the last thing that the process does, or what it does not come to."""
    real, left = ec2.store.transaction, [nth]

    @contextmanager
    def transaction() -> Iterator[Transaction]:
        left[0] -= 1
        if left[0] == 0 and not after:
            raise Died
        with real() as tx:
            yield tx
        if left[0] == 0:
            raise Died

    ec2.store.transaction = transaction  # type: ignore[method-assign]
    try:
        yield left
    finally:
        ec2.store.transaction = real  # type: ignore[method-assign]


@pytest.mark.parametrize("healed", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_dying_anywhere_in_an_outage_changes_nothing_in_the_end(tmp_path: Path, after: bool, healed: bool) -> None:
    for nth in count(1):
        ec2 = Compute(tmp_path / f"{nth}.db")
        there = ec2.running(Placement={"AvailabilityZone": A})
        begin(ec2)
        if healed:
            ec2.settle()
            heal(ec2)
        with dying(ec2, nth, after=after) as left:
            try:
                ec2.settle()
            except Died:
                assert left[0] <= 0
        died = left[0] <= 0
        if not healed and died:
            heal(ec2)
        ec2.settle()
        if healed or died:
            assert set(ec2.ground.running) == {there}
        assert ec2.state(there) == "running"
        assert "StateReason" not in ec2.instance(there)
        if not died:
            assert nth > 2, "nothing was interrupted: the test tests nothing"
            return
