"""AWS::AutoScaling, what moves a group: scaling policies, scheduled actions, lifecycle hooks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    DOUBLE,
    INTEGER,
    STRING,
    Kind,
    changing,
    fixed,
    many,
    members,
)

from .autoscaling import SIZES, ask, described
from .model import Doing, FailedError, ResourceType, Seen, unless_gone

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
    return str(ask(doing, "PutScalingPolicy", PolicyName=name, **asked)["PolicyARN"])


def _policy_name(arn: str) -> str:
    return arn.rpartition("policyName/")[2]


def _read_policy(doing: Doing, arn: str) -> Seen | None:
    group = doing.properties["AutoScalingGroupName"]
    if described(doing, group) is None:
        return None
    answer = ask(doing, "DescribePolicies", AutoScalingGroupName=group, PolicyNames=[_policy_name(arn)])
    return Seen({"Arn": arn, "PolicyName": _policy_name(arn)}) if answer["ScalingPolicies"] else None


def _update_policy(doing: Doing, arn: str, _before: Mapping[str, Any]) -> None:
    _put_policy(doing, _policy_name(arn))


def _delete_policy(doing: Doing, arn: str) -> None:
    if _read_policy(doing, arn) is not None:
        group = doing.properties["AutoScalingGroupName"]
        unless_gone(lambda: ask(doing, "DeletePolicy", AutoScalingGroupName=group, PolicyName=_policy_name(arn)))


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
    asked = doing.given("AutoScalingGroupName", *SIZES, "Recurrence", "TimeZone")
    for key in ("StartTime", "EndTime"):
        if key in doing.properties:
            asked[key] = _time(doing.properties[key])
    ask(doing, "PutScheduledUpdateGroupAction", ScheduledActionName=name, **asked)
    return name


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise FailedError(f"Invalid time: {text}; times are written as 2010-06-01T00:00:00Z") from None


def _of_group(operation: str, list_name: str, parameter: str, *told: str) -> Callable[[Doing, str], Seen | None]:
    """Reads what belongs to a group, and is gone with it; `told` are the attributes that are its name."""

    def read(doing: Doing, name: str) -> Seen | None:
        group = doing.properties["AutoScalingGroupName"]
        if described(doing, group) is None:
            return None
        answer = ask(doing, operation, AutoScalingGroupName=group, **{parameter: [name]})
        return Seen(dict.fromkeys(told, name)) if answer[list_name] else None

    return read


_read_action = _of_group(
    "DescribeScheduledActions", "ScheduledUpdateGroupActions", "ScheduledActionNames", "ScheduledActionName"
)
_read_hook = _of_group("DescribeLifecycleHooks", "LifecycleHooks", "LifecycleHookNames")


def _update_action(doing: Doing, name: str, _before: Mapping[str, Any]) -> None:
    _put_action(doing, name)


def _delete_action(doing: Doing, name: str) -> None:
    if _read_action(doing, name) is not None:
        group = doing.properties["AutoScalingGroupName"]
        ask(doing, "DeleteScheduledAction", AutoScalingGroupName=group, ScheduledActionName=name)


SCHEDULED_ACTION = ResourceType(
    name="AWS::AutoScaling::ScheduledAction",
    properties={
        "AutoScalingGroupName": fixed(STRING, required=True),
        **{name: changing(INTEGER) for name in SIZES},
        **{name: changing(STRING) for name in ("EndTime", "Recurrence", "StartTime", "TimeZone")},
    },
    create=lambda doing: _put_action(doing, doing.name(255)),
    read=_read_action,
    update=_update_action,
    delete=_delete_action,
    attributes=("ScheduledActionName",),
)

_HOOK = ("DefaultResult", "HeartbeatTimeout", "LifecycleTransition", "NotificationMetadata")


def _put_hook(doing: Doing, name: str) -> str:
    asked = doing.given("AutoScalingGroupName", *_HOOK)
    ask(doing, "PutLifecycleHook", LifecycleHookName=name, **asked)
    return name


def _update_hook(doing: Doing, name: str, _before: Mapping[str, Any]) -> None:
    _put_hook(doing, name)


def _delete_hook(doing: Doing, name: str) -> None:
    if _read_hook(doing, name) is not None:
        group = doing.properties["AutoScalingGroupName"]
        ask(doing, "DeleteLifecycleHook", AutoScalingGroupName=group, LifecycleHookName=name)


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

TYPES = (SCALING_POLICY, SCHEDULED_ACTION, LIFECYCLE_HOOK)
