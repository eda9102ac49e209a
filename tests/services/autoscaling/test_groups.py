"""Groups: their size, their zones, their health."""

from typing import Any

import pytest

from aftershock.aws.errors import AwsError
from aftershock.services import autoscaling
from aftershock.services.autoscaling.controllers.groups import Refused

from .world import ARN, ZONES, World


def test_a_group_gets_what_is_wanted_over_all_zones(world: World) -> None:
    world.group(5)
    assert world.zones() == [1, 2, 2]
    assert len(world.instances()) == 5
    launched = world.activities()
    assert {one["StatusCode"] for one in launched} == {"Successful"}
    assert launched[0]["Cause"] == (
        "At 2026-11-22T12:00:00Z a user request created an AutoScalingGroup changing the desired capacity from 0 "
        "to 5.  At 2026-11-22T12:00:00Z an instance was started in response to a difference between desired and actual "
        "capacity, increasing the capacity from 0 to 5."
    )
    assert launched[0]["Description"].startswith("Launching a new EC2 instance: i-")
    tags = {one.tags["aws:autoscaling:groupName"] for one in world.instances()}
    assert tags == {"web"}


def test_an_instance_is_in_service_only_when_it_was_seen_to_run(world: World) -> None:
    world.wish(1)
    world.look()
    assert [one["LifecycleState"] for one in world.members()] == ["Pending"]
    world.machines()
    world.look()
    assert [one["LifecycleState"] for one in world.members()] == ["InService"]


def test_a_group_shrinks_to_what_is_set_and_stays_balanced(world: World) -> None:
    world.group(6)
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=3)
    world.settle()
    assert world.zones() == [1, 1, 1]
    ended = [one for one in world.activities() if one["Description"].startswith("Terminating EC2 instance: i-")]
    assert len(ended) == 3
    assert (
        "a user request explicitly set group desired capacity changing the desired capacity from 6 to 3.  "
        in ended[0]["Cause"]
    )
    assert "shrinking the capacity from 6 to 3.  At " in ended[0]["Cause"]
    assert ended[0]["Cause"].endswith("was selected for termination.")
    assert len(world.instances()) == 3


def test_only_the_unprotected_are_taken_when_a_group_shrinks(world: World) -> None:
    world.group(3)
    protected = world.ids()[:2]
    world.call("SetInstanceProtection", AutoScalingGroupName="web", InstanceIds=protected, ProtectedFromScaleIn=True)
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=0)
    said = world.settle()
    assert set(world.ids()) == set(protected)
    assert said == ["2 instances are too many, and none of them may be terminated"]


def test_an_instance_that_died_is_replaced_even_within_the_grace_period(world: World) -> None:
    world.group(2, HealthCheckGracePeriod=3600)
    dead = world.ids()[0]
    world.clock.advance(5)
    world.kill(dead)
    world.settle()
    assert dead not in world.ids()
    assert len(world.members("InService")) == 2
    new, old = world.activities()[:2]
    causes = {one["Cause"] for one in (new, old)}
    assert causes == {
        "At 2026-11-22T12:00:05Z an instance was taken out of service in response to an EC2 health check indicating it "
        "has been terminated or stopped.",
        "At 2026-11-22T12:00:05Z an instance was launched in response to an unhealthy instance needing to be replaced.",
    }


def test_an_unhealthy_target_is_replaced_after_the_grace_period_and_only_with_the_check_elb(world: World) -> None:
    targets = world.targets()
    world.group(2, TargetGroupARNs=[ARN], HealthCheckGracePeriod=300)
    first = world.ids()[0]
    assert set(targets) == set(world.ids())
    targets[first] = "unhealthy"
    world.later(301)
    assert first in world.ids()
    world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", HealthCheckType="ELB")
    world.settle()
    assert first not in world.ids()
    assert first not in targets
    assert len(targets) == 2
    # The new one has a grace period of its own.
    second = (set(world.ids()) & set(targets)).pop()
    newest = max(world.members(), key=lambda one: str(one["InstanceId"] not in (first, second)))
    targets[newest["InstanceId"]] = "unhealthy"
    assert "an ELB system health check failure" in world.activities()[1]["Cause"] + world.activities()[0]["Cause"]


def test_instances_that_come_back_with_the_region_have_time_to_boot(world: World) -> None:
    targets = world.targets()
    world.group(2, TargetGroupARNs=[ARN], HealthCheckType="ELB", HealthCheckGracePeriod=10)
    both = set(world.ids())
    world.later(3600)
    with world.store.transaction() as tx:
        autoscaling.ground_is_new(tx, world.clock.now())
    targets |= dict.fromkeys(both, "unhealthy")
    world.later(59)
    assert set(world.ids()) == both
    one = min(both)
    targets[one] = "healthy"
    world.later(2)
    assert one in world.ids() and (both - {one}).isdisjoint(world.ids())


