"""Policies, alarms and schedules change what a group wants."""

from datetime import UTC, datetime, timedelta
from typing import Any

from .world import World


def put(world: World, kind: str, **params: Any) -> dict[str, Any]:
    return world.call("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="policy", PolicyType=kind, **params)


def desired(world: World) -> int:
    return int(world.described()["DesiredCapacity"])


def tracking(target: float = 40.0, **params: Any) -> dict[str, Any]:
    metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}}
    return {"TargetTrackingConfiguration": {"TargetValue": target, **metric, **params}}


def test_a_simple_policy_waits_for_its_cooldown(world: World) -> None:
    world.group(1, DefaultCooldown=100)
    put(world, "SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=2)
    world.call("ExecutePolicy", AutoScalingGroupName="web", PolicyName="policy", HonorCooldown=True)
    assert desired(world) == 3
    code, _ = world.refusal("ExecutePolicy", AutoScalingGroupName="web", PolicyName="policy", HonorCooldown=True)
    assert code == "ScalingActivityInProgress"
    world.settle()
    assert world.activities()[0]["Cause"].startswith(
        "At 2026-11-22T12:00:00Z a user request executed policy policy changing the desired capacity from 1 to 3.  At "
    )
    world.clock.advance(99)
    assert world.refusal("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=1, HonorCooldown=True)[
        0
    ] == ("ScalingActivityInProgress")
    world.clock.advance(2)
    world.call("ExecutePolicy", AutoScalingGroupName="web", PolicyName="policy", HonorCooldown=True)
    assert desired(world) == 5


def test_steps_are_chosen_by_how_far_the_threshold_is_passed_and_not_counted_twice(world: World) -> None:
    world.group(2)
    arn = put(
        world,
        "StepScaling",
        AdjustmentType="ChangeInCapacity",
        EstimatedInstanceWarmup=300,
        StepAdjustments=[
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 3},
        ],
    )["PolicyARN"]
    world.clock.advance(1000)
    alarmed = world.alarmed()
    alarmed(arn, "high", "ALARM", metric_value=60.0, threshold=50.0)
    assert desired(world) == 3
    world.settle()
    alarmed(arn, "high", "ALARM", metric_value=60.0, threshold=50.0)
    assert desired(world) == 3  # what warms up counts
    alarmed(arn, "high", "ALARM", metric_value=75.0, threshold=50.0)
    assert desired(world) == 5  # a bigger step adds the difference
    world.settle()
    world.later(301)
    alarmed(arn, "high", "ALARM", metric_value=60.0, threshold=50.0)
    assert desired(world) == 6
    alarmed(arn, "high", "OK", metric_value=10.0, threshold=50.0)
    assert desired(world) == 6


def test_target_tracking_makes_its_alarms_and_scales_both_ways(world: World) -> None:
    world.group(2, high=10, DefaultInstanceWarmup=60)
    made = put(world, "TargetTrackingScaling", **tracking(40.0))
    high, low = (one["AlarmName"] for one in made["Alarms"])
    assert high.startswith("TargetTracking-web-AlarmHigh-")
    assert low.startswith("TargetTracking-web-AlarmLow-")
    alarm = world.alarms()[high]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) == (40.0, 3, 60)
    assert alarm["AlarmActions"] == [made["PolicyARN"]]
    assert alarm["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": "web"}]
    alarm = world.alarms()[low]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (28.0, 15)

    world.clock.advance(61)
    alarmed = world.alarmed()
    alarmed(made["PolicyARN"], high, "ALARM", metric_value=90.0, threshold=40.0)
    assert desired(world) == 5  # 2 × 90 ÷ 40
    world.settle()
    assert (
        f"a monitor alarm {high} in state ALARM triggered policy policy changing the desired capacity from 2 to 5."
        in world.activities()[0]["Cause"]
    )
    alarmed(made["PolicyARN"], high, "ALARM", metric_value=90.0, threshold=40.0)
    assert desired(world) == 5
    alarmed(made["PolicyARN"], low, "ALARM", metric_value=1.0, threshold=28.0)
    assert desired(world) == 5  # nothing is taken out while instances warm up
    world.later(61)
    for left in (4, 3, 2, 1):
        alarmed(made["PolicyARN"], low, "ALARM", metric_value=1.0, threshold=28.0)
        assert desired(world) == left
        world.settle()
    assert len(world.members("InService")) == 1

    world.call("DeletePolicy", AutoScalingGroupName="web", PolicyName="policy")
    assert world.alarms() == {}


def test_alarms_that_somebody_deleted_do_not_keep_a_group_from_being_deleted(world: World) -> None:
    world.group(0)
    made = put(world, "TargetTrackingScaling", **tracking())
    world.call("DeleteAlarms", "cloudwatch", AlarmNames=[one["AlarmName"] for one in made["Alarms"]])
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web")
    assert world.call("DescribePolicies") == {"ScalingPolicies": []}


