"""What is asked is checked, in AWS's words, and what is answered is what was asked."""

from datetime import timedelta
from typing import Any

import pytest

from .world import ARN, ZONES, World

NOT_FOUND = "AutoScalingGroup name not found - AutoScalingGroup web not found"


def create(**changes: Any) -> dict[str, Any]:
    given = {
        "AutoScalingGroupName": "web",
        "MinSize": 0,
        "MaxSize": 2,
        "AvailabilityZones": list(ZONES),
        "LaunchTemplate": {"LaunchTemplateName": "web"},
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


FORMED = "You must use a valid fully-formed launch template. "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MinSize": 3}, "Max bound, 2, must be greater than or equal to min bound, 3"),
        (
            {"DesiredCapacity": 5},
            "Desired capacity:5 must be between the specified min size:0 and max size:2",
        ),
        (
            {"LaunchTemplate": None},
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter.",
        ),
        (
            {"LaunchTemplate": {"LaunchTemplateName": "none"}},
            FORMED + "The specified launch template, with template name none, does not exist.",
        ),
        (
            {"LaunchTemplate": {"LaunchTemplateName": "web", "LaunchTemplateId": "lt-1"}},
            "Valid requests must contain either launchTemplateId or LaunchTemplateName",
        ),
        ({"AvailabilityZones": None}, "At least one Availability Zone or VPC Subnet is required."),
        ({"AvailabilityZones": ["us-east-1z"]}, "Invalid availability zone: us-east-1z"),
        (
            {"AvailabilityZones": None, "VPCZoneIdentifier": "subnet-1"},
            "The subnet ID 'subnet-1' does not exist",
        ),
        (
            {"TargetGroupARNs": ["arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/none/1"]},
            "Provided Target Groups may not be valid. Please ensure they exist and try again.",
        ),
        ({"CapacityRebalance": True}, "The parameter CapacityRebalance is not supported in this region."),
        ({"InstanceId": "i-1", "LaunchTemplate": None}, "The parameter InstanceId is not supported in this region."),
        ({"TerminationPolicies": ["Nobody"]}, "Invalid termination policy: Nobody"),
        ({"HealthCheckType": "EBS"}, "The health check type EBS is not supported in this region."),
        ({"MaxInstanceLifetime": 60}, "MaxInstanceLifetime must be 0 or between 86400 and 31536000."),
        ({"Tags": [{"Key": "aws:x"}]}, "Tag keys starting with 'aws:' are reserved for internal use."),
    ],
)
def test_a_group_that_cannot_be_is_refused(world: World, changes: dict[str, Any], message: str) -> None:
    world.template()
    assert world.refusal("CreateAutoScalingGroup", **create(**changes)) == ("ValidationError", message)
    assert world.call("DescribeAutoScalingGroups") == {"AutoScalingGroups": []}


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        ({"OnDemandPercentageAboveBaseCapacity": 50}, "Spot Instances are not supported in this region."),
        ({"OnDemandAllocationStrategy": "lowest-price"}, "must be prioritized in this region."),
    ],
)
def test_spot_capacity_is_refused(world: World, distribution: dict[str, Any], message: str) -> None:
    world.template()
    policy = {
        "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "web"}},
        "InstancesDistribution": distribution,
    }
    code, text = world.refusal("CreateAutoScalingGroup", **create(LaunchTemplate=None, MixedInstancesPolicy=policy))
    assert code == "ValidationError"
    assert text.endswith(message)


def test_a_name_is_used_once(world: World) -> None:
    world.wish(0)
    assert world.refusal("CreateAutoScalingGroup", **create()) == (
        "AlreadyExists",
        "AutoScalingGroup by this name already exists - A group with the name web already exists",
    )


def test_bounds_take_the_desired_capacity_along(world: World) -> None:
    world.wish(2)
    world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", MinSize=4)
    assert world.described()["DesiredCapacity"] == 4
    world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", MinSize=0, MaxSize=1)
    assert world.described()["DesiredCapacity"] == 1
    assert world.refusal("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=2) == (
        "ValidationError",
        "New SetDesiredCapacity value 2 is above max value 1 for the AutoScalingGroup.",
    )


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("UpdateAutoScalingGroup", {}),
        ("DeleteAutoScalingGroup", {}),
        ("SetDesiredCapacity", {"DesiredCapacity": 1}),
        ("SuspendProcesses", {}),
        ("DescribeLifecycleHooks", {}),
        ("DescribeInstanceRefreshes", {}),
        ("StartInstanceRefresh", {}),
        ("PutScalingPolicy", {"PolicyName": "p"}),
        ("PutScheduledUpdateGroupAction", {"ScheduledActionName": "a"}),
        ("EnableMetricsCollection", {"Granularity": "1Minute"}),
        ("AttachInstances", {"InstanceIds": ["i-1"]}),
    ],
)
def test_a_group_that_is_not_there_is_named(world: World, operation: str, params: dict[str, Any]) -> None:
    refusal = world.refusal(operation, AutoScalingGroupName="web", **params)
    assert refusal == ("ValidationError", NOT_FOUND)


