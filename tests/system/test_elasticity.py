"""Auto Scaling under real load: groups that fill, heal, grow, shrink, change and survive the loss of a zone.

The region's pace is 30, so that a minute lasts two seconds.
"""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import eventually
from tests.front import ECHO, a_front, load, served
from tests.group import NAME, WITHIN_S, Group
from tests.region import Region, a_region

PACE = 30


@pytest.fixture(scope="module")
def quick_region() -> Iterator[Region]:
    with a_region(pace=PACE) as region:
        yield region


@pytest.fixture(scope="module")
def made(quick_region: Region) -> Group:
    front = a_front(quick_region, "elastic", zones=("a", "b", "c"))
    group = Group(front)
    front.eventually_active()
    return group


@pytest.fixture
def group(made: Group) -> Iterator[Group]:
    yield made
    made.delete()


def test_a_group_fills_its_zones_and_what_stops_answering_is_replaced(group: Group) -> None:
    group.create(least=3, most=4)
    first = group.eventually_serving(3)
    assert sorted(first.values()) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    front = group.front
    front.eventually_answers()
    asked = {front.client().ask("/").seen["host"] for _ in range(30)}
    assert asked == {front.host_of(one) for one in first}
    assert all(status == "Successful" for status, _, _ in group.said())

    silent = sorted(first)[0]
    front.region.inside(silent, "systemctl stop echo")

    def replaced() -> None:
        members = group.members()
        assert silent not in members and len(members) == 3, group.said()

    eventually(replaced, within_s=WITHIN_S)
    after = group.eventually_serving(3)
    assert sorted(after.values()) == sorted(first.values())
    front.region.in_state(silent, "terminated")
    (cause,) = {
        cause for _, description, cause in group.said() if description.endswith(silent) and "Termin" in description
    }
    assert "an instance was taken out of service in response to an ELB system health check failure" in cause

    killed = sorted(after)[0]
    front.region.ec2.terminate_instances(InstanceIds=[killed])
    eventually(lambda: _is(killed not in group.members()), within_s=WITHIN_S)
    group.eventually_serving(3)


def _is(condition: bool) -> None:
    assert condition


def test_a_hook_holds_a_machine_until_somebody_says_go_on(group: Group) -> None:
    group.create(least=0, most=2)
    hook = {"AutoScalingGroupName": NAME, "LifecycleHookName": "inspect"}
    group.api.put_lifecycle_hook(
        **hook, LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING", HeartbeatTimeout=7200, DefaultResult="ABANDON"
    )
    group.api.set_desired_capacity(AutoScalingGroupName=NAME, DesiredCapacity=1)
    waiting = eventually(lambda: _only(group.members("Pending:Wait")), within_s=WITHIN_S)
    group.region.in_state(waiting, "running")
    assert waiting not in group.front.states(group.targets)
    group.api.complete_lifecycle_action(**hook, InstanceId=waiting, LifecycleActionResult="CONTINUE")
    assert set(group.eventually_serving(1)) == {waiting}

    group.api.set_desired_capacity(AutoScalingGroupName=NAME, DesiredCapacity=2)
    second = eventually(lambda: _only(group.members("Pending:Wait")), within_s=WITHIN_S)
    group.api.complete_lifecycle_action(**hook, InstanceId=second, LifecycleActionResult="ABANDON")
    group.region.in_state(second, "terminated", within_s=WITHIN_S)

    def another() -> str:
        found = _only(group.members("Pending:Wait"))
        assert found != second
        return found

    third = eventually(another, within_s=WITHIN_S)
    group.api.complete_lifecycle_action(**hook, InstanceId=third, LifecycleActionResult="CONTINUE")
    assert set(group.eventually_serving(2)) == {waiting, third}


def _only(found: dict[str, str]) -> str:
    assert len(found) == 1
    return next(iter(found))


def test_a_group_follows_its_load_up_and_down_and_no_request_fails(group: Group) -> None:
    group.create(least=1, most=4)
    group.eventually_serving(1)
    label = "/".join((group.front.arn.partition(":loadbalancer/")[2], group.targets.rpartition(":")[2]))
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    made = group.api.put_scaling_policy(
        AutoScalingGroupName=NAME,
        PolicyName="requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"PredefinedMetricSpecification": metric, "TargetValue": 40.0},
    )
    assert len(made["Alarms"]) == 2
    with load(group.front.client(), clients=2, every_s=0.1) as quiet:
        with load(group.front.client(), clients=8, every_s=0.05) as busy:
            group.eventually_serving(4)
            served(busy, 200)
            assert len(busy.hosts) == 4
        eventually(lambda: _is(group.described()["DesiredCapacity"] == 1), within_s=WITHIN_S)
        group.eventually_serving(1)
        served(quiet, 10)
    assert not quiet.failed and not busy.failed
    alarm = group.region.client("cloudwatch").describe_alarm_history(AlarmName=made["Alarms"][0]["AlarmName"])
    assert any(one["HistoryItemType"] == "StateUpdate" for one in alarm["AlarmHistoryItems"])
    assert any("alarm" in cause and "increasing the capacity" in cause for _, _, cause in group.said())


