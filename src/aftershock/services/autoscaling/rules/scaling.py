"""What a scaling policy makes of the capacity that a group has.  Sources: the user guide's chapters on each kind."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from aftershock.services.autoscaling.records import Cooling, Group, Member, Policy

from .errors import in_progress, validation
from .view import ACTIVE, View

ADJUSTMENTS = ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")
SHRINK = 10  # percent that target tracking takes out at a time, at least one: AWS shrinks "more conservatively"
SIMPLE, STEP, TRACKING = "SimpleScaling", "StepScaling", "TargetTrackingScaling"


@dataclass(frozen=True, slots=True)
class Fleet:
    """A group's members, as policies count them."""

    desired: int
    warm: int  # in service, and past their warm-up
    warming: int  # launching, or not warm yet


def fleet(view: View, warmup_s: float) -> Fleet:
    cold = [one for one in view.active if _cold(view, one, warmup_s)]
    warming = sum(one.size for one in cold)
    return Fleet(desired=view.group.desired, warm=view.have - warming, warming=warming)


def _cold(view: View, member: Member, warmup_s: float) -> bool:
    if member.state != "InService":
        return member.state in ACTIVE
    return not view.over(member.in_service_at, warmup_s)


def warmup_s(group: Group, policy: Policy) -> int:
    """AWS: the policy's own warm-up, the group's default one, the group's cooldown."""
    own = policy.given.get("EstimatedInstanceWarmup")
    if own is not None:
        return int(own)
    return group.cooldown_s if group.warmup_s is None else group.warmup_s


def check_cooldown(group: Group, now: datetime, pace: float) -> None:
    """
    Raises:
        AwsError: ScalingActivityInProgress
    """
    if is_cooling(group.cooling, now, pace):
        raise in_progress(f"Scaling activity in progress; the cooldown of AutoScalingGroup {group.name} is not over.")


def is_cooling(cooling: Cooling | None, now: datetime, pace: float) -> bool:
    if cooling is None:
        return False
    return cooling.since is None or (now - cooling.since).total_seconds() * pace < cooling.cooldown_s


def bounded(group: Group, wanted: int) -> int:
    return min(max(wanted, group.min_size), group.max_size)


def adjusted(given: Mapping[str, Any], adjustment: int, capacity: int) -> int:
    """The capacity after an adjustment of the policy's type."""
    match given.get("AdjustmentType"):
        case "ExactCapacity":
            return adjustment
        case "PercentChangeInCapacity":
            change = _whole(capacity * adjustment / 100)
            least = int(given.get("MinAdjustmentMagnitude") or given.get("MinAdjustmentStep") or 0)
            if change and abs(change) < least:
                change = least if change > 0 else -least
            return capacity + change
    return capacity + adjustment


def check_adjustments(given: Mapping[str, Any]) -> None:
    """
    Raises:
        AwsError: ValidationError, for a group that would have fewer instances than none
    """
    found = [given.get("ScalingAdjustment", 0), *(one["ScalingAdjustment"] for one in given.get("StepAdjustments", ()))]
    if given["AdjustmentType"] == "ExactCapacity" and min(found) < 0:
        raise validation("The lower range for adjustment is 0 with the specified adjustment type.")


def _whole(change: float) -> int:
    """AWS: above 1 rounded down, between 0 and 1 to 1, between 0 and -1 to -1, below -1 rounded up."""
    if 0 < change < 1:
        return 1
    return -1 if -1 < change < 0 else math.trunc(change)


def step(steps: Iterable[Mapping[str, Any]], breach: float) -> int | None:
    """The adjustment for a metric that is so far from the alarm's threshold, if a step covers it.

    AWS: above the threshold, lower bounds are inclusive and upper ones exclusive; below, it is the other way round.
    """
    above, below = None, None
    for one in steps:
        low = one.get("MetricIntervalLowerBound", -math.inf)
        high = one.get("MetricIntervalUpperBound", math.inf)
        if low <= breach < high:
            above = int(one["ScalingAdjustment"])
        if low < breach <= high:
            below = int(one["ScalingAdjustment"])
    if breach < 0 or above is None:
        return below
    return above


def stepped(policy: Policy, now: Fleet, breach: float) -> int | None:
    """AWS: what a policy launched and is still warming up counts as done: only a bigger step adds the difference."""
    adjustment = step(policy.given.get("StepAdjustments", ()), breach)
    if adjustment is None:
        return None
    base = min(now.desired, now.warm) if now.warming else now.desired
    wanted = adjusted(policy.given, adjustment, base)
    if wanted >= base and now.warming:
        return max(now.desired, wanted)
    # AWS: nothing is taken out while a scale-out is under way.
    return now.desired if wanted < now.desired and now.warming else wanted


def tracked_out(now: Fleet, metric: float, target: float) -> int:
    """As many more as bring the metric to its target; those that are still warming up count as there."""
    return max(now.desired, math.ceil(now.warm * metric / target))