def test_an_instance_whose_status_checks_fail_for_long_is_replaced_after_the_grace_period(world: World) -> None:
    world.group(1, HealthCheckGracePeriod=600)
    only = world.ids()[0]
    world.impair(only)
    world.later(300)
    assert world.ids() == [only]
    world.later(301)
    assert only not in world.ids()
    causes = " ".join(one["Cause"] for one in world.activities())
    assert "an instance was taken out of service in response to an EC2 instance status check failure." in causes


def test_a_status_check_that_fails_for_a_moment_does_no_harm(world: World) -> None:
    world.group(1)
    only = world.ids()[0]
    world.later(600)
    world.impair(only)
    world.later(119)
    assert world.ids() == [only]
    world.later(2)
    assert world.ids() != [only]


def test_unhealthy_instances_are_replaced_a_few_at_a_time(world: World) -> None:
    targets = world.targets()
    world.group(6, TargetGroupARNs=[ARN], HealthCheckType="ELB")
    before = set(world.ids())
    for target in targets:
        targets[target] = "unhealthy"
    world.look()
    assert len(world.members("InService")) == 5
    world.settle()
    assert not before & set(world.ids())
    assert len(world.members("InService")) == 6


def test_a_target_finishes_its_requests_before_its_instance_ends(world: World) -> None:
    targets = world.targets()
    world.group(1, TargetGroupARNs=[ARN])
    only = world.ids()[0]
    world.balancers.drains = True
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=0)
    world.later(200)
    assert [one["LifecycleState"] for one in world.members()] == ["Terminating"]
    assert world.activities()[0]["StatusCode"] == "WaitingForELBConnectionDraining"
    assert [one.id for one in world.instances()] == [only]
    targets.pop(only)
    world.settle()
    assert world.members() == []
    assert world.instances() == []


def test_a_zone_without_capacity_is_made_up_for_elsewhere_and_balanced_again(world: World) -> None:
    world.quake(ZONES[0])
    world.group(6)
    assert world.zones() == [0, 3, 3]
    failed = [one for one in world.activities() if one["StatusCode"] == "Failed"]
    assert failed[0]["Description"].startswith(
        "Launching a new EC2 instance.  Status Reason: We currently do not have sufficient t2.micro capacity in the "
        f"Availability Zone you requested ({ZONES[0]}). "
    )
    assert failed[0]["Description"].endswith(" Launching EC2 instance failed.")
    assert failed[0]["Progress"] == 100
    assert failed[0]["Details"] == f'{{"Availability Zone":"{ZONES[0]}"}}'
    world.heal()
    world.later(600)
    assert world.zones() == [2, 2, 2]
    assert len(world.instances()) == 6


def test_a_group_whose_template_was_deleted_says_so_and_tries_less_and_less_often(world: World) -> None:
    world.group(1)
    template = world.call("DescribeLaunchTemplates", "ec2")["LaunchTemplates"][0]["LaunchTemplateId"]
    world.call("DeleteLaunchTemplate", "ec2", LaunchTemplateId=template)
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=2)
    world.settle()

    def failed() -> list[dict[str, Any]]:
        return [one for one in world.activities() if one["StatusCode"] == "Failed"]

    assert [one["Progress"] for one in failed()] == [100]
    description, cause = failed()[0]["Description"], failed()[0]["Cause"]
    assert description.startswith("Launching a new EC2 instance.  Status Reason: ") and template in description
    assert description.endswith("does not exist. Launching EC2 instance failed.")
    assert cause.endswith("increasing the capacity from 1 to 2.")
    world.later(14)
    assert len(failed()) == 1
    world.later(2)
    assert len(failed()) == 2
    world.later(16)
    assert len(failed()) == 2
    world.later(15)
    assert len(failed()) == 3
    assert len(world.members("InService")) == 1

    again = world.template("other")
    given = {"LaunchTemplateId": again, "Version": "$Latest"}
    world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", LaunchTemplate=given)
    world.settle()
    assert len(world.members("InService")) == 2


def test_rebalancing_launches_before_it_terminates(world: World) -> None:
    world.quake(ZONES[0])
    world.group(4, high=4)
    world.heal()
    world.clock.advance(600)
    world.look()
    assert len(world.members("InService")) == 4
    assert len(world.members("Pending")) == 1
    world.settle()
    assert world.zones() == [1, 1, 2]


