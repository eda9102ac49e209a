"""Instance refreshes replace, wait, stop and go back."""

from typing import Any

from .world import ARN, World


def start(world: World, **preferences: Any) -> str:
    desired = preferences.pop("DesiredConfiguration", None)
    given = {"DesiredConfiguration": desired} if desired else {}
    return str(
        world.call("StartInstanceRefresh", AutoScalingGroupName="web", Preferences=preferences, **given)[
            "InstanceRefreshId"
        ]
    )


def refresh(world: World) -> dict[str, Any]:
    found: list[dict[str, Any]] = world.call("DescribeInstanceRefreshes", AutoScalingGroupName="web")[
        "InstanceRefreshes"
    ]
    return found[0]


def done(world: World) -> tuple[int, int]:
    """How much of it is complete, in percent, and how many instances are still to be updated."""
    found = refresh(world)
    return found["PercentageComplete"], found["InstancesToUpdate"]


def kinds(world: World) -> set[str]:
    return {one["InstanceType"] for one in world.members("InService")}


def to_version(number: str) -> dict[str, Any]:
    return {"LaunchTemplate": {"LaunchTemplateName": "web", "Version": number}}


def test_all_instances_are_replaced_and_never_fewer_healthy_than_asked_for(world: World) -> None:
    world.group(10)
    before = set(world.ids())
    world.version()
    start(world, MinHealthyPercentage=80, InstanceWarmup=0)
    least = 10
    for _ in range(200):
        world.look()
        least = min(least, len(world.members("InService")))
        world.machines()
        if refresh(world)["Status"] == "Successful":
            break
    assert least == 8
    assert refresh(world)["Status"] == "Successful"
    assert refresh(world)["PercentageComplete"] == 100
    assert not before & set(world.ids())
    assert kinds(world) == {"t2.small"}
    causes = " ".join(one["Cause"] for one in world.activities())
    assert "an instance was taken out of service in response to an instance refresh." in causes
    assert "an instance was launched in response to an instance refresh." in causes


def test_a_refresh_may_launch_before_it_terminates(world: World) -> None:
    world.group(3)
    before = set(world.ids())
    world.version()
    start(world, MinHealthyPercentage=100, MaxHealthyPercentage=110, InstanceWarmup=0)
    least, most = 3, 3
    for _ in range(100):
        world.look()
        least = min(least, len(world.members("InService")))
        most = max(most, len(world.members("InService", "Pending")))
        world.machines()
    assert (least, most) == (3, 4)
    assert not before & set(world.ids())
    assert refresh(world)["Status"] == "Successful"


def test_an_instance_counts_as_updated_when_the_new_one_is_warm(world: World) -> None:
    world.group(2)
    world.version()
    start(world, MinHealthyPercentage=50, InstanceWarmup=120)
    world.settle()
    assert kinds(world) == {"t2.micro", "t2.small"}
    assert done(world) == (0, 2)
    world.later(119)
    assert done(world) == (0, 2)
    world.later(2)
    assert kinds(world) == {"t2.small"}
    assert done(world) == (50, 1)
    assert refresh(world)["Status"] == "InProgress"
    world.later(121)
    assert done(world) == (100, 0)
    assert refresh(world)["Status"] == "Successful"


def test_what_matches_already_is_left_alone(world: World) -> None:
    world.group(2)
    before = set(world.ids())
    start(world, SkipMatching=True, InstanceWarmup=0)
    world.settle()
    assert refresh(world)["Status"] == "Successful"
    assert set(world.ids()) == before


def test_a_refresh_waits_at_its_checkpoints(world: World) -> None:
    world.group(4)
    world.version()
    start(world, CheckpointPercentages=[50, 100], CheckpointDelay=600, MinHealthyPercentage=50, InstanceWarmup=0)
    world.settle()
    assert refresh(world)["PercentageComplete"] == 50
    world.later(599)
    assert refresh(world)["PercentageComplete"] == 50
    world.later(2)
    assert refresh(world)["Status"] == "Successful"


def test_a_refresh_is_cancelled(world: World) -> None:
    world.group(4)
    world.version()
    started = start(world, MinHealthyPercentage=75, InstanceWarmup=600)
    world.settle()
    assert world.call("CancelInstanceRefresh", AutoScalingGroupName="web") == {"InstanceRefreshId": started}
    world.settle()
    assert refresh(world)["Status"] == "Cancelled"
    world.later(10_000)
    assert sorted(one["InstanceType"] for one in world.members()) == ["t2.micro"] * 3 + ["t2.small"]
    assert world.refusal("CancelInstanceRefresh", AutoScalingGroupName="web")[0] == "ActiveInstanceRefreshNotFound"


