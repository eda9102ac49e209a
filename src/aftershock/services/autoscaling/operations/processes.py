"""Processes that may be suspended, metrics that may be collected, and the lists of what there is."""

from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import GROUPS
from aftershock.services.autoscaling.rules import errors, scaling, termination
from aftershock.services.autoscaling.rules.metrics import NAMES
from aftershock.services.autoscaling.rules.view import LAUNCHING, TERMINATING

from .found import require_living

PROCESSES = (
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
)
NOTIFICATIONS = (
    "autoscaling:EC2_INSTANCE_LAUNCH",
    "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    "autoscaling:EC2_INSTANCE_TERMINATE",
    "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    "autoscaling:TEST_NOTIFICATION",
)


def suspend_processes(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    known = dict(group.suspended)
    for name in _named(params):
        known.setdefault(name, f"User suspended at {call.now:%Y-%m-%dT%H:%M:%SZ}")
    GROUPS.put(call.tx, replace(group, suspended=tuple(sorted(known.items()))))
    return {}


def resume_processes(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    resumed = _named(params)
    kept = tuple(one for one in group.suspended if one[0] not in resumed)
    GROUPS.put(call.tx, replace(group, suspended=kept))
    return {}


def _named(params: Params) -> tuple[str, ...]:
    """AWS: none named means all."""
    named = params.get("ScalingProcesses")
    if not named:
        return PROCESSES
    for name in named:
        if name not in PROCESSES:
            raise errors.validation(f"Invalid scaling process: {name}")
    return tuple(named)


def describe_scaling_process_types(outside: Outside, call: Call, params: Params) -> Result:
    return {"Processes": [{"ProcessName": name} for name in PROCESSES]}


def enable_metrics_collection(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    if params["Granularity"] != "1Minute":
        raise errors.validation(f"Invalid granularity: {params['Granularity']}. The only valid value is 1Minute.")
    wanted = _metrics(params)
    GROUPS.put(call.tx, replace(group, metrics=tuple(name for name in NAMES if name in {*group.metrics, *wanted})))
    return {}


def disable_metrics_collection(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    unwanted = _metrics(params)
    GROUPS.put(call.tx, replace(group, metrics=tuple(name for name in group.metrics if name not in unwanted)))
    return {}


def _metrics(params: Params) -> tuple[str, ...]:
    """AWS: none named means all."""
    for name in params.get("Metrics", ()):
        if name not in NAMES:
            raise errors.validation(f"Invalid metric: {name}")
    return tuple(params.get("Metrics", ())) or tuple(NAMES)


def describe_metric_collection_types(outside: Outside, call: Call, params: Params) -> Result:
    return {"Metrics": [{"Metric": name} for name in NAMES], "Granularities": [{"Granularity": "1Minute"}]}


def describe_adjustment_types(outside: Outside, call: Call, params: Params) -> Result:
    return {"AdjustmentTypes": [{"AdjustmentType": name} for name in scaling.ADJUSTMENTS]}


def describe_termination_policy_types(outside: Outside, call: Call, params: Params) -> Result:
    return {"TerminationPolicyTypes": list(termination.TYPES)}


def describe_lifecycle_hook_types(outside: Outside, call: Call, params: Params) -> Result:
    return {"LifecycleHookTypes": [LAUNCHING, TERMINATING]}


def describe_notification_types(outside: Outside, call: Call, params: Params) -> Result:
    return {"AutoScalingNotificationTypes": list(NOTIFICATIONS)}


def describe_notification_configurations(outside: Outside, call: Call, params: Params) -> Result:
    """There are none, since PutNotificationConfiguration is refused."""
    return {"NotificationConfigurations": []}


OPERATIONS: dict[str, Any] = {
    "DescribeAdjustmentTypes": describe_adjustment_types,
    "DescribeAutoScalingNotificationTypes": describe_notification_types,
    "DescribeLifecycleHookTypes": describe_lifecycle_hook_types,
    "DescribeMetricCollectionTypes": describe_metric_collection_types,
    "DescribeNotificationConfigurations": describe_notification_configurations,
    "DescribeScalingProcessTypes": describe_scaling_process_types,
    "DescribeTerminationPolicyTypes": describe_termination_policy_types,
    "DisableMetricsCollection": disable_metrics_collection,
    "EnableMetricsCollection": enable_metrics_collection,
    "ResumeProcesses": resume_processes,
    "SuspendProcesses": suspend_processes,
}
