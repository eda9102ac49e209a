"""Groups: what is wanted of them."""

from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result, Tx
from aftershock.aws.filters import Field, matching
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import (
    CONFIGURATIONS,
    GROUPS,
    HOOKS,
    MEMBERS,
    POLICIES,
    REFRESHES,
    SCHEDULES,
    Group,
)
from aftershock.services.autoscaling.rules import causes, errors, scaling
from aftershock.services.autoscaling.rules.parameters import paged

from . import hooks, policies, settings
from .found import find_group, members, names_of, new_uuid, require_group, require_living, resize
from .views import details_view, group_view, shown

MAX_GROUPS = 500


def create_auto_scaling_group(outside: Outside, call: Call, params: Params) -> Result:
    settings.refuse_unknown(params)
    name = params["AutoScalingGroupName"]
    if ":" in name:
        raise errors.validation("AutoScalingGroupName must not contain a colon.")
    if find_group(call, name):
        raise errors.group_exists(name)
    if len(GROUPS.keys(call.tx)) >= MAX_GROUPS:
        raise errors.limit("Auto Scaling groups", MAX_GROUPS)
    source = settings.source_of(outside, call, params)
    if source is None:
        raise errors.validation(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter."
        )
    places = settings.places_of(outside, call, params)
    if not places:
        raise errors.validation("At least one Availability Zone or VPC Subnet is required.")
    low, high = params["MinSize"], params["MaxSize"]
    desired = params.get("DesiredCapacity", low)
    settings.check_sizes(low, high, desired)
    arns = [*params.get("TargetGroupARNs", ()), *settings.sources_of_traffic(params.get("TrafficSources", ()))]
    fields: dict[str, Any] = {"role_arn": _role(call), **settings.common(params)}
    group = Group(
        account=call.account,
        region=call.region,
        name=name,
        uuid=new_uuid(call),
        created_at=call.now,
        source=source,
        min_size=low,
        max_size=high,
        desired=desired,
        places=places,
        subnets=params.get("VPCZoneIdentifier"),
        target_groups=settings.target_groups_of(outside, call, list(dict.fromkeys(arns))),
        tags=settings.tags_of(call, params.get("Tags", ())),
        causes=(causes.created(call.now, desired),) if desired else (),
        **fields,
    )
    GROUPS.put(call.tx, group)
    for hook in params.get("LifecycleHookSpecificationList", ()):
        hooks.put(call, group, hook)
    return {}


def _role(call: Call) -> str:
    return f"arn:aws:iam::{call.account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def update_auto_scaling_group(outside: Outside, call: Call, params: Params) -> Result:
    settings.refuse_unknown(params)
    group = require_living(call, params["AutoScalingGroupName"])
    low, high = params.get("MinSize", group.min_size), params.get("MaxSize", group.max_size)
    if high < low:
        settings.check_sizes(low, high, group.desired)
    # AWS: bounds that leave the present capacity outside take it along, unless another one is given.
    desired = params.get("DesiredCapacity", min(max(group.desired, low), high))
    settings.check_sizes(low, high, desired)
    fields: dict[str, Any] = settings.common(params)
    if (source := settings.source_of(outside, call, params)) is not None:
        fields["source"] = source
    if (places := settings.places_of(outside, call, params)) is not None:
        fields |= {"places": places, "subnets": params.get("VPCZoneIdentifier")}
    # Whatever kept launches from succeeding may be mended now.
    group = replace(group, min_size=low, max_size=high, blocked={}, **fields)
    GROUPS.put(call.tx, group)
    resize(
        call.tx,
        group,
        desired,
        causes.updated(call.now, low=low, high=high, before=group.desired, after=desired),
    )
    return {}