def test_a_second_refresh_is_refused_while_one_goes_on(world: World) -> None:
    world.group(1)
    start(world, InstanceWarmup=0)
    assert world.refusal("StartInstanceRefresh", AutoScalingGroupName="web") == (
        "InstanceRefreshInProgress",
        "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
    )


def fixed(world: World) -> None:
    """A group of four on version 1 of its template, by number, with a target group."""
    world.targets()
    world.template()
    world.group(
        4, TargetGroupARNs=[ARN], HealthCheckType="ELB", LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"}
    )
    world.version()


def test_a_refresh_whose_instances_never_get_healthy_is_rolled_back(world: World) -> None:
    fixed(world)
    start(
        world,
        DesiredConfiguration=to_version("2"),
        AutoRollback=True,
        MinHealthyPercentage=75,
        InstanceWarmup=60,
    )
    world.balancers.initially = "initial"
    world.settle()
    assert kinds(world) == {"t2.micro", "t2.small"}
    world.later(3700)
    assert refresh(world)["Status"] == "RollbackInProgress"
    world.balancers.initially = "healthy"
    for arn in world.balancers.groups.values():
        arn.update(dict.fromkeys(arn, "healthy"))
    for _ in range(5):
        world.later(61)
    assert refresh(world)["Status"] == "RollbackSuccessful"
    assert "did not become ready" in refresh(world)["RollbackDetails"]["RollbackReason"]
    assert kinds(world) == {"t2.micro"}
    assert len(world.members("InService")) == 4
    assert world.described()["LaunchTemplate"]["Version"] == "1"


def test_what_a_refresh_launched_first_and_never_got_healthy_is_taken_out_by_its_rollback(world: World) -> None:
    fixed(world)
    world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", HealthCheckGracePeriod=300)
    world.balancers.initially = "unhealthy"
    start(
        world,
        DesiredConfiguration=to_version("2"),
        AutoRollback=True,
        MinHealthyPercentage=100,
        MaxHealthyPercentage=150,
        InstanceWarmup=0,
    )
    before = set(world.ids())
    while refresh(world)["Status"] in ("Pending", "InProgress"):
        world.later(301)  # AWS replaces what is unhealthy meanwhile, and has never fewer than before
        assert before <= set(world.ids())
    assert len([one for one in world.activities() if one["Description"].startswith("Terminating")]) > 3
    for _ in range(5):
        world.later(61)
    assert refresh(world)["Status"] == "RollbackSuccessful"
    assert set(world.ids()) == before and kinds(world) == {"t2.micro"}


def test_a_refresh_that_succeeds_makes_its_configuration_the_groups(world: World) -> None:
    fixed(world)
    start(world, DesiredConfiguration=to_version("2"), MinHealthyPercentage=0, InstanceWarmup=0)
    world.settle()
    assert refresh(world)["Status"] == "Successful"
    assert world.described()["LaunchTemplate"]["Version"] == "2"
    assert kinds(world) == {"t2.small"}


def test_a_user_rolls_back(world: World) -> None:
    fixed(world)
    start(world, DesiredConfiguration=to_version("2"), MinHealthyPercentage=50, InstanceWarmup=600)
    world.settle()
    world.call("RollbackInstanceRefresh", AutoScalingGroupName="web")
    for _ in range(4):
        world.later(601)
    assert refresh(world)["Status"] == "RollbackSuccessful"
    assert kinds(world) == {"t2.micro"}


def test_an_alarm_stops_a_refresh(world: World) -> None:
    fixed(world)
    start(
        world,
        DesiredConfiguration=to_version("2"),
        AlarmSpecification={"Alarms": ["errors"]},
        MinHealthyPercentage=50,
        InstanceWarmup=600,
    )
    world.settle()
    world.put_alarm("errors")
    world.set_alarm("errors")
    world.settle()
    assert refresh(world)["Status"] == "Failed"
    assert refresh(world)["StatusReason"] == "CloudWatch alarms in state ALARM: errors"


def test_only_a_fixed_configuration_can_be_gone_back_to(world: World) -> None:
    world.group(1)
    world.version()
    start(world, DesiredConfiguration=to_version("2"), InstanceWarmup=600)
    world.settle()
    assert world.refusal("RollbackInstanceRefresh", AutoScalingGroupName="web")[0] == "IrreversibleInstanceRefresh"
