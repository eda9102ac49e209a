"""AWS::AutoScaling: groups, and launch configurations.  What moves a group is in `autoscaling_moves`."""

from collections.abc import Mapping, Sequence
from typing import Any

from aftershock.services.cloudformation.rules.policies import REPLACING, ROLLING, SCHEDULED
from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
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

from .ec2_compute import disks
from .model import Doing, FailedError, ResourceType, Seen
from .rolling import begin as begin_rolling
from .rolling import roll

TEMPLATE = members("Version", LaunchTemplateId=STRING, LaunchTemplateName=STRING, Version=STRING)
_MIXED = members(
    "LaunchTemplate",
    InstancesDistribution=members(
        OnDemandAllocationStrategy=STRING,
        OnDemandBaseCapacity=INTEGER,
        OnDemandPercentageAboveBaseCapacity=INTEGER,
        SpotAllocationStrategy=STRING,
        SpotInstancePools=INTEGER,
        SpotMaxPrice=STRING,
    ),
    LaunchTemplate=members(
        "LaunchTemplateSpecification",
        LaunchTemplateSpecification=TEMPLATE,
        Overrides=many(
            members(
                ImageId=STRING,
                InstanceType=STRING,
                LaunchTemplateSpecification=TEMPLATE,
                WeightedCapacity=STRING,
            )
        ),
    ),
)
TAGS = many(members("Key Value PropagateAtLaunch", Key=STRING, Value=STRING, PropagateAtLaunch=BOOLEAN))
SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
_LAUNCH = ("LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy")
_PLAIN: dict[str, Kind] = {
    "AvailabilityZoneDistribution": members(CapacityDistributionStrategy=STRING),
    "AvailabilityZones": STRINGS,
    "CapacityRebalance": BOOLEAN,
    "Context": STRING,
    "DefaultInstanceWarmup": INTEGER,
    "DeletionProtection": STRING,
    "DesiredCapacity": INTEGER,
    "DesiredCapacityType": STRING,
    "HealthCheckGracePeriod": INTEGER,
    "HealthCheckType": STRING,
    "InstanceMaintenancePolicy": members(MaxHealthyPercentage=INTEGER, MinHealthyPercentage=INTEGER),
    "LaunchConfigurationName": STRING,
    "LaunchTemplate": TEMPLATE,
    "MaxInstanceLifetime": INTEGER,
    "MaxSize": INTEGER,
    "MinSize": INTEGER,
    "MixedInstancesPolicy": _MIXED,
    "NewInstancesProtectedFromScaleIn": BOOLEAN,
    "ServiceLinkedRoleARN": STRING,
    "TerminationPolicies": STRINGS,
}


def ask(doing: Doing, operation: str, **params: Any) -> dict[str, Any]:
    return doing.ask("autoscaling", operation, **params)


def _settings(doing: Doing) -> dict[str, Any]:
    asked = doing.given(*_PLAIN)
    if "Cooldown" in doing.properties:
        asked["DefaultCooldown"] = doing.properties["Cooldown"]
    if "VPCZoneIdentifier" in doing.properties:
        asked["VPCZoneIdentifier"] = ",".join(doing.properties["VPCZoneIdentifier"])
    return asked


def _tags(name: str, tags: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"ResourceId": name, "ResourceType": "auto-scaling-group", **tag} for tag in tags]


def _create_group(doing: Doing) -> str:
    name = str(doing.properties.get("AutoScalingGroupName") or doing.name(255))
    asked = {**_settings(doing), **doing.given("TargetGroupARNs", "TrafficSources")}
    tags = [{"PropagateAtLaunch": True, **tag} for tag in doing.tags("autoscaling")]
    if tags:
        asked["Tags"] = _tags(name, tags)
    if "LifecycleHookSpecificationList" in doing.properties:
        asked["LifecycleHookSpecificationList"] = doing.properties["LifecycleHookSpecificationList"]
    ask(doing, "CreateAutoScalingGroup", AutoScalingGroupName=name, **asked)
    _metrics(doing, name)
    return name


def _metrics(doing: Doing, name: str) -> None:
    for one in doing.properties.get("MetricsCollection", []):
        ask(doing, "EnableMetricsCollection", AutoScalingGroupName=name, **one)


