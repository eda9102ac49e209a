"""Lifecycle hooks really wait."""

from typing import Any

import pytest

from .world import World

LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"


def hook(world: World, transition: str, **params: Any) -> None:
    given = {"LifecycleHookName": "hook", "HeartbeatTimeout": 60, "DefaultResult": "CONTINUE", **params}
    world.call("PutLifecycleHook", AutoScalingGroupName="web", LifecycleTransition=transition, **given)


def complete(world: World, instance_id: str, result: str = "CONTINUE", name: str = "hook") -> None:
    world.call(
        "CompleteLifecycleAction",
        AutoScalingGroupName="web",
        LifecycleHookName=name,
        InstanceId=instance_id,
        LifecycleActionResult=result,
    )


def waiting(world: World, transition: str, **params: Any) -> str:
    """A group whose only instance waits."""
    world.group(0 if transition == LAUNCHING else 1)
    hook(world, transition, **params)
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=1 if transition == LAUNCHING else 0)
    world.settle()
    state = "Pending:Wait" if transition == LAUNCHING else "Terminating:Wait"
    assert [one["LifecycleState"] for one in world.members()] == [state]
    assert world.activities()[0]["StatusCode"] == "MidLifecycleAction"
    return str(world.ids()[0])


@pytest.mark.parametrize("transition", [LAUNCHING, TERMINATING])
def test_an_instance_waits_until_it_is_completed(world: World, transition: str) -> None:
    only = waiting(world, transition)
    world.later(59)
    assert len(world.instances()) == 1
    complete(world, only)
    world.settle()
    assert world.ids() == ([only] if transition == LAUNCHING else [])
    assert world.activities()[0]["StatusCode"] == "Successful"


@pytest.mark.parametrize(("default", "stays"), [("CONTINUE", True), ("ABANDON", False)])
def test_an_instance_that_nobody_completes_gets_the_default(world: World, default: str, stays: bool) -> None:
    only = waiting(world, LAUNCHING, DefaultResult=default)
    world.later(61)
    assert (only in world.ids("InService")) == stays
    assert (only in {one.id for one in world.instances()}) == stays


def test_an_abandoned_launch_is_terminated_and_tried_again(world: World) -> None:
    first = waiting(world, LAUNCHING)
    complete(world, first, "ABANDON")
    world.settle()
    second = world.ids()
    assert len(second) == 1
    assert second != [first]
    assert {one.id for one in world.instances()} == set(second)


def test_a_heartbeat_begins_the_wait_again_up_to_the_global_timeout(world: World) -> None:
    only = waiting(world, LAUNCHING, HeartbeatTimeout=60)
    for _ in range(99):
        world.clock.advance(59)
        world.call(
            "RecordLifecycleActionHeartbeat",
            AutoScalingGroupName="web",
            LifecycleHookName="hook",
            InstanceId=only,
        )
    world.settle()
    assert world.ids("Pending:Wait") == [only]
    world.clock.advance(59)
    world.call("RecordLifecycleActionHeartbeat", AutoScalingGroupName="web", LifecycleHookName="hook", InstanceId=only)
    world.later(58)
    world.later(58)
    assert world.ids("InService") == [only]


def test_two_hooks_are_both_waited_for(world: World) -> None:
    world.group(0)
    hook(world, LAUNCHING)
    hook(world, LAUNCHING, LifecycleHookName="other")
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=1)
    world.settle()
    only = world.ids()[0]
    complete(world, only)
    world.settle()
    assert world.ids("Pending:Wait") == [only]
    complete(world, only, name="other")
    world.settle()
    assert world.ids("InService") == [only]


def test_whoever_does_not_wait_cannot_be_completed(world: World) -> None:
    world.group(1)
    hook(world, LAUNCHING)
    only = world.ids()[0]
    params = {"AutoScalingGroupName": "web", "LifecycleHookName": "hook", "LifecycleActionResult": "CONTINUE"}
    assert world.refusal("CompleteLifecycleAction", InstanceId=only, **params) == (
        "ValidationError",
        f"No active Lifecycle Action found with instance ID {only}",
    )


def test_deleting_a_hook_ends_the_wait(world: World) -> None:
    only = waiting(world, TERMINATING)
    world.call("DeleteLifecycleHook", AutoScalingGroupName="web", LifecycleHookName="hook")
    world.settle()
    assert only not in world.ids()
    assert world.instances() == []
