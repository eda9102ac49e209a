"""The control plane may die before or after any question it asks.  Its successor ends in the same place."""

from collections.abc import Callable
from itertools import count

import pytest

from .world import ARN, ZONES, World


class Died(BaseException):
    """The process is gone: not an Exception, so that nothing on the way makes something of it."""


def launched(world: World) -> None:
    world.wish(2, TargetGroupARNs=[ARN])


def shrunk(world: World) -> None:
    world.group(2, TargetGroupARNs=[ARN])
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=1)


def replaced(world: World) -> None:
    world.group(2, TargetGroupARNs=[ARN])
    world.kill(world.ids()[0])


def held(world: World) -> None:
    world.wish(
        1,
        TargetGroupARNs=[ARN],
        LifecycleHookSpecificationList=[
            {
                "LifecycleHookName": "hook",
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
                "HeartbeatTimeout": 60,
                "DefaultResult": "CONTINUE",
            }
        ],
    )


def refreshed(world: World) -> None:
    world.group(2, TargetGroupARNs=[ARN])
    world.version()
    world.call(
        "StartInstanceRefresh",
        AutoScalingGroupName="web",
        Preferences={"MinHealthyPercentage": 50, "InstanceWarmup": 0},
    )


def rebalanced(world: World) -> None:
    world.quake(ZONES[0])
    world.group(4, TargetGroupARNs=[ARN])
    world.heal()
    world.clock.advance(600)


def detached(world: World) -> None:
    world.group(2, TargetGroupARNs=[ARN])
    world.call(
        "DetachInstances",
        AutoScalingGroupName="web",
        InstanceIds=world.ids()[:1],
        ShouldDecrementDesiredCapacity=True,
    )


def deleted(world: World) -> None:
    world.group(2, TargetGroupARNs=[ARN])
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)


STORIES: dict[Callable[[World], None], tuple[int, int]] = {  # members, and instances, in the end
    launched: (2, 2),
    shrunk: (1, 1),
    replaced: (2, 2),
    held: (1, 1),
    refreshed: (2, 2),
    rebalanced: (4, 4),
    detached: (1, 2),
    deleted: (0, 0),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_dying_anywhere_neither_doubles_nor_leaks(story: Callable[[World], None], when: str) -> None:
    members, instances = STORIES[story]
    for nth in count(1):
        world = World()
        targets = world.targets()
        story(world)
        left = [nth]

        def dies(operation: str, side: str, left: list[int] = left) -> None:
            # After a question that changes nothing is before the next one.
            if side == when and (when == "before" or not operation.startswith("Describe")):
                left[0] -= 1
                if left[0] == 0:
                    raise Died

        world.dies = dies
        try:
            world.settle()
            died = False
        except Died:
            died = True
        world.dies = lambda *_: None
        world.settle()
        world.later(61)
        groups = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
        found = groups[0]["Instances"] if groups else []
        assert [one["LifecycleState"] for one in found] == ["InService"] * members
        assert len(world.instances()) == instances
        assert set(targets) == {one["InstanceId"] for one in found}
        assert all(one["EndTime"] for one in world.activities()), world.activities()
        if not died:
            assert nth > 1, "nothing was interrupted: the test tests nothing"
            return
