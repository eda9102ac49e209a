"""What is measured of instances, and what is not said of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.aws.metrics import Datum, bucket_start
from aftershock.clock import Clock
from aftershock.engines.errors import EngineError
from aftershock.engines.network.spec import port_device
from aftershock.services.ec2.metrics import GROUP_TAG, InstanceMetrics, Reading, Wire, parse_devices, worked
from aftershock.services.ec2.records.instance import INSTANCES
from tests.services.ec2.compute import Compute

START = 1_795_000_200  # begins five minutes


@dataclass
class Used:
    cpu_s: float = 0.0


class Ticks(Clock):
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        object.__setattr__(self, "pace", 1.0)
        object.__setattr__(self, "seconds", 0.0)

    def monotonic(self) -> float:
        return float(self.seconds)  # type: ignore[attr-defined]

    def pass_s(self, seconds: float) -> None:
        object.__setattr__(self, "seconds", self.monotonic() + seconds)


class Measured:
    """An account whose machines have used what the test says."""

    def __init__(self, path: Path) -> None:
        self.ec2 = Compute(path)
        self.clock = Ticks()
        self.used: dict[str, Used] = {}
        self.counted: dict[str, Wire] = {}
        self.router_answers = True
        self.source = self.made()
        self.minutes = 0

    def made(self) -> InstanceMetrics:
        return InstanceMetrics(self.ec2.store, self.clock, self.usage, self.wires)

    def usage(self, name: str) -> Used:
        return self.used.setdefault(name, Used())

    async def wires(self, router: str) -> Mapping[str, Wire]:
        if not self.router_answers:
            raise EngineError("no such router")
        return self.counted

    def wire(self, instance_id: str, wire: Wire) -> None:
        interface = self.ec2.instance(instance_id)["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.counted[port_device(interface)] = wire

    def minute(self, seconds: float = 60.0) -> list[Datum]:
        """The data of a minute that is over now."""
        self.clock.pass_s(seconds)
        at = bucket_start(START // 60 + self.minutes, 60, 1.0)
        self.minutes += 1
        return list(asyncio.run(self.source(at)))


@pytest.fixture
def world(tmp_path: Path) -> Measured:
    return Measured(tmp_path / "region.db")


def of(data: list[Datum], name: str, **dimensions: str) -> list[Datum]:
    return [one for one in data if one.name == name and dict(one.dimensions) == dimensions]


def test_nothing_is_said_of_an_instance_before_its_second_minute_but_its_status_checks(world: Measured) -> None:
    instance_id = world.ec2.running(Monitoring={"Enabled": True})
    assert {one.name for one in world.minute()} == {
        "StatusCheckFailed",
        "StatusCheckFailed_Instance",
        "StatusCheckFailed_System",
    }
    assert of(world.minute(), "CPUUtilization", InstanceId=instance_id)


def test_cpu_is_the_percentage_of_the_types_processors(world: Measured) -> None:
    one = world.ec2.running(Monitoring={"Enabled": True})
    two = world.ec2.running(Monitoring={"Enabled": True}, InstanceType="t3.micro")
    world.minute()
    world.used[one].cpu_s += 30.0
    world.used[two].cpu_s += 30.0
    data = world.minute()
    assert of(data, "CPUUtilization", InstanceId=one)[0].sum == pytest.approx(50.0)
    assert of(data, "CPUUtilization", InstanceId=two)[0].sum == pytest.approx(25.0)


def test_detailed_monitoring_tells_every_minute_and_across_types_and_images(world: Measured) -> None:
    ids = [world.ec2.running(Monitoring={"Enabled": True}) for _ in range(2)]
    world.minute()
    world.used[ids[0]].cpu_s += 60.0
    data = world.minute()
    for dimensions in ({"InstanceType": "t2.micro"}, {"ImageId": world.ec2.image}, {}):
        (datum,) = of(data, "CPUUtilization", **dimensions)
        assert (datum.sample_count, datum.minimum, datum.maximum) == (2, 0.0, 100.0)
    assert not of(data, "StatusCheckFailed", InstanceType="t2.micro")


def test_basic_monitoring_tells_after_five_minutes_what_was_in_each(world: Measured) -> None:
    instance_id = world.ec2.running()
    world.minute()
    found = []
    for cpu_s in (6.0, 12.0, 18.0, 24.0):
        world.used[instance_id].cpu_s += cpu_s
        found.append(of(world.minute(), "CPUUtilization", InstanceId=instance_id))
    assert found[:3] == [[], [], []]
    (datum,) = found[3]
    assert datum.at.timestamp() == START
    assert datum.sample_count == 4
    assert (datum.minimum, datum.maximum, datum.sum) == pytest.approx((10.0, 40.0, 100.0))
    assert not of(world.minute(), "CPUUtilization", InstanceType="t2.micro")


def test_status_checks_are_told_every_minute_also_with_basic_monitoring(world: Measured) -> None:
    instance_id = world.ec2.running()
    assert of(world.minute(), "StatusCheckFailed", InstanceId=instance_id)[0].sum == 0.0
    world.ec2.answering = False
    world.ec2.settle()
    data = world.minute()
    failed = {
        name: of(data, f"StatusCheckFailed{name}", InstanceId=instance_id) for name in ("", "_Instance", "_System")
    }
    assert {name: one[0].sum for name, one in failed.items()} == {"": 1.0, "_Instance": 1.0, "_System": 0.0}


def test_traffic_is_what_passed_in_the_minute(world: Measured) -> None:
    instance_id = world.ec2.running(Monitoring={"Enabled": True})
    world.wire(instance_id, Wire(1000, 10, 500, 5))
    world.minute()
    world.wire(instance_id, Wire(4000, 12, 700, 8))
    data = world.minute()
    names = ("NetworkIn", "NetworkPacketsIn", "NetworkOut", "NetworkPacketsOut")
    assert [of(data, name, InstanceId=instance_id)[0].sum for name in names] == [3000, 2, 200, 3]


def test_a_group_is_told_of_by_its_tag(world: Measured) -> None:
    ids = [world.ec2.running() for _ in range(2)]
    with world.ec2.store.transaction() as tx:
        for instance in INSTANCES.every(tx):
            INSTANCES.put(tx, replace(instance, tags={GROUP_TAG: "web"}))
    (datum,) = of(world.minute(), "StatusCheckFailed", AutoScalingGroupName="web")
    assert datum.sample_count == len(ids)


def test_a_minute_is_not_told_that_a_new_control_plane_did_not_see_whole(world: Measured) -> None:
    world.ec2.running(Monitoring={"Enabled": True})
    world.minute()
    world.source = world.made()
    assert not [one for one in world.minute() if one.name == "CPUUtilization"]
    assert [one for one in world.minute() if one.name == "CPUUtilization"]
    assert not [one for one in world.minute(200.0) if one.name == "CPUUtilization"]


def test_without_a_router_there_is_no_traffic_to_tell_of(world: Measured) -> None:
    instance_id = world.ec2.running(Monitoring={"Enabled": True})
    world.wire(instance_id, Wire())
    world.minute()
    world.router_answers = False
    data = world.minute()
    assert of(data, "CPUUtilization", InstanceId=instance_id)
    assert not of(data, "NetworkIn", InstanceId=instance_id)


def test_a_stopped_instance_is_not_measured(world: Measured) -> None:
    instance_id = world.ec2.running(Monitoring={"Enabled": True})
    world.minute()
    world.ec2.call("StopInstances", InstanceIds=[instance_id])
    world.ec2.settle()
    assert world.minute() == []


@settings(deadline=None)
@given(
    cpu_s=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
    sent=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    elapsed_s=st.floats(0, 1e4),
    vcpus=st.integers(1, 96),
)
def test_what_was_worked_is_never_negative_nor_more_than_there_is(
    cpu_s: tuple[float, float], sent: tuple[int, int], elapsed_s: float, vcpus: int
) -> None:
    (cpu_before, cpu_after), (sent_before, sent_after) = cpu_s, sent
    before = Reading((1, 0), 0.0, cpu_before, Wire(bytes_out=sent_before))
    after = Reading((1, 0), elapsed_s, cpu_after, Wire(bytes_out=sent_after))
    found = worked(before, after, vcpus)
    assert all(value >= 0 for value in found.values())
    assert found.get("CPUUtilization", 0.0) <= 100.0
    assert worked(before, Reading((2, 0), elapsed_s, cpu_after, None), vcpus) == {}


def test_the_kernels_counters_are_read() -> None:
    text = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop\n"
        "    lo:       1       2    0    0    0     0          0         0        3       4    0    0\n"
        "p1b2c3:    5000      40    0    0    0     0          0         0      600      70    0    0\n"
    )
    assert parse_devices(text)["p1b2c3"] == Wire(bytes_in=600, packets_in=70, bytes_out=5000, packets_out=40)


def test_the_minute_that_a_datum_is_of_is_the_one_that_is_over(world: Measured) -> None:
    world.ec2.running()
    at = datetime.fromtimestamp(START, tz=world.ec2.now.tzinfo)
    assert {one.at for one in world.minute()} == {at}
    assert {one.at for one in world.minute()} == {at + timedelta(minutes=1)}
