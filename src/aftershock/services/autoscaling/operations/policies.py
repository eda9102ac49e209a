"""Scaling policies, the alarms that target tracking has, and what happens when one is carried out."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aftershock.aws import arn as arns
from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import POLICIES, Group, Policy
from aftershock.services.autoscaling.rules import causes, errors, scaling
from aftershock.services.autoscaling.rules.parameters import paged, refuse
from aftershock.services.autoscaling.rules.view import View

from .found import find_group, members, names_of, new_uuid, require_living, resize

MAX_POLICIES = 50
OF_KIND: Mapping[str, tuple[str, ...]] = {
    scaling.SIMPLE: ("AdjustmentType", "ScalingAdjustment", "MinAdjustmentStep", "MinAdjustmentMagnitude", "Cooldown"),
    scaling.STEP: (
        "AdjustmentType",
        "StepAdjustments",
        "MinAdjustmentMagnitude",
        "MetricAggregationType",
        "EstimatedInstanceWarmup",
    ),
    scaling.TRACKING: ("TargetTrackingConfiguration", "EstimatedInstanceWarmup"),
}


def put_scaling_policy(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    refuse(params, "PredictiveScalingConfiguration")
    kind = params.get("PolicyType") or scaling.SIMPLE
    if kind not in OF_KIND:
        raise errors.validation(f"The policy type {kind} is not supported in this region.")
    given = _given(kind, params)
    before = POLICIES.get(call.tx, f"{group.key} {params['PolicyName']}")
    if before is None and len(POLICIES.where(call.tx, "group", group.key)) >= MAX_POLICIES:
        raise errors.limit("scaling policies per Auto Scaling group", MAX_POLICIES)
    if before is not None and before.kind == scaling.TRACKING and kind != scaling.TRACKING:
        _delete_alarms(outside, call, before)
    policy = before or _new(call, group, params["PolicyName"])
    policy = replace(policy, kind=kind, given=given, enabled=params.get("Enabled", True))
    if kind == scaling.TRACKING:
        policy = replace(
            policy,
            high=(before and before.high) or f"TargetTracking-{group.name}-AlarmHigh-{new_uuid(call)}",
            low=(before and before.low) or f"TargetTracking-{group.name}-AlarmLow-{new_uuid(call)}",
        )
        _put_alarms(outside, call, group, policy)
    else:
        policy = replace(policy, high=None, low=None)
    POLICIES.put(call.tx, policy)
    return {"PolicyARN": policy.arn, "Alarms": _alarms(outside, call, policy)}


def _new(call: Call, group: Group, name: str) -> Policy:
    return Policy(
        group=group.key,
        group_name=group.name,
        name=name,
        arn=f"arn:aws:autoscaling:{call.region}:{call.account}:scalingPolicy:{new_uuid(call)}"
        f":autoScalingGroupName/{group.name}:policyName/{name}",
        kind="",
        given={},
    )


def _given(kind: str, params: Params) -> dict[str, Any]:
    """The members that the kind knows; others are refused, as AWS refuses them."""
    known = OF_KIND[kind]
    for name in {member for others in OF_KIND.values() for member in others} - set(known):
        if params.get(name) not in (None, []):
            raise errors.validation(f"{name} is not supported for policy type: {kind}")
    given = {name: params[name] for name in known if params.get(name) is not None}
    if kind == scaling.TRACKING:
        if "TargetTrackingConfiguration" not in given:
            raise errors.validation("TargetTrackingConfiguration is required for policy type: TargetTrackingScaling")
        scaling.check_tracking(given["TargetTrackingConfiguration"])
        return given
    if given.get("AdjustmentType") not in scaling.ADJUSTMENTS:
        raise errors.validation(
            f"AdjustmentType must be one of {', '.join(scaling.ADJUSTMENTS)} for policy type: {kind}"
        )
    if kind == scaling.SIMPLE and "ScalingAdjustment" not in given:
        raise errors.validation("ScalingAdjustment is required for policy type: SimpleScaling")
    if kind == scaling.STEP:
        scaling.check_steps(given.get("StepAdjustments", ()))
        given.setdefault("MetricAggregationType", "Average")
    scaling.check_adjustments(given)
    return given


def _put_alarms(outside: Outside, call: Call, group: Group, policy: Policy) -> None:
    low, high = scaling.alarms(group.name, policy, policy.low or "", policy.high or "")
    outside.ask("cloudwatch", "PutMetricAlarm", high, within=call)
    if policy.given["TargetTrackingConfiguration"].get("DisableScaleIn"):
        _delete_alarms(outside, call, replace(policy, high=None))
    else:
        outside.ask("cloudwatch", "PutMetricAlarm", low, within=call)


def _alarms(outside: Outside, call: Call, policy: Policy) -> list[dict[str, str]]:
    """Those that target tracking made, or else those that somebody made to call for the policy."""
    if policy.kind != scaling.TRACKING:
        try:
            answer = outside.ask("cloudwatch", "DescribeAlarms", {"ActionPrefix": policy.arn}, within=call)
        except AwsError:
            return []  # a region without alarms
        found = answer.get("MetricAlarms", ())
        return [{"AlarmName": one["AlarmName"], "AlarmARN": one["AlarmArn"]} for one in found]
    tracking = policy.given.get("TargetTrackingConfiguration", {})
    names = [policy.high, None if tracking.get("DisableScaleIn") else policy.low]
    return [
        {"AlarmName": name, "AlarmARN": f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:{name}"}
        for name in names
        if name
    ]


def _delete_alarms(outside: Outside, call: Call, policy: Policy) -> None:
    """Those that somebody deleted already are nobody's loss."""
    names = [name for name in (policy.high, policy.low) if name]
    if not names:
        return
    try:
        outside.ask("cloudwatch", "DeleteAlarms", {"AlarmNames": names}, within=call)
    except AwsError as error:
        if error.code != "ResourceNotFound":
            raise