def tracked_in(now: Fleet, metric: float, target: float) -> int:
    if now.warming:
        return now.desired
    gently = now.desired - max(1, now.desired * SHRINK // 100)
    return min(now.desired, max(gently, math.ceil(now.warm * metric / target)))


def check_steps(steps: Sequence[Mapping[str, Any]]) -> None:
    """
    Raises:
        AwsError: ValidationError, for steps that overlap, leave a gap, or have two open ends on one side.
    """
    if not steps:
        raise validation("At least one StepAdjustment must be specified for policy type: StepScaling")
    if len(steps) > 20:
        raise validation("You can't have more than 20 step adjustments per policy.")
    found = sorted(
        (one.get("MetricIntervalLowerBound", -math.inf), one.get("MetricIntervalUpperBound", math.inf)) for one in steps
    )
    for low, high in found:
        if low >= high:
            raise validation("StepAdjustment interval's upper bound must be greater than its lower bound.")
    for (_, before), (after, _) in pairwise(found):
        if before > after:
            raise validation("StepAdjustment intervals can't overlap.")
        if before < after:
            raise validation("StepAdjustment intervals can't have a gap between them.")


def alarms(group: str, policy: Policy, low: str, high: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two alarms that target tracking has, as PutMetricAlarm is asked for them."""
    tracking = policy.given["TargetTrackingConfiguration"]
    target = float(tracking["TargetValue"])
    metric, share, minutes = _metric(group, tracking)
    common: dict[str, Any] = {
        **metric,
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        "AlarmActions": [policy.arn],
        "ActionsEnabled": True,
    }
    return (
        {
            **common,
            "AlarmName": low,
            "EvaluationPeriods": 15 * minutes,
            "Threshold": target * share,
            "ComparisonOperator": "LessThanThreshold",
        },
        {
            **common,
            "AlarmName": high,
            "EvaluationPeriods": 3 * minutes,
            "Threshold": target,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    )


# Of which share of the target the metric has to be below, before the group shrinks: seen on AWS with targets 40 → 28
# and 75 → 52.5 for processor time.  That of requests is our choice: AWS does not say, and no observation was found.
LOW_SHARE = {"ALBRequestCountPerTarget": 0.9}
LOW_SHARE_ELSE = 0.7
PREDEFINED = {
    "ASGAverageCPUUtilization": ("AWS/EC2", "CPUUtilization", "Average"),
    "ASGAverageNetworkIn": ("AWS/EC2", "NetworkIn", "Average"),
    "ASGAverageNetworkOut": ("AWS/EC2", "NetworkOut", "Average"),
    "ALBRequestCountPerTarget": ("AWS/ApplicationELB", "RequestCountPerTarget", "Sum"),
}


def _metric(group: str, tracking: Mapping[str, Any]) -> tuple[dict[str, Any], float, int]:
    """The metric's members, the share of the target that the lower alarm has, and how many periods a minute has."""
    if own := tracking.get("CustomizedMetricSpecification"):
        metric: dict[str, Any] = {
            "Namespace": own["Namespace"],
            "MetricName": own["MetricName"],
            "Dimensions": list(own.get("Dimensions", ())),
            "Statistic": own["Statistic"],
            "Unit": own.get("Unit"),
            "Period": own.get("Period", 60),
        }
        return metric, LOW_SHARE_ELSE, 1
    predefined = tracking["PredefinedMetricSpecification"]
    kind = predefined["PredefinedMetricType"]
    namespace, name, statistic = PREDEFINED[kind]
    if kind == "ALBRequestCountPerTarget":
        dimensions = _label_dimensions(predefined["ResourceLabel"])
    else:
        dimensions = [{"Name": "AutoScalingGroupName", "Value": group}]
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": dimensions,
        "Statistic": statistic,
        "Period": 60,
    }
    return metric, LOW_SHARE.get(kind, LOW_SHARE_ELSE), 1


def _label_dimensions(label: str) -> list[dict[str, str]]:
    balancer, _, group = label.partition("/targetgroup/")
    return [
        {"Name": "TargetGroup", "Value": f"targetgroup/{group}"},
        {"Name": "LoadBalancer", "Value": balancer},
    ]


def check_tracking(tracking: Mapping[str, Any]) -> None:
    """
    Raises:
        AwsError: ValidationError
    """
    predefined, own = tracking.get("PredefinedMetricSpecification"), tracking.get("CustomizedMetricSpecification")
    if (predefined is None) == (own is None):
        raise validation(
            "Exactly one of the PredefinedMetricSpecification or CustomizedMetricSpecification is required."
        )
    if not tracking["TargetValue"] > 0:
        raise validation("TargetValue must be greater than 0.")
    if own is not None:
        if own.get("Metrics"):
            raise validation("Metric math of a CustomizedMetricSpecification is not supported in this region.")
        for name in ("MetricName", "Namespace", "Statistic"):
            if not own.get(name):
                raise validation(f"{name} is required in a CustomizedMetricSpecification.")
        return
    assert predefined is not None
    kind, label = predefined["PredefinedMetricType"], predefined.get("ResourceLabel")
    if kind not in PREDEFINED:
        raise validation(f"The predefined metric type {kind} is not supported in this region.")
    if kind == "ALBRequestCountPerTarget":
        if not label or not label.startswith("app/") or "/targetgroup/" not in label:
            raise validation(
                "ResourceLabel must be of the form "
                "app/<load-balancer-name>/<load-balancer-id>/targetgroup/<target-group-name>/<target-group-id>."
            )
    elif label:
        raise validation(f"ResourceLabel can't be specified for the predefined metric type {kind}.")