def refresh(group: Group, version: int) -> str:
    started = group.api.start_instance_refresh(
        AutoScalingGroupName=NAME,
        DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": NAME, "Version": str(version)}},
        Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 0},
    )
    return str(started["InstanceRefreshId"])


def ended(group: Group, refresh_id: str, how: str) -> None:
    found = group.api.describe_instance_refreshes(AutoScalingGroupName=NAME, InstanceRefreshIds=[refresh_id])
    assert found["InstanceRefreshes"][0]["Status"] == how, found["InstanceRefreshes"]


def test_a_refresh_to_what_does_not_serve_is_rolled_back_and_nobody_notices(group: Group) -> None:
    group.create(least=2, most=4)
    group.eventually_serving(2)
    broken = group.template("#!/bin/sh\nexit 1\n")
    fine = group.template(ECHO.replace('"method"', '"version": 2, "method"'))
    with load(group.front.client()) as result:
        first = refresh(group, broken)

        def replaced() -> None:
            causes = [cause for _, description, cause in group.said() if description.startswith("Terminating")]
            assert any("ELB system health check failure" in cause for cause in causes), group.said()

        eventually(replaced, within_s=WITHIN_S)
        group.api.rollback_instance_refresh(AutoScalingGroupName=NAME)
        eventually(lambda: ended(group, first, "RollbackSuccessful"), within_s=WITHIN_S)
        group.eventually_serving(2)
        assert {one["LaunchTemplate"]["Version"] for one in group.described()["Instances"]} == {"1"}
        second = refresh(group, fine)
        eventually(lambda: ended(group, second, "Successful"), within_s=WITHIN_S)
        served(result, 20)
    members = group.eventually_serving(2)
    assert not result.failed
    versions = {one["LaunchTemplate"]["Version"] for one in group.described()["Instances"]}
    assert versions == {str(fine)}
    for _ in members:
        assert json.loads(group.front.client().ask("/").body)["version"] == 2


def test_a_zone_is_lost_under_load_and_the_group_refills_elsewhere_and_returns(group: Group) -> None:
    group.create(least=3, most=6)
    before = group.eventually_serving(3)
    lost = next(name for name, zone in before.items() if zone == "us-east-1a")
    with load(group.front.client(), clients=6) as result:
        served(result, 50)
        group.region.aftershock("quake", "us-east-1a")

        def refilled() -> None:
            members = group.members()
            assert lost not in members and len(members) == 3, group.said()
            assert set(members.values()) == {"us-east-1b", "us-east-1c"}

        eventually(refilled, within_s=WITHIN_S)
        group.eventually_serving(3)
        after = len(result.answers), len(result.errors)
        served(result, 100)
        calm = [one for one in result.answers[after[0] :] if one.status != 200]
        assert not calm and len(result.errors) == after[1], (calm[:3], result.errors[-3:])
        group.region.aftershock("heal", "us-east-1a")

        def spread() -> None:
            assert set(group.eventually_serving(3).values()) == {"us-east-1a", "us-east-1b", "us-east-1c"}

        eventually(spread, within_s=WITHIN_S)
        healed = len(result.failed)
        served(result, 50)
        assert len(result.failed) == healed
    share = len(result.failed) / (len(result.answers) + len(result.errors))
    assert share < 0.5, f"{share:.0%} failed"


def test_a_group_that_cannot_launch_says_why_and_goes_on_when_it_can(group: Group) -> None:
    group.region.aftershock("quake", "us-east-1b")
    try:
        group.create(least=1, most=1, VPCZoneIdentifier=group.front.subnets[1])

        def failed() -> None:
            status, description, _ = group.said()[0]
            assert status == "Failed" and "Launching a new EC2 instance" in description

        eventually(failed, within_s=WITHIN_S)
        found = group.api.describe_scaling_activities(AutoScalingGroupName=NAME)["Activities"][0]
        assert "We currently do not have sufficient t2.micro capacity" in found["StatusMessage"]
        assert len(group.said()) < 10  # it backs off
    finally:
        group.region.aftershock("heal", "us-east-1b")
    group.eventually_serving(1)
