"""AWS::AutoScaling: groups, launch configurations, policies, schedules, hooks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aftershock.services.cloudformation.rules.policies import REPLACING, ROLLING, SCHEDULED
from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    DOUBLE,
    INTEGER,
    STRING,
    STRINGS,
    Kind,
    Need,
    Property,
    changed,
    changing,
    fixed,
    many,
    members,
)

from .ec2_compute import DISKS
from .model import Doing, FailedError, ResourceType, Seen, unless_gone
from .rolling import begin as begin_rolling
from .rolling import roll

TEMPLATE = members("Version", LaunchTemplateId=STRING, LaunchTemplateName=STRING, Version=STRING)
TAGS = many(members("Key Value PropagateAtLaunch", Key=STRING, Value=STRING, PropagateAtLaunch=BOOLEAN))
_SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
_LAUNCH = ("LaunchTemplate", "LaunchConfigurationName")
_PLAIN: dict[str, Kind] = {
    "AvailabilityZones": STRINGS,
    "CapacityRebalance": BOOLEAN,
    "Cooldown": INTEGER,
    "DefaultInstanceWarmup": INTEGER,
    "DesiredCapacity": INTEGER,
    "HealthCheckGracePeriod": INTEGER,
    "HealthCheckType": STRING,
    "LaunchConfigurationName": STRING,
    "LaunchTemplate": TEMPLATE,
    "MaxInstanceLifetime": INTEGER,
    "MaxSize": INTEGER,
    "MinSize": INTEGER,
    "NewInstancesProtectedFromScaleIn": BOOLEAN,
    "TerminationPolicies": STRINGS,
}


def _ask(doing: Doing, operation: str, **params: Any) -> dict[str, Any]:
    return doing.ask("autoscaling", operation, **params)


def _settings(doing: Doing) -> dict[str, Any]:
    asked = doing.given(*_PLAIN)
    if "VPCZoneIdentifier" in doing.properties:
        asked["VPCZoneIdentifier"] = ",".join(doing.properties["VPCZoneIdentifier"])
    return asked


def _tags(name: str, tags: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"ResourceId": name, "ResourceType": "auto-scaling-group", **tag} for tag in tags]


def _create_group(doing: Doing) -> str:
    name = str(doing.properties.get("AutoScalingGroupName") or doing.name(255))
    asked = {**_settings(doing), **doing.given("TargetGroupARNs")}
    tags = [{"PropagateAtLaunch": True, **tag} for tag in doing.tags("autoscaling")]
    if tags:
        asked["Tags"] = _tags(name, tags)
    if "LifecycleHookSpecificationList" in doing.properties:
        asked["LifecycleHookSpecificationList"] = doing.properties["LifecycleHookSpecificationList"]
    _ask(doing, "CreateAutoScalingGroup", AutoScalingGroupName=name, **asked)
    _metrics(doing, name)
    return name


def _metrics(doing: Doing, name: str) -> None:
    for one in doing.properties.get("MetricsCollection", []):
        _ask(doing, "EnableMetricsCollection", AutoScalingGroupName=name, **one)


def described(doing: Doing, name: str) -> Mapping[str, Any] | None:
    groups = _ask(doing, "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return groups[0] if groups else None


def _read_group(doing: Doing, name: str) -> Seen | None:
    """AWS: a group that has not its least size in time "did not stabilize"."""
    group = described(doing, name)
    if group is None:
        return None
    current = sum(one["LifecycleState"] == "InService" for one in group.get("Instances", []))
    least = group["MinSize"]
    waiting = f"Group did not stabilize. {{current: {current}, minSize: {least}}}" if current < least else None
    return Seen({"AutoScalingGroupARN": group["AutoScalingGroupARN"]}, waiting=waiting)


def _update_group(doing: Doing, name: str, before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    asked = _settings(doing)
    policy = doing.update_policy or {}
    scheduled = str(policy.get(SCHEDULED, {}).get("IgnoreUnmodifiedGroupSizeProperties", "false")).lower() == "true"
    if scheduled:  # what schedules have made of the sizes stays, where the template did not change them
        asked = {key: value for key, value in asked.items() if key not in _SIZES or before.get(key) != value}
    _ask(doing, "UpdateAutoScalingGroup", AutoScalingGroupName=name, **asked)
    was, now = before.get("TargetGroupARNs", []), doing.properties.get("TargetGroupARNs", [])
    if gone := [arn for arn in was if arn not in now]:
        _ask(doing, "DetachLoadBalancerTargetGroups", AutoScalingGroupName=name, TargetGroupARNs=gone)
    if new := [arn for arn in now if arn not in was]:
        _ask(doing, "AttachLoadBalancerTargetGroups", AutoScalingGroupName=name, TargetGroupARNs=new)
    _retag(doing, name, before)
    if changed(before, doing.properties) and before.get("MetricsCollection") != doing.properties.get(
        "MetricsCollection"
    ):
        _metrics(doing, name)
    group = described(doing, name)
    if ROLLING in policy and group is not None and _launches_otherwise(before, doing.properties):
        return begin_rolling(doing, name, policy[ROLLING], group)
    return None


def _retag(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    was = {tag["Key"]: tag for tag in before.get("Tags", [])}
    now = {tag["Key"]: tag for tag in doing.properties.get("Tags", [])}
    if gone := [was[key] for key in was if key not in now]:
        _ask(doing, "DeleteTags", Tags=_tags(name, gone))
    if new := [now[key] for key in now if was.get(key) != now[key]]:
        _ask(doing, "CreateOrUpdateTags", Tags=_tags(name, new))


def _launches_otherwise(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """AWS: rolling updates follow changes of the launch template or configuration, and of the subnets."""
    return any(before.get(name) != after.get(name) for name in (*_LAUNCH, "VPCZoneIdentifier"))


def _replaced(before: Mapping[str, Any], after: Mapping[str, Any], policy: Any) -> Need:
    will = str((policy or {}).get(REPLACING, {}).get("WillReplace", "false")).lower() == "true"
    return Need.REPLACEMENT if will and _launches_otherwise(before, after) else Need.NOTHING


def _advance_group(doing: Doing, name: str) -> Mapping[str, Any]:
    group = described(doing, name)
    if group is None:
        raise FailedError(f"AutoScalingGroup {name} does not exist")
    return roll(doing, name, (doing.update_policy or {}).get(ROLLING, {}), group)


def _delete_group(doing: Doing, name: str) -> None:
    group = described(doing, name)
    if group is not None and not group.get("Status"):
        _ask(doing, "DeleteAutoScalingGroup", AutoScalingGroupName=name, ForceDelete=True)


HOOKS = many(
    members(
        "LifecycleHookName LifecycleTransition",
        DefaultResult=STRING,
        HeartbeatTimeout=INTEGER,
        LifecycleHookName=STRING,
        LifecycleTransition=STRING,
        NotificationMetadata=STRING,
    )
)
GROUP = ResourceType(
    name="AWS::AutoScaling::AutoScalingGroup",
    identity="AutoScalingGroupName",
    properties={
        **{name: changing(kind) for name, kind in _PLAIN.items()},
        "AutoScalingGroupName": fixed(STRING),
        "LifecycleHookSpecificationList": fixed(HOOKS),
        "MaxSize": changing(INTEGER, required=True),
        "MetricsCollection": changing(many(members("Granularity", Granularity=STRING, Metrics=STRINGS))),
        "MinSize": changing(INTEGER, required=True),
        "Tags": changing(TAGS),
        "TargetGroupARNs": changing(STRINGS),
        "VPCZoneIdentifier": changing(STRINGS),
    },
    create=_create_group,
    read=_read_group,
    update=_update_group,
    advance=_advance_group,
    delete=_delete_group,
    attributes=("AutoScalingGroupARN",),
    tags="propagated",
    need_of=_replaced,
    creation_policy=True,
    update_policies=(ROLLING, REPLACING, SCHEDULED),
)

_CONFIGURATION: dict[str, Property] = {
    "AssociatePublicIpAddress": fixed(BOOLEAN),
    "BlockDeviceMappings": fixed(DISKS),
    "EbsOptimized": fixed(BOOLEAN),
    "IamInstanceProfile": fixed(STRING),
    "ImageId": fixed(STRING, required=True),
    "InstanceType": fixed(STRING, required=True),
    "KeyName": fixed(STRING),
    "SecurityGroups": fixed(STRINGS),
    "UserData": fixed(STRING),
}


def _create_configuration(doing: Doing) -> str:
    name = str(doing.properties.get("LaunchConfigurationName") or doing.name(255))
    asked = doing.given(*_CONFIGURATION)
    if "InstanceMonitoring" in doing.properties:
        asked["InstanceMonitoring"] = {"Enabled": doing.properties["InstanceMonitoring"]}
    _ask(doing, "CreateLaunchConfiguration", LaunchConfigurationName=name, **asked)
    return name


def _configured(doing: Doing, name: str) -> bool:
    answer = _ask(doing, "DescribeLaunchConfigurations", LaunchConfigurationNames=[name])
    return bool(answer["LaunchConfigurations"])


def _delete_configuration(doing: Doing, name: str) -> None:
    if _configured(doing, name):
        _ask(doing, "DeleteLaunchConfiguration", LaunchConfigurationName=name)


LAUNCH_CONFIGURATION = ResourceType(
    name="AWS::AutoScaling::LaunchConfiguration",
    properties={
        **_CONFIGURATION,
        "InstanceMonitoring": fixed(BOOLEAN),
        "LaunchConfigurationName": fixed(STRING),
    },
    create=_create_configuration,
    read=lambda doing, name: Seen() if _configured(doing, name) else None,
    delete=_delete_configuration,
)

_METRIC = members("PredefinedMetricType", PredefinedMetricType=STRING, ResourceLabel=STRING)
_CUSTOM = members(
    "MetricName Namespace Statistic",
    Dimensions=many(members("Name Value", Name=STRING, Value=STRING)),
    MetricName=STRING,
    Namespace=STRING,
    Statistic=STRING,
    Unit=STRING,
)
_POLICY: dict[str, Kind] = {
    "AdjustmentType": STRING,
    "Cooldown": INTEGER,
    "EstimatedInstanceWarmup": INTEGER,
    "MetricAggregationType": STRING,
    "MinAdjustmentMagnitude": INTEGER,
    "ScalingAdjustment": INTEGER,
    "StepAdjustments": many(
        members(
            "ScalingAdjustment",
            MetricIntervalLowerBound=DOUBLE,
            MetricIntervalUpperBound=DOUBLE,
            ScalingAdjustment=INTEGER,
        )
    ),
    "TargetTrackingConfiguration": members(
        "TargetValue",
        CustomizedMetricSpecification=_CUSTOM,
        DisableScaleIn=BOOLEAN,
        PredefinedMetricSpecification=_METRIC,
        TargetValue=DOUBLE,
    ),
}


def _put_policy(doing: Doing, name: str) -> str:
    asked = doing.given("AutoScalingGroupName", "PolicyType", *_POLICY)
    return str(_ask(doing, "PutScalingPolicy", PolicyName=name, **asked)["PolicyARN"])


def _policy_name(arn: str) -> str:
    return arn.rpartition("policyName/")[2]


def _read_policy(doing: Doing, arn: str) -> Seen | None:
    group = doing.properties["AutoScalingGroupName"]
    if described(doing, group) is None:
        return None
    answer = _ask(doing, "DescribePolicies", AutoScalingGroupName=group, PolicyNames=[_policy_name(arn)])
    return Seen({"Arn": arn, "PolicyName": _policy_name(arn)}) if answer["ScalingPolicies"] else None


def _update_policy(doing: Doing, arn: str, _before: Mapping[str, Any]) -> None:
    _put_policy(doing, _policy_name(arn))


def _delete_policy(doing: Doing, arn: str) -> None:
    if _read_policy(doing, arn) is not None:
        group = doing.properties["AutoScalingGroupName"]
        unless_gone(lambda: _ask(doing, "DeletePolicy", AutoScalingGroupName=group, PolicyName=_policy_name(arn)))


SCALING_POLICY = ResourceType(
    name="AWS::AutoScaling::ScalingPolicy",
    properties={
        "AutoScalingGroupName": fixed(STRING, required=True),
        "PolicyType": changing(STRING),
        **{name: changing(kind) for name, kind in _POLICY.items()},
    },
    create=lambda doing: _put_policy(doing, doing.name(255)),
    read=_read_policy,
    update=_update_policy,
    delete=_delete_policy,
    attributes=("Arn", "PolicyName"),
)


def _put_action(doing: Doing, name: str) -> str:
    asked = doing.given("AutoScalingGroupName", *_SIZES, "Recurrence", "TimeZone")
    for key in ("StartTime", "EndTime"):
        if key in doing.properties:
            asked[key] = _time(doing.properties[key])
    _ask(doing, "PutScheduledUpdateGroupAction", ScheduledActionName=name, **asked)
    return name


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise FailedError(f"Invalid time: {text}; times are written as 2010-06-01T00:00:00Z") from None


def _of_group(operation: str, list_name: str, parameter: str) -> Callable[[Doing, str], Seen | None]:
    """Reads what belongs to a group, and is gone with it."""

    def read(doing: Doing, name: str) -> Seen | None:
        group = doing.properties["AutoScalingGroupName"]
        if described(doing, group) is None:
            return None
        answer = _ask(doing, operation, AutoScalingGroupName=group, **{parameter: [name]})
        return Seen() if answer[list_name] else None

    return read


_read_action = _of_group("DescribeScheduledActions", "ScheduledUpdateGroupActions", "ScheduledActionNames")
_read_hook = _of_group("DescribeLifecycleHooks", "LifecycleHooks", "LifecycleHookNames")


def _update_action(doing: Doing, name: str, _before: Mapping[str, Any]) -> None:
    _put_action(doing, name)


def _delete_action(doing: Doing, name: str) -> None:
    if _read_action(doing, name) is not None:
        group = doing.properties["AutoScalingGroupName"]
        _ask(doing, "DeleteScheduledAction", AutoScalingGroupName=group, ScheduledActionName=name)


SCHEDULED_ACTION = ResourceType(
    name="AWS::AutoScaling::ScheduledAction",
    properties={
        "AutoScalingGroupName": fixed(STRING, required=True),
        **{name: changing(INTEGER) for name in _SIZES},
        **{name: changing(STRING) for name in ("EndTime", "Recurrence", "StartTime", "TimeZone")},
    },
    create=lambda doing: _put_action(doing, doing.name(255)),
    read=_read_action,
    update=_update_action,
    delete=_delete_action,
)

_HOOK = ("DefaultResult", "HeartbeatTimeout", "LifecycleTransition", "NotificationMetadata")


def _put_hook(doing: Doing, name: str) -> str:
    asked = doing.given("AutoScalingGroupName", *_HOOK)
    _ask(doing, "PutLifecycleHook", LifecycleHookName=name, **asked)
    return name


def _update_hook(doing: Doing, name: str, _before: Mapping[str, Any]) -> None:
    _put_hook(doing, name)


def _delete_hook(doing: Doing, name: str) -> None:
    if _read_hook(doing, name) is not None:
        group = doing.properties["AutoScalingGroupName"]
        _ask(doing, "DeleteLifecycleHook", AutoScalingGroupName=group, LifecycleHookName=name)


LIFECYCLE_HOOK = ResourceType(
    name="AWS::AutoScaling::LifecycleHook",
    properties={
        "AutoScalingGroupName": fixed(STRING, required=True),
        "DefaultResult": changing(STRING),
        "HeartbeatTimeout": changing(INTEGER),
        "LifecycleHookName": fixed(STRING),
        "LifecycleTransition": changing(STRING, required=True),
        "NotificationMetadata": changing(STRING),
    },
    create=lambda doing: _put_hook(doing, str(doing.properties.get("LifecycleHookName") or doing.name(255))),
    read=_read_hook,
    update=_update_hook,
    delete=_delete_hook,
)

TYPES = (GROUP, LAUNCH_CONFIGURATION, SCALING_POLICY, SCHEDULED_ACTION, LIFECYCLE_HOOK)
