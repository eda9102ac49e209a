"""The control plane dies while a group scales, is refreshed, or loses a zone: in the end there is what is wanted.

No more and no less.  The region's pace is 30.  Requests go through the load balancer all the while, and every one is
counted.
"""

import contextlib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import eventually
from tests.faults.test_region import machines
from tests.front import ECHO, Load, a_front, load, served
from tests.group import NAME, WITHIN_S, Group
from tests.region import Region, a_region

PACE = 30
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
LOST = ZONES[0]
LIVING = ["pending", "running", "stopping", "stopped", "shutting-down"]
LAUNCHING = "Launching a new EC2 instance: "


@pytest.fixture(scope="module")
def made() -> Iterator[Group]:
    with a_region(pace=PACE) as region:
        front = a_front(region, "elastic", zones=("a", "b", "c"))
        group = Group(front)
        front.eventually_active()
        yield group


@pytest.fixture
def group(made: Group) -> Iterator[Group]:
    yield made
    made.delete()


def die(region: Region, when: Callable[[], object]) -> None:
    """Kill the control plane as soon as this is so, and wait for the next one."""
    eventually(lambda: _is(bool(when())), within_s=WITHIN_S)
    region.kill_control()
    region.wait_ready()


def _is(condition: bool) -> None:
    assert condition


def serving(group: Group) -> int:
    return len(group.members())


def living(region: Region) -> set[str]:
    pages = region.ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": LIVING}]
    )
    return {
        one["InstanceId"] for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]
    }


def activities(group: Group) -> list[dict[str, Any]]:
    pages = group.api.get_paginator("describe_scaling_activities").paginate(AutoScalingGroupName=NAME)
    return [one for page in pages for one in page["Activities"]]


def exactly(group: Group, count: int) -> dict[str, str]:
    """So many serve; nothing else of any group runs, is on a disk or has an address; every activity has its end."""

    def check() -> dict[str, str]:
        members = group.eventually_serving(count)
        region, ids = group.region, set(members)
        assert living(region) == ids, group.said()
        assert {one for one in machines(region) if one.startswith("i-")} == ids
        volumes = region.ec2.describe_volumes()["Volumes"]
        assert {one["InstanceId"] for volume in volumes for one in volume["Attachments"]} == ids
        assert len(volumes) == count, volumes
        interfaces = region.ec2.describe_network_interfaces()["NetworkInterfaces"]
        attached = [one["Attachment"].get("InstanceId") for one in interfaces if not one.get("RequesterManaged")]
        assert sorted(attached) == sorted(ids), interfaces
        told = activities(group)
        assert all(one["StatusCode"] in ("Successful", "Failed", "Cancelled") and "EndTime" in one for one in told), (
            told
        )
        launches = Counter(one["Description"] for one in told if one["Description"].startswith(LAUNCHING))
        assert set(launches.values()) <= {1}, launches
        assert {LAUNCHING + one for one in ids} <= set(launches)
        return members

    return eventually(check, within_s=WITHIN_S)


def unharmed(result: Load) -> None:
    served(result, 50)
    assert not result.failed, (len(result.failed), len(result.answers), result.failed[:3])


def test_a_group_that_scales_out_and_in_goes_on_where_it_was(group: Group) -> None:
    group.create(least=1, most=6)
    region = group.region
    group.eventually_serving(1)
    with load(group.front.client()) as result:
        # Each of these comes and stays, so that none is missed.
        for desired, moments in (
            (4, (lambda: True, lambda: len(living(region)) > 1, lambda: serving(group) > 1)),
            (2, (lambda: serving(group) < 4, lambda: len(living(region)) < 4)),
            (6, (lambda: len(living(region)) > 2, lambda: len(living(region)) > 4)),
            (1, (lambda: True, lambda: len(living(region)) < 6)),
        ):
            group.api.set_desired_capacity(AutoScalingGroupName=NAME, DesiredCapacity=desired)
            for moment in moments:
                die(region, moment)
            exactly(group, desired)
        unharmed(result)


def test_a_refresh_that_was_under_way_comes_to_its_end(group: Group) -> None:
    group.create(least=3, most=5)
    first = group.eventually_serving(3)
    version = group.template(ECHO.replace('"method"', '"version": 2, "method"'))
    with load(group.front.client()) as result:
        refresh = group.api.start_instance_refresh(
            AutoScalingGroupName=NAME,
            DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": NAME, "Version": str(version)}},
            Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 0},
        )["InstanceRefreshId"]

        def described() -> dict[str, Any]:
            asked = {"AutoScalingGroupName": NAME, "InstanceRefreshIds": [refresh]}
            found: dict[str, Any] = group.api.describe_instance_refreshes(**asked)["InstanceRefreshes"][0]
            return found

        die(group.region, lambda: True)
        die(group.region, lambda: living(group.region) - set(first))
        die(group.region, lambda: set(first) - living(group.region))
        die(group.region, lambda: len(living(group.region) - set(first)) > 1)
        eventually(lambda: _is(described()["Status"] == "Successful"), within_s=2 * WITHIN_S)
        members = exactly(group, 3)
        unharmed(result)
    assert not set(members) & set(first)
    assert {one["LaunchTemplate"]["Version"] for one in group.described()["Instances"]} == {str(version)}


def test_a_zone_that_was_lost_is_left_and_returned_to(group: Group) -> None:
    group.create(least=3, most=6)
    region = group.region
    before = exactly(group, 3)
    assert set(before.values()) == set(ZONES)
    with load(group.front.client(), clients=6) as result:
        served(result, 50)
        with begun(region, "quake"):
            die(region, lambda: zone_state(region) != "available")
        die(region, lambda: living(region) - set(before))
        members = exactly(group, 3)
        assert LOST not in members.values()
        assert zone_state(region) == "unavailable"
        with begun(region, "heal"):
            die(region, lambda: zone_state(region) == "available")
        die(region, lambda: living(region) - set(members))
        eventually(lambda: _is(set(exactly(group, 3).values()) == set(ZONES)), within_s=WITHIN_S)
        failed = len(result.failed)
        served(result, 100)
        assert len(result.failed) == failed, result.failed[-3:]
    assert zone_state(region) == "available"
    found = region.client("fis").list_experiments()["experiments"]
    assert found and all(one["state"]["status"] in ("completed", "stopped") for one in found), found
    share = len(result.failed) / (len(result.answers) + len(result.errors))
    assert share < 0.5, f"{share:.0%} failed"
    assert "is not out" in region.aftershock("heal", LOST)


def zone_state(region: Region) -> str:
    return str(region.ec2.describe_availability_zones(ZoneNames=[LOST])["AvailabilityZones"][0]["State"])


@contextlib.contextmanager
def begun(region: Region, command: str) -> Iterator[None]:
    """While a user's command runs, who may find that nobody answers any more; it ends before the block is left."""
    argv = [sys.executable, "-m", "aftershock", command, "--state", str(region.state), LOST]
    running = threading.Thread(
        target=lambda: subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN_S, check=False
        )
    )
    running.start()
    try:
        yield
    finally:
        running.join()
