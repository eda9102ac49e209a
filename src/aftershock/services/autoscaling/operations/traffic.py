"""The target groups whose targets a group's instances are."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import GROUPS, Group
from aftershock.services.autoscaling.rules import errors
from aftershock.services.autoscaling.rules.parameters import paged

from . import settings
from .found import members, require_group, require_living

MAX_AT_ONCE = 10


def attach_load_balancer_target_groups(outside: Outside, call: Call, params: Params) -> Result:
    return _attach(outside, call, params, params["TargetGroupARNs"])


def attach_traffic_sources(outside: Outside, call: Call, params: Params) -> Result:
    return _attach(outside, call, params, settings.sources_of_traffic(params["TrafficSources"]))


def _attach(outside: Outside, call: Call, params: Params, arns: Sequence[str]) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    if len(arns) > MAX_AT_ONCE:
        raise errors.validation(f"The number of target groups must not be more than {MAX_AT_ONCE}.")
    found = tuple(dict.fromkeys((*group.target_groups, *settings.target_groups_of(outside, call, arns))))
    if len(found) > settings.MAX_TARGET_GROUPS:
        raise errors.limit("target groups per Auto Scaling group", settings.MAX_TARGET_GROUPS)
    GROUPS.put(call.tx, replace(group, target_groups=found))
    return {}


def detach_load_balancer_target_groups(outside: Outside, call: Call, params: Params) -> Result:
    return _detach(call, params, params["TargetGroupARNs"])


def detach_traffic_sources(outside: Outside, call: Call, params: Params) -> Result:
    return _detach(call, params, settings.sources_of_traffic(params["TrafficSources"]))


def _detach(call: Call, params: Params, arns: Sequence[str]) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    if unknown := [arn for arn in arns if arn not in group.target_groups]:
        raise errors.validation(f"Target groups are not attached to AutoScalingGroup {group.name}: {unknown[0]}")
    GROUPS.put(call.tx, replace(group, target_groups=tuple(arn for arn in group.target_groups if arn not in arns)))
    return {}


def describe_load_balancer_target_groups(outside: Outside, call: Call, params: Params) -> Result:
    found = _states(call, require_group(call, params["AutoScalingGroupName"]))
    return paged(
        params,
        found,
        key=lambda one: one[0],
        answer="LoadBalancerTargetGroups",
        view=lambda one: {"LoadBalancerTargetGroupARN": one[0], "State": one[1]},
        usual=100,
    )


def describe_traffic_sources(outside: Outside, call: Call, params: Params) -> Result:
    group = require_group(call, params["AutoScalingGroupName"])
    found = _states(call, group) if params.get("TrafficSourceType", "elbv2") == "elbv2" else []
    return paged(params, found, key=lambda one: one[0], answer="TrafficSources", view=_source_view, usual=100)


def _source_view(one: tuple[str, str]) -> dict[str, Any]:
    return {"TrafficSource": one[0], "Identifier": one[0], "Type": "elbv2", "State": one[1]}


def describe_load_balancers(outside: Outside, call: Call, params: Params) -> Result:
    """Classic Load Balancers, of which there are none."""
    require_group(call, params["AutoScalingGroupName"])
    return {"LoadBalancers": []}


def _states(call: Call, group: Group) -> list[tuple[str, str]]:
    """Of each target group, how far its members are registered with it, or no longer are.

    AWS: "Adding", "Added" when all are registered, "InService" when one is; here one that is registered counts.
    """
    present = members(call.tx, group)
    serving = [one for one in present if one.state == "InService"]
    found = {}
    for arn in group.target_groups:
        registered = sum(arn in one.registered for one in serving)
        found[arn] = "Added" if registered == len(serving) else "Adding"
    for one in present:
        for arn in one.registered:
            found.setdefault(arn, "Removing")
    return sorted(found.items())


OPERATIONS = {
    "AttachLoadBalancerTargetGroups": attach_load_balancer_target_groups,
    "AttachTrafficSources": attach_traffic_sources,
    "DescribeLoadBalancerTargetGroups": describe_load_balancer_target_groups,
    "DescribeLoadBalancers": describe_load_balancers,
    "DescribeTrafficSources": describe_traffic_sources,
    "DetachLoadBalancerTargetGroups": detach_load_balancer_target_groups,
    "DetachTrafficSources": detach_traffic_sources,
}