def test_what_a_group_is_asked_for_is_what_it_answers(world: World) -> None:
    world.targets()
    subnets = [
        one["SubnetId"]
        for one in world.call("DescribeSubnets", "ec2")["Subnets"]
        if one["AvailabilityZone"] in ZONES[:2]
    ]
    asked = {
        "MinSize": 1,
        "MaxSize": 4,
        "DesiredCapacity": 2,
        "DefaultCooldown": 60,
        "HealthCheckType": "ELB",
        "HealthCheckGracePeriod": 90,
        "VPCZoneIdentifier": ",".join(subnets),
        "TargetGroupARNs": [ARN],
        "TerminationPolicies": ["OldestInstance", "Default"],
        "NewInstancesProtectedFromScaleIn": True,
        "MaxInstanceLifetime": 86400,
        "DefaultInstanceWarmup": 30,
        "InstanceMaintenancePolicy": {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120},
        "DeletionProtection": "prevent-force-deletion",
    }
    world.template()
    world.call("CreateAutoScalingGroup", **create(**asked, AvailabilityZones=None))
    found = world.described()
    assert {name: found[name] for name in asked} == asked
    assert sorted(found["AvailabilityZones"]) == list(ZONES[:2])
    world.settle()
    assert {one["AvailabilityZone"] for one in world.members()} == set(ZONES[:2])
    assert all(one["ProtectedFromScaleIn"] for one in world.members())
    code, _ = world.refusal("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
    assert code == "ResourceInUse"


def test_groups_are_found_by_their_tags_and_shown_page_by_page(world: World) -> None:
    world.template()
    for name in ("one", "two", "three"):
        tag = {"Key": "stage", "Value": "test" if name == "one" else "prod", "PropagateAtLaunch": True}
        world.call("CreateAutoScalingGroup", **create(AutoScalingGroupName=name, Tags=[tag]))
    found = world.call("DescribeAutoScalingGroups", Filters=[{"Name": "tag:stage", "Values": ["prod"]}])
    assert [one["AutoScalingGroupName"] for one in found["AutoScalingGroups"]] == ["three", "two"]
    first = world.call("DescribeAutoScalingGroups", MaxRecords=2)
    rest = world.call("DescribeAutoScalingGroups", MaxRecords=2, NextToken=first["NextToken"])
    names = [one["AutoScalingGroupName"] for page in (first, rest) for one in page["AutoScalingGroups"]]
    assert names == ["one", "three", "two"]
    assert "NextToken" not in rest
    assert world.refusal("DescribeAutoScalingGroups", NextToken="x")[0] == "InvalidNextToken"


def test_tags_go_to_instances_where_they_are_to(world: World) -> None:
    world.group(0)
    tags = [
        {"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": key, "Value": "x", "PropagateAtLaunch": yes}
        for key, yes in (("both", True), ("group", False))
    ]
    world.call("CreateOrUpdateTags", Tags=tags)
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=1)
    world.settle()
    assert world.instances()[0].tags == {"both": "x", "aws:autoscaling:groupName": "web"}
    world.call("DeleteTags", Tags=[{"ResourceId": "web", "Key": "both"}])
    assert [tag["Key"] for tag in world.call("DescribeTags")["Tags"]] == ["group"]
    found = world.call("DescribeTags", Filters=[{"Name": "propagate-at-launch", "Values": ["true"]}])
    assert found["Tags"] == []


def test_a_launch_configuration_launches(world: World) -> None:
    world.call(
        "CreateLaunchConfiguration",
        LaunchConfigurationName="lc",
        ImageId=world.image,
        InstanceType="t2.micro",
        UserData="IyEvYmluL3NoCg==",
        AssociatePublicIpAddress=True,
    )
    world.group(1, LaunchConfigurationName="lc")
    assert world.described()["LaunchConfigurationName"] == "lc"
    instance = world.instances()[0]
    assert (instance.user_data, instance.monitored) == ("IyEvYmluL3NoCg==", True)
    assert world.refusal("DeleteLaunchConfiguration", LaunchConfigurationName="lc") == (
        "ResourceInUse",
        "Cannot delete launch configuration lc because it is attached to an AutoScalingGroup",
    )
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
    world.settle()
    world.call("DeleteLaunchConfiguration", LaunchConfigurationName="lc")
    assert world.call("DescribeLaunchConfigurations") == {"LaunchConfigurations": []}
    assert world.call("DescribeAccountLimits")["NumberOfLaunchConfigurations"] == 0


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("Odd", {}, "The policy type Odd is not supported in this region."),
        ("SimpleScaling", {"AdjustmentType": "ChangeInCapacity"}, "ScalingAdjustment is required for policy type: "),
        (
            "StepScaling",
            {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1},
            "ScalingAdjustment is not supported for policy type: StepScaling",
        ),
        (
            "SimpleScaling",
            {"AdjustmentType": "ExactCapacity", "ScalingAdjustment": -1},
            "The lower range for adjustment is 0 with the specified adjustment type.",
        ),
        (
            "StepScaling",
            {
                "AdjustmentType": "ExactCapacity",
                "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": -1}],
            },
            "The lower range for adjustment is 0 with the specified adjustment type.",
        ),
        ("TargetTrackingScaling", {}, "TargetTrackingConfiguration is required for policy type: "),
        (
            "TargetTrackingScaling",
            {
                "TargetTrackingConfiguration": {
                    "TargetValue": 1.0,
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"},
                }
            },
            "ResourceLabel must be of the form ",
        ),
    ],
)
def test_a_policy_that_cannot_be_is_refused(world: World, kind: str, params: dict[str, Any], message: str) -> None:
    world.wish(0)
    code, text = world.refusal(
        "PutScalingPolicy", AutoScalingGroupName="web", PolicyName="p", PolicyType=kind, **params
    )
    assert code == "ValidationError"
    assert text.startswith(message)