def test_a_launch_that_fails_is_told_and_backed_off_from(world: World) -> None:
    world.failure = AwsError("InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist")
    world.wish(3)
    world.settle()
    assert len(world.activities()) == 1
    assert world.activities()[0]["StatusMessage"] == (
        "The image id '[ami-1]' does not exist. Launching EC2 instance failed."
    )
    world.later(1)
    assert len(world.activities()) == 1
    world.later(15)
    assert len(world.activities()) == 2
    world.failure = None
    world.later(60)
    assert len(world.members("InService")) == 3


def test_a_group_is_deleted_when_it_is_empty_or_by_force(world: World) -> None:
    world.group(2)
    assert world.refusal("DeleteAutoScalingGroup", AutoScalingGroupName="web") == (
        "ResourceInUse",
        "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in "
        "the group.",
    )
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=0)
    world.look()
    assert world.refusal("DeleteAutoScalingGroup", AutoScalingGroupName="web") == (
        "ScalingActivityInProgress",
        "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
    )
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
    assert world.described()["Status"] == "Delete in progress"
    world.settle()
    assert world.call("DescribeAutoScalingGroups")["AutoScalingGroups"] == []
    assert world.instances() == []
    assert world.activities() == []
    assert world.call("DescribeScalingActivities", IncludeDeletedGroups=True)["Activities"]


def test_suspended_processes_do_nothing(world: World) -> None:
    world.group(2)
    world.call("SuspendProcesses", AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=3)
    world.settle()
    assert len(world.members()) == 2
    world.call("ResumeProcesses", AutoScalingGroupName="web")
    world.settle()
    assert len(world.members()) == 3
    world.call("SuspendProcesses", AutoScalingGroupName="web", ScalingProcesses=["Terminate"])
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=1)
    world.settle()
    assert len(world.members()) == 3
    world.call("ResumeProcesses", AutoScalingGroupName="web")
    world.call("SuspendProcesses", AutoScalingGroupName="web", ScalingProcesses=["ReplaceUnhealthy"])
    world.settle()
    dead = world.ids()[0]
    world.kill(dead)
    world.settle()
    assert [one["HealthStatus"] for one in world.members()] == ["Unhealthy"]


def test_an_instance_may_be_detached_attached_and_put_aside(world: World) -> None:
    world.group(2)
    first, second = world.ids()
    done = world.call(
        "DetachInstances", AutoScalingGroupName="web", InstanceIds=[first], ShouldDecrementDesiredCapacity=True
    )["Activities"][0]
    assert done["Description"] == f"Detaching EC2 instance: {first}"
    assert done["Cause"] == (
        f"At 2026-11-22T12:00:00Z instance {first} was detached in response to a user request, shrinking the capacity "
        "from 2 to 1."
    )
    world.settle()
    assert world.ids() == [second]
    assert {one.id for one in world.instances()} == {first, second}
    world.call("AttachInstances", AutoScalingGroupName="web", InstanceIds=[first])
    world.settle()
    assert set(world.ids("InService")) == {first, second}
    assert world.described()["DesiredCapacity"] == 2
    world.call("EnterStandby", AutoScalingGroupName="web", InstanceIds=[first], ShouldDecrementDesiredCapacity=False)
    world.settle()
    assert world.ids("Standby") == [first]
    assert len(world.members("InService")) == 2
    world.kill(first)
    world.settle()
    assert world.ids("Standby") == [first]  # AWS does not check the health of who stands by


def test_who_leaves_standby_serves_again(world: World) -> None:
    targets = world.targets()
    world.group(1, TargetGroupARNs=[ARN])
    only = world.ids()
    world.call("EnterStandby", AutoScalingGroupName="web", InstanceIds=only, ShouldDecrementDesiredCapacity=True)
    world.settle()
    assert world.ids("Standby") == only
    assert targets == {}
    done = world.call("ExitStandby", AutoScalingGroupName="web", InstanceIds=only)["Activities"][0]
    assert (done["StatusCode"], done["Progress"]) == ("PreInService", 30)
    world.settle()
    assert world.ids("InService") == only
    assert set(targets) == set(only)