def test_a_group_shrinks_only_if_all_its_tracking_policies_agree(world: World) -> None:
    world.group(4)
    first = put(world, "TargetTrackingScaling", **tracking())
    second = world.call(
        "PutScalingPolicy",
        AutoScalingGroupName="web",
        PolicyName="other",
        PolicyType="TargetTrackingScaling",
        **tracking(),
    )
    world.clock.advance(1000)
    low, other = first["Alarms"][1]["AlarmName"], second["Alarms"][1]["AlarmName"]
    world.alarmed()(first["PolicyARN"], low, "ALARM", metric_value=1.0, threshold=28.0)
    assert desired(world) == 4
    world.set_alarm(other)
    world.alarmed()(first["PolicyARN"], low, "ALARM", metric_value=1.0, threshold=28.0)
    assert desired(world) == 3


def test_a_policy_that_may_not_shrink_has_one_alarm(world: World) -> None:
    world.group(1)
    made = put(world, "TargetTrackingScaling", **tracking(DisableScaleIn=True))
    assert [one["AlarmName"].split("-")[2] for one in made["Alarms"]] == ["AlarmHigh"]
    assert list(world.alarms()) == [made["Alarms"][0]["AlarmName"]]


def test_requests_per_target_are_of_the_group_named(world: World) -> None:
    world.group(1)
    label = "app/lb/50dc6c495c0c9188/targetgroup/web/943f017f100becff"
    made = put(
        world,
        "TargetTrackingScaling",
        TargetTrackingConfiguration={
            "TargetValue": 1000.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ALBRequestCountPerTarget",
                "ResourceLabel": label,
            },
        },
    )
    alarm = world.alarms()[made["Alarms"][1]["AlarmName"]]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (
        "AWS/ApplicationELB",
        "RequestCountPerTarget",
        "Sum",
    )
    assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {
        "TargetGroup": "targetgroup/web/943f017f100becff",
        "LoadBalancer": "app/lb/50dc6c495c0c9188",
    }
    assert alarm["Threshold"] == 900.0


def test_a_suspended_or_disabled_policy_does_nothing(world: World) -> None:
    world.group(1)
    arn = put(world, "SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)["PolicyARN"]
    world.call("SuspendProcesses", AutoScalingGroupName="web", ScalingProcesses=["AlarmNotification"])
    assert world.alarmed()(arn, "alarm", "ALARM") == "the process AlarmNotification is suspended"
    world.call("ResumeProcesses", AutoScalingGroupName="web")
    put(world, "SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1, Enabled=False)
    assert world.alarmed()(arn, "alarm", "ALARM") == "the policy is disabled"
    assert desired(world) == 1


def test_a_scheduled_action_runs_once_at_its_time(world: World) -> None:
    world.group(1)
    at = world.clock.now() + timedelta(seconds=600)
    world.call(
        "PutScheduledUpdateGroupAction",
        AutoScalingGroupName="web",
        ScheduledActionName="up",
        StartTime=at,
        MinSize=3,
        MaxSize=9,
    )
    world.later(599)
    assert desired(world) == 1
    world.later(1)
    assert (desired(world), world.described()["MinSize"], world.described()["MaxSize"]) == (3, 3, 9)
    assert world.call("DescribeScheduledActions", AutoScalingGroupName="web")["ScheduledUpdateGroupActions"] == []
    assert (
        "a scheduled action update of AutoScalingGroup constraints to min: 3, max: 9, desired: 3 "
        in (world.activities()[0]["Cause"])
    )


def test_a_recurring_action_runs_at_the_hour_of_its_time_zone_until_its_end(world: World) -> None:
    world.group(1)
    world.call(
        "PutScheduledUpdateGroupAction",
        AutoScalingGroupName="web",
        ScheduledActionName="morning",
        Recurrence="0 9 * * MON-FRI",
        TimeZone="Europe/Berlin",
        EndTime=datetime(2026, 11, 24, 8, 0, 1, tzinfo=UTC),
        DesiredCapacity=2,
    )
    action = world.call("DescribeScheduledActions")["ScheduledUpdateGroupActions"][0]
    assert action["Time"] == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 2026-11-22 is a Sunday
    world.later(20 * 3600)
    assert desired(world) == 2
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=1)
    world.later(24 * 3600)
    assert desired(world) == 2
    assert world.call("DescribeScheduledActions")["ScheduledUpdateGroupActions"] == []


def test_a_groups_own_metrics_are_those_it_was_asked_for(world: World) -> None:
    import asyncio

    from aftershock.services import autoscaling

    world.group(2)
    source = autoscaling.metrics(world.store)
    assert list(asyncio.run(_all(source, world))) == []
    world.call("EnableMetricsCollection", AutoScalingGroupName="web", Granularity="1Minute")
    found = {one.name: one.sum for one in asyncio.run(_all(source, world))}
    assert found["GroupDesiredCapacity"] == found["GroupInServiceInstances"] == found["GroupTotalInstances"] == 2
    assert found["GroupMaxSize"] == 10
    assert found["GroupPendingInstances"] == 0


async def _all(source: Any, world: World) -> Any:
    return await source(world.clock.now())