def test_the_alarms_that_call_for_a_policy_are_shown_with_it(world: World) -> None:
    world.wish(1)
    arn = world.call(
        "PutScalingPolicy",
        AutoScalingGroupName="web",
        PolicyName="p",
        AdjustmentType="ChangeInCapacity",
        ScalingAdjustment=1,
    )["PolicyARN"]
    world.put_alarm("busy", arn)
    found = world.call("DescribePolicies", AutoScalingGroupName="web")["ScalingPolicies"][0]
    assert [one["AlarmName"] for one in found["Alarms"]] == ["busy"]
    assert found["PolicyType"] == "SimpleScaling"


def test_several_scheduled_actions_are_put_and_deleted_and_failures_named(world: World) -> None:
    world.wish(0)
    start = world.clock.now() + timedelta(hours=1)
    actions = [
        {"ScheduledActionName": "good", "StartTime": start, "DesiredCapacity": 1},
        {"ScheduledActionName": "bad", "Recurrence": "nonsense", "DesiredCapacity": 1},
    ]
    failed = world.call(
        "BatchPutScheduledUpdateGroupAction", AutoScalingGroupName="web", ScheduledUpdateGroupActions=actions
    )["FailedScheduledUpdateGroupActions"]
    assert failed == [
        {
            "ScheduledActionName": "bad",
            "ErrorCode": "ValidationError",
            "ErrorMessage": "Given recurrence string:nonsense is invalid",
        }
    ]
    failed = world.call("BatchDeleteScheduledAction", AutoScalingGroupName="web", ScheduledActionNames=["good", "bad"])[
        "FailedScheduledActions"
    ]
    assert [one["ScheduledActionName"] for one in failed] == ["bad"]


@pytest.mark.parametrize(
    "operation",
    [
        "DescribeAdjustmentTypes",
        "DescribeAutoScalingNotificationTypes",
        "DescribeLifecycleHookTypes",
        "DescribeMetricCollectionTypes",
        "DescribeScalingProcessTypes",
        "DescribeTerminationPolicyTypes",
        "DescribeNotificationConfigurations",
        "DescribeAutoScalingInstances",
        "DescribePolicies",
        "DescribeScheduledActions",
        "DescribeLaunchConfigurations",
        "DescribeTags",
    ],
)
def test_every_list_can_be_asked_for(world: World, operation: str) -> None:
    assert world.call(operation)


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("PutWarmPool", {"AutoScalingGroupName": "web"}),
        (
            "PutNotificationConfiguration",
            {"AutoScalingGroupName": "web", "TopicARN": "arn", "NotificationTypes": ["x"]},
        ),
        ("AttachLoadBalancers", {"AutoScalingGroupName": "web", "LoadBalancerNames": ["x"]}),
    ],
)
def test_what_the_region_has_not_is_refused(world: World, operation: str, params: dict[str, Any]) -> None:
    world.wish(0)
    code, message = world.refusal(operation, **params)
    assert code == "ValidationError"
    assert message.endswith("not supported in this region.")


def test_protection_is_only_for_those_in_service(world: World) -> None:
    world.wish(1)
    world.look()
    instance_id = world.ids()[0]
    assert world.refusal(
        "SetInstanceProtection", AutoScalingGroupName="web", InstanceIds=[instance_id], ProtectedFromScaleIn=True
    ) == ("ValidationError", f"The instance {instance_id} is not in InService or EnteringStandby or Standby.")


def test_health_that_is_set_respects_the_grace_period_unless_told_otherwise(world: World) -> None:
    world.group(1, HealthCheckGracePeriod=300)
    only = world.ids()[0]
    world.call("SetInstanceHealth", InstanceId=only, HealthStatus="Unhealthy")
    world.settle()
    assert world.ids() == [only]
    world.call("SetInstanceHealth", InstanceId=only, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
    world.settle()
    assert only not in world.ids()
    causes = " ".join(one["Cause"] for one in world.activities())
    assert "in response to a user health-check." in causes
    assert world.refusal("SetInstanceHealth", InstanceId="i-1", HealthStatus="Healthy") == (
        "ValidationError",
        "Instance Id not found - No managed instance found for instance ID: i-1",
    )