def remove(outside: Outside, call: Call, policy: Policy) -> None:
    """AWS deletes the alarms that target tracking made along with the policy."""
    _delete_alarms(outside, call, policy)
    POLICIES.forget(call.tx, policy.key)


def describe_policies(outside: Outside, call: Call, params: Params) -> Result:
    names, kinds = names_of(params.get("PolicyNames")), names_of(params.get("PolicyTypes"))
    group = params.get("AutoScalingGroupName")
    found = [
        one
        for one in POLICIES.every(call.tx)
        if one.group.startswith(f"{call.account} ")
        and group in (None, one.group_name)
        and (not names or one.name in names or one.arn in names)
        and (not kinds or one.kind in kinds)
    ]
    return paged(
        params, found, key=lambda one: one.key, answer="ScalingPolicies", view=lambda one: _view(outside, call, one)
    )


def _view(outside: Outside, call: Call, policy: Policy) -> dict[str, Any]:
    return {
        **policy.given,
        "AutoScalingGroupName": policy.group_name,
        "PolicyName": policy.name,
        "PolicyARN": policy.arn,
        "PolicyType": policy.kind,
        "StepAdjustments": list(policy.given.get("StepAdjustments", ())),
        "Alarms": _alarms(outside, call, policy),
        "Enabled": policy.enabled,
    }


def delete_policy(outside: Outside, call: Call, params: Params) -> Result:
    remove(outside, call, _require(call, params))
    return {}


def _require(call: Call, params: Params) -> Policy:
    name, group_name = params["PolicyName"], params.get("AutoScalingGroupName")
    if arns.parse(name) is not None:
        found = next(iter(POLICIES.where(call.tx, "arn", name)), None)
    elif group_name is None:
        raise errors.validation("AutoScalingGroupName is required where the policy is given by its name.")
    else:
        group = find_group(call, group_name)
        found = POLICIES.get(call.tx, f"{group.key} {name}") if group else None
    if found is None:
        raise errors.validation(f"Cannot find the scaling policy {name}.")
    return found


def execute_policy(outside: Outside, call: Call, params: Params) -> Result:
    policy = _require(call, params)
    group = require_living(call, policy.group_name)
    match policy.kind:
        case scaling.TRACKING:
            raise errors.validation("ExecutePolicy is not supported for policy type: TargetTrackingScaling")
        case scaling.STEP:
            if params.get("MetricValue") is None or params.get("BreachThreshold") is None:
                raise errors.validation("MetricValue and BreachThreshold are required for policy type: StepScaling")
            if params.get("HonorCooldown"):
                raise errors.validation("HonorCooldown is not supported for policy type: StepScaling")
            breach = params["MetricValue"] - params["BreachThreshold"]
            now = scaling.fleet(_fleet_view(outside, call, group), scaling.warmup_s(group, policy))
            wanted = scaling.stepped(policy, now, breach)
        case _:
            if params.get("HonorCooldown"):
                scaling.check_cooldown(group, call.now, outside.pace)
            wanted = scaling.adjusted(policy.given, int(policy.given["ScalingAdjustment"]), group.desired)
    if wanted is not None:
        desired = scaling.bounded(group, wanted)
        cause = causes.executed(call.now, policy.name, group.desired, desired)
        cooldown_s = policy.given.get("Cooldown", group.cooldown_s) if policy.kind == scaling.SIMPLE else None
        resize(call.tx, group, desired, cause, cooldown_s=cooldown_s)
    return {}


def _fleet_view(outside: Outside, call: Call, group: Group) -> View:
    return View(group=group, members=tuple(members(call.tx, group)), now=call.now, pace=outside.pace)


OPERATIONS = {
    "DeletePolicy": delete_policy,
    "DescribePolicies": describe_policies,
    "ExecutePolicy": execute_policy,
    "PutScalingPolicy": put_scaling_policy,
}