def test_a_user_may_terminate_a_member_with_or_without_replacement(world: World) -> None:
    world.group(2, low=1)
    first, second = world.ids()
    done = world.call("TerminateInstanceInAutoScalingGroup", InstanceId=first, ShouldDecrementDesiredCapacity=True)[
        "Activity"
    ]
    assert done["Cause"] == (
        f"At 2026-11-22T12:00:00Z instance {first} was taken out of service in response to a user request, shrinking "
        "the capacity from 2 to 1."
    )
    world.settle()
    assert world.refusal(
        "TerminateInstanceInAutoScalingGroup", InstanceId=second, ShouldDecrementDesiredCapacity=True
    ) == (
        "ValidationError",
        "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min "
        "size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
    )
    world.call("TerminateInstanceInAutoScalingGroup", InstanceId=second, ShouldDecrementDesiredCapacity=False)
    world.settle()
    assert len(world.ids("InService")) == 1
    assert second not in world.ids()


def test_termination_protection_does_not_keep_a_group_from_shrinking(world: World) -> None:
    world.template("safe", DisableApiTermination=True)
    world.group(1, LaunchTemplate={"LaunchTemplateName": "safe"})
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=0)
    world.settle()
    assert world.instances() == []


def test_target_groups_are_followed_as_they_are_attached_and_detached(world: World) -> None:
    world.group(2)
    targets = world.targets()
    world.call("AttachLoadBalancerTargetGroups", AutoScalingGroupName="web", TargetGroupARNs=[ARN])
    world.settle()
    assert set(targets) == set(world.ids())
    states = world.call("DescribeLoadBalancerTargetGroups", AutoScalingGroupName="web")["LoadBalancerTargetGroups"]
    assert states == [{"LoadBalancerTargetGroupARN": ARN, "State": "Added"}]
    world.call("DetachTrafficSources", AutoScalingGroupName="web", TrafficSources=[{"Identifier": ARN}])
    world.settle()
    assert targets == {}


def test_a_mixed_group_falls_back_to_the_next_type_and_counts_weights(world: World) -> None:
    world.template()
    world.group(
        4,
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateName": "web", "Version": "$Default"},
                "Overrides": [
                    {"InstanceType": "t2.small", "WeightedCapacity": "2"},
                    {"InstanceType": "t2.micro", "WeightedCapacity": "1"},
                ],
            }
        },
    )
    assert {one["InstanceType"] for one in world.members()} == {"t2.small"}
    assert len(world.members("InService")) == 2


def test_what_is_older_than_a_group_allows_is_replaced_one_by_one(world: World) -> None:
    world.group(2, MaxInstanceLifetime=86400)
    before = set(world.ids())
    world.clock.advance(86401)
    world.look()
    assert len(world.members("InService")) == 1
    world.settle()
    assert not before & set(world.ids())


def test_a_machine_that_dies_as_it_starts_is_a_launch_that_was_cancelled(world: World) -> None:
    world.wish(1)
    world.look()
    world.kill(world.ids()[0])
    world.look()
    cancelled = [one for one in world.activities() if one["StatusCode"] == "Cancelled"]
    assert cancelled[0]["StatusMessage"].startswith(
        "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: "
    )
    world.settle()
    world.later(60)
    assert len(world.ids("InService")) == 1
    assert len(world.instances()) == 1


def test_a_target_group_that_refuses_an_instance_is_told_and_the_others_go_on(world: World) -> None:
    targets = world.targets()
    world.wish(2, TargetGroupARNs=[ARN])
    world.look()
    world.machines()
    refused = next(one.id for one in world.instances() if one.zone == ZONES[0])
    world.balancers.refused = {refused}
    with pytest.raises(Refused, match="is not in the target group's VPC"):
        world.look()
    other = next(one for one in targets if one != refused)
    with pytest.raises(Refused):
        world.look()
    assert world.ids("InService") == [other]
    world.balancers.refused = set()
    world.settle()
    assert set(world.ids("InService")) == {refused, other}


def test_two_hundred_instances_are_looked_at_with_a_few_questions(world: World) -> None:
    world.group(200, high=200)
    world.asked.clear()
    world.look()
    assert world.asked == [("ec2", "DescribeLaunchTemplateVersions"), ("ec2", "DescribeInstanceStatus")]
    assert world.zones() == [66, 67, 67]


def test_a_group_survives_an_earthquake_and_is_balanced_when_it_is_over(world: World) -> None:
    targets = world.targets()
    world.group(6, TargetGroupARNs=[ARN])
    world.quake(ZONES[1])
    world.settle()
    assert world.zones() == [0, 3, 3]
    assert set(targets) == set(world.ids())
    world.later(3600)
    assert world.zones() == [0, 3, 3]
    world.heal()
    world.later(600)
    assert world.zones() == [2, 2, 2]
    assert set(targets) == {one.id for one in world.instances()}