def set_desired_capacity(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    desired = params["DesiredCapacity"]
    if desired > group.max_size:
        raise errors.validation(
            f"New SetDesiredCapacity value {desired} is above max value {group.max_size} for the AutoScalingGroup."
        )
    if desired < group.min_size:
        raise errors.validation(
            f"New SetDesiredCapacity value {desired} is below min value {group.min_size} for the AutoScalingGroup."
        )
    if params.get("HonorCooldown"):
        scaling.check_cooldown(group, call.now, outside.pace)
    resize(
        call.tx,
        group,
        desired,
        causes.set_explicitly(call.now, group.desired, desired),
        cooldown_s=group.cooldown_s,
    )
    return {}


def delete_auto_scaling_group(outside: Outside, call: Call, params: Params) -> Result:
    group = require_group(call, params["AutoScalingGroupName"])
    forced = bool(params.get("ForceDelete"))
    protection = group.deletion_protection or "none"
    if protection == "prevent-all-deletion" or (forced and protection == "prevent-force-deletion"):
        raise errors.in_use(
            f"AutoScalingGroup {group.name} cannot be deleted: its deletion protection is {protection}."
        )
    present = members(call.tx, group)
    if not forced:
        if any(one.state not in ("InService", "Standby") for one in present):
            raise errors.in_progress(
                "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group."
            )
        if present:
            raise errors.in_use(
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
                "still in the group."
            )
    for policy in POLICIES.where(call.tx, "group", group.key):
        policies.remove(outside, call, policy)
    if present:
        GROUPS.put(call.tx, replace(group, deleting=True, min_size=0, desired=0, causes=()))
    else:
        forget(call.tx, group)
    return {}


def forget(tx: Tx, group: Group) -> None:
    """What belongs to the group goes with it, but for its activities, which AWS shows for six weeks."""
    for hook in HOOKS.where(tx, "group", group.key):
        HOOKS.forget(tx, hook.key)
    for action in SCHEDULES.where(tx, "group", group.key):
        SCHEDULES.forget(tx, action.key)
    for refresh in REFRESHES.where(tx, "group", group.key):
        REFRESHES.forget(tx, refresh.id)
    GROUPS.forget(tx, group.key)


def describe_auto_scaling_groups(outside: Outside, call: Call, params: Params) -> Result:
    wanted = names_of(params.get("AutoScalingGroupNames"))
    found = [one for one in _every(call) if not wanted or one.name in wanted or one.arn in wanted]
    fields: dict[str, Field[Group]] = {
        "tag-value": lambda one: [tag.value for tag in one.tags],
    }
    found = matching(
        found, params.get("Filters"), fields=fields, tags=lambda one: {tag.key: tag.value for tag in one.tags}
    )
    instances = params.get("IncludeInstances", True)
    return paged(
        params,
        found,
        key=lambda one: one.name,
        answer="AutoScalingGroups",
        view=lambda one: group_view(one, members(call.tx, one) if instances else (), instances=instances),
    )


def _every(call: Call) -> list[Group]:
    return sorted((one for one in GROUPS.every(call.tx) if one.account == call.account), key=lambda one: one.name)


def describe_auto_scaling_instances(outside: Outside, call: Call, params: Params) -> Result:
    wanted = names_of(params.get("InstanceIds"))
    if len(wanted) > 50:
        raise errors.validation("The number of instance IDs must not be more than 50.")
    groups = {group.key: group for group in _every(call)}
    every = MEMBERS.every(call.tx)
    found = [one for one in shown(every) if one.group in groups and (not wanted or one.instance_id in wanted)]
    return paged(
        params,
        found,
        key=lambda one: one.instance_id or "",
        answer="AutoScalingInstances",
        view=lambda one: details_view(groups[one.group], one),
        most=50,
    )


def describe_account_limits(outside: Outside, call: Call, params: Params) -> Result:
    return {
        "MaxNumberOfAutoScalingGroups": MAX_GROUPS,
        "MaxNumberOfLaunchConfigurations": 200,
        "NumberOfAutoScalingGroups": len(GROUPS.keys(call.tx)),
        "NumberOfLaunchConfigurations": len(CONFIGURATIONS.keys(call.tx)),
    }


OPERATIONS = {
    "CreateAutoScalingGroup": create_auto_scaling_group,
    "DeleteAutoScalingGroup": delete_auto_scaling_group,
    "DescribeAccountLimits": describe_account_limits,
    "DescribeAutoScalingGroups": describe_auto_scaling_groups,
    "DescribeAutoScalingInstances": describe_auto_scaling_instances,
    "SetDesiredCapacity": set_desired_capacity,
    "UpdateAutoScalingGroup": update_auto_scaling_group,
}