def described(doing: Doing, name: str) -> Mapping[str, Any] | None:
    groups = ask(doing, "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
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
        asked = {key: value for key, value in asked.items() if key not in SIZES or before.get(key) != value}
    ask(doing, "UpdateAutoScalingGroup", AutoScalingGroupName=name, **asked)
    was, now = before.get("TargetGroupARNs", []), doing.properties.get("TargetGroupARNs", [])
    if gone := [arn for arn in was if arn not in now]:
        ask(doing, "DetachLoadBalancerTargetGroups", AutoScalingGroupName=name, TargetGroupARNs=gone)
    if new := [arn for arn in now if arn not in was]:
        ask(doing, "AttachLoadBalancerTargetGroups", AutoScalingGroupName=name, TargetGroupARNs=new)
    _connect(doing, name, before)
    _hook(doing, name, before)
    _retag(doing, name, before)
    if changed(before, doing.properties) and before.get("MetricsCollection") != doing.properties.get(
        "MetricsCollection"
    ):
        _metrics(doing, name)
    group = described(doing, name)
    if ROLLING in policy and group is not None and _launches_otherwise(before, doing.properties):
        return begin_rolling(doing, name, policy[ROLLING], group)
    return None


def _connect(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    was, now = before.get("TrafficSources", []), doing.properties.get("TrafficSources", [])
    if gone := [one for one in was if one not in now]:
        ask(doing, "DetachTrafficSources", AutoScalingGroupName=name, TrafficSources=gone)
    if new := [one for one in now if one not in was]:
        ask(doing, "AttachTrafficSources", AutoScalingGroupName=name, TrafficSources=new)


def _hook(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    was = {one["LifecycleHookName"]: one for one in before.get("LifecycleHookSpecificationList", [])}
    now = {one["LifecycleHookName"]: one for one in doing.properties.get("LifecycleHookSpecificationList", [])}
    for hook in was.keys() - now.keys():
        ask(doing, "DeleteLifecycleHook", AutoScalingGroupName=name, LifecycleHookName=hook)
    for hook, one in now.items():
        if was.get(hook) != one:
            ask(doing, "PutLifecycleHook", AutoScalingGroupName=name, **one)


def _retag(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    was = {tag["Key"]: tag for tag in before.get("Tags", [])}
    now = {tag["Key"]: tag for tag in doing.properties.get("Tags", [])}
    if gone := [was[key] for key in was if key not in now]:
        ask(doing, "DeleteTags", Tags=_tags(name, gone))
    if new := [now[key] for key in now if was.get(key) != now[key]]:
        ask(doing, "CreateOrUpdateTags", Tags=_tags(name, new))


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
        ask(doing, "DeleteAutoScalingGroup", AutoScalingGroupName=name, ForceDelete=True)


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
        "Cooldown": changing(INTEGER),
        "LifecycleHookSpecificationList": changing(HOOKS),
        "MaxSize": changing(INTEGER, required=True),
        "MetricsCollection": changing(many(members("Granularity", Granularity=STRING, Metrics=STRINGS))),
        "MinSize": changing(INTEGER, required=True),
        "Tags": changing(TAGS),
        "TargetGroupARNs": changing(STRINGS),
        "TrafficSources": changing(many(members("Identifier Type", Identifier=STRING, Type=STRING))),
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
    "BlockDeviceMappings": fixed(disks(BOOLEAN, Throughput=INTEGER)),
    "EbsOptimized": fixed(BOOLEAN),
    "IamInstanceProfile": fixed(STRING),
    "ImageId": fixed(STRING, required=True),
    "InstanceType": fixed(STRING, required=True),
    "KeyName": fixed(STRING),
    "MetadataOptions": fixed(
        members(HttpEndpoint=STRING, HttpPutResponseHopLimit=INTEGER, HttpTokens=STRING),
    ),
    "PlacementTenancy": fixed(STRING),
    "SecurityGroups": fixed(STRINGS),
    "UserData": fixed(STRING),
}


def _create_configuration(doing: Doing) -> str:
    name = str(doing.properties.get("LaunchConfigurationName") or doing.name(255))
    asked = doing.given(*_CONFIGURATION)
    if "InstanceMonitoring" in doing.properties:
        asked["InstanceMonitoring"] = {"Enabled": doing.properties["InstanceMonitoring"]}
    ask(doing, "CreateLaunchConfiguration", LaunchConfigurationName=name, **asked)
    return name


def _configured(doing: Doing, name: str) -> bool:
    answer = ask(doing, "DescribeLaunchConfigurations", LaunchConfigurationNames=[name])
    return bool(answer["LaunchConfigurations"])


def _delete_configuration(doing: Doing, name: str) -> None:
    if _configured(doing, name):
        ask(doing, "DeleteLaunchConfiguration", LaunchConfigurationName=name)


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

TYPES = (GROUP, LAUNCH_CONFIGURATION)
