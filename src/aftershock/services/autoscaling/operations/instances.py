"""What may be asked of a group's instances one by one."""

from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import GROUPS, MEMBERS, Activity, Group, Made, Member
from aftershock.services.autoscaling.rules import causes, errors
from aftershock.services.autoscaling.rules.view import ACTIVE

from .found import (
    activity_view,
    begin,
    end,
    member_of,
    members,
    new_uuid,
    require_living,
    require_members,
)


def terminate_instance_in_auto_scaling_group(outside: Outside, call: Call, params: Params) -> Result:
    single, several = params.get("InstanceId"), params.get("InstanceIds")
    if bool(single) == bool(several):
        raise errors.validation("Exactly one of InstanceId and InstanceIds must be specified.")
    if several and not params.get("AutoScalingGroupName"):
        raise errors.validation("AutoScalingGroupName is required with InstanceIds.")
    ids = [single] if single else list(several or ())
    decrement = params["ShouldDecrementDesiredCapacity"]
    done = [_terminate(call, one, params.get("AutoScalingGroupName"), decrement=decrement) for one in ids]
    views = [activity_view(activity) for activity in done]
    return {"Activity": views[0]} if single else {"Activities": views}


def _terminate(call: Call, instance_id: str, name: str | None, *, decrement: bool) -> Activity:
    member = member_of(call.tx, instance_id)
    group = GROUPS.get(call.tx, member.group) if member is not None else None
    if member is None or group is None or group.account != call.account or name not in (None, group.name):
        raise errors.no_such_instance(instance_id)
    if member.state.startswith("Terminating") or member.state == "Detaching":
        raise errors.in_progress(f"The instance {instance_id} is already leaving AutoScalingGroup {group.name}.")
    if group.suspends("Terminate"):
        raise errors.in_progress(f"The process Terminate of AutoScalingGroup {group.name} is suspended.")
    counted = member.state in ACTIVE
    after = group.desired
    if decrement and counted:
        after -= member.size
        if after < group.min_size:
            raise errors.below_min(group.min_size)
        GROUPS.put(call.tx, replace(group, desired=after))
    change = (group.desired, after) if after != group.desired else None
    cause = causes.by_user(call.now, instance_id, "taken out of service", change)
    return leave(call, group, member, "terminate", cause, description=f"Terminating EC2 instance: {instance_id}")


def leave(call: Call, group: Group, member: Member, how: Any, cause: str, *, description: str) -> Activity:
    """The member begins to go: into standby, out of the group, or to its end."""
    end(call.tx, member.activity, call.now, "Cancelled")
    activity = begin(
        call.tx,
        group,
        activity_id=new_uuid(call),
        now=call.now,
        description=description,
        cause=cause,
        zone=member.zone,
        subnet=member.subnet,
        progress=0 if how == "terminate" else 50,
    )
    states = {"terminate": "Terminating", "detach": "Detaching", "standby": "EnteringStandby"}
    MEMBERS.put(
        call.tx,
        replace(member, state=states[how], leaving=how, actions=(), hooked=False, activity=activity.id),
    )
    return activity


def detach_instances(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    found = require_members(call, group, params.get("InstanceIds"), "InService", "Standby")
    decrement = params["ShouldDecrementDesiredCapacity"]
    return _removed(
        call, group, found, "detach", what="detached", description="Detaching EC2 instance: ", decrement=decrement
    )


def enter_standby(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    found = require_members(call, group, params.get("InstanceIds"), "InService")
    decrement = params["ShouldDecrementDesiredCapacity"]
    description = "Moving EC2 instance to Standby: "
    return _removed(
        call, group, found, "standby", what="moved to standby", description=description, decrement=decrement
    )


def _removed(
    call: Call, group: Group, found: list[Member], how: str, *, what: str, description: str, decrement: bool
) -> Result:
    activities = []
    for member in found:
        after = group.desired - (member.size if decrement and member.state == "InService" else 0)
        if after < group.min_size:
            raise errors.validation(
                f"AutoScalingGroup {group.name} has min-size={group.min_size}, max-size={group.max_size}, and "
                f"desired-size={group.desired}. To place into standby or detach {len(found)} instance(s), please "
                "update the AutoScalingGroup sizes appropriately."
            )
        change = (group.desired, after) if after != group.desired else None
        group = replace(group, desired=after)
        GROUPS.put(call.tx, group)
        instance_id = member.instance_id or ""
        cause = causes.by_user(call.now, instance_id, what, change)
        activities.append(leave(call, group, member, how, cause, description=description + instance_id))
    return {"Activities": [activity_view(activity) for activity in activities]}


def exit_standby(outside: Outside, call: Call, params: Params) -> Result:
    """AWS adds to the desired capacity for each; it must not pass the maximum."""
    group = require_living(call, params["AutoScalingGroupName"])
    found = require_members(call, group, params.get("InstanceIds"), "Standby")
    activities = []
    for member in found:
        group = _enlarged(call, group, member.size)
        instance_id = member.instance_id or ""
        activity = begin(
            call.tx,
            group,
            activity_id=new_uuid(call),
            now=call.now,
            description=f"Moving EC2 instance out of Standby: {instance_id}",
            cause=causes.by_user(
                call.now, instance_id, "moved out of standby", (group.desired - member.size, group.desired)
            ),
            zone=member.zone,
            subnet=member.subnet,
            status="PreInService",
            progress=30,
        )
        back = replace(
            member,
            state="Pending",
            purpose="standby",
            hooked=True,
            health="Healthy",
            unhealthy_cause="",
            forced_unhealthy=False,
            activity=activity.id,
        )
        MEMBERS.put(call.tx, back)
        activities.append(activity)
    return {"Activities": [activity_view(activity) for activity in activities]}


def _enlarged(call: Call, group: Group, by: int) -> Group:
    if group.desired + by > group.max_size:
        raise errors.validation(
            f"AutoScalingGroup {group.name} has min-size={group.min_size}, max-size={group.max_size}, and "
            f"desired-size={group.desired}. To add {by} more, please update the AutoScalingGroup sizes appropriately."
        )
    larger = replace(group, desired=group.desired + by)
    GROUPS.put(call.tx, larger)
    return larger


def attach_instances(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    ids = list(dict.fromkeys(params.get("InstanceIds", ())))
    if not 1 <= len(ids) <= 20:
        raise errors.validation("Between 1 and 20 instance IDs must be specified.")
    for instance_id in ids:
        member = member_of(call.tx, instance_id)
        if member is not None:
            other = GROUPS.get(call.tx, member.group)
            raise errors.validation(
                f"The instance {instance_id} is already part of AutoScalingGroup:{other.name if other else ''}"
            )
        instance = _instance(outside, call, instance_id)
        group = _attached(call, group, instance)
    return {}


def _instance(outside: Outside, call: Call, instance_id: str) -> dict[str, Any]:
    try:
        answer = outside.ask("ec2", "DescribeInstances", {"InstanceIds": [instance_id]}, within=call)
    except AwsError as error:
        raise errors.validation(f"Invalid Instance ID(s): {instance_id}. {error.message}") from error
    instance: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    if instance["State"]["Name"] != "running":
        raise errors.validation(
            f"Instance {instance_id} is not in correct state. Instance(s) must be in 'running' state."
        )
    return instance


def _attached(call: Call, group: Group, instance: dict[str, Any]) -> Group:
    zone = instance["Placement"]["AvailabilityZone"]
    instance_id = instance["InstanceId"]
    if zone not in {place.zone for place in group.places}:
        raise errors.validation(
            f"The instance {instance_id} is not in one of the Availability Zones of AutoScalingGroup {group.name}."
        )
    group = _enlarged(call, group, 1)
    activity = begin(
        call.tx,
        group,
        activity_id=new_uuid(call),
        now=call.now,
        description=f"Attaching an existing EC2 instance: {instance_id}",
        cause=causes.attached(call.now, group.desired - 1, group.desired),
        zone=zone,
        subnet=instance.get("SubnetId"),
        status="PreInService",
        progress=50,
    )
    MEMBERS.put(
        call.tx,
        Member(
            id=activity.id,
            group=group.key,
            instance_id=instance_id,
            zone=zone,
            subnet=instance.get("SubnetId"),
            made=Made(instance_type=instance["InstanceType"], image_id=instance["ImageId"]),
            purpose="attach",
            protected=group.protect_new,
            hooked=True,
            asked_at=call.now,
            launched_at=instance["LaunchTime"],
            activity=activity.id,
        ),
    )
    return group


def set_instance_health(outside: Outside, call: Call, params: Params) -> Result:
    instance_id, status = params["InstanceId"], params["HealthStatus"]
    if status not in ("Healthy", "Unhealthy"):
        raise errors.validation(f"Invalid health status: {status}. It must be Healthy or Unhealthy.")
    member = member_of(call.tx, instance_id)
    group = GROUPS.get(call.tx, member.group) if member is not None else None
    if member is None or group is None:
        raise errors.no_such_instance(instance_id)
    if status == "Healthy":
        MEMBERS.put(call.tx, replace(member, health="Healthy", unhealthy_cause="", forced_unhealthy=False))
        return {}
    since = member.in_service_at
    graceful = params.get("ShouldRespectGracePeriod", True) and group.grace_s > 0
    if graceful and (since is None or (call.now - since).total_seconds() * outside.pace < group.grace_s):
        return {}  # AWS: by default the call respects the grace period, and is then without effect
    MEMBERS.put(
        call.tx,
        replace(member, health="Unhealthy", unhealthy_cause=causes.USER_HEALTH, forced_unhealthy=True),
    )
    return {}


def set_instance_protection(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    ids = list(dict.fromkeys(params["InstanceIds"]))
    if len(ids) > 50:
        raise errors.validation("The number of instance IDs must not be more than 50.")
    present = {one.instance_id: one for one in members(call.tx, group)}
    for instance_id in ids:
        member = present.get(instance_id)
        if member is None:
            raise errors.not_in_group(instance_id, group.name)
        if member.state not in ("InService", "EnteringStandby", "Standby"):
            raise errors.wrong_state(instance_id, "InService or EnteringStandby or Standby")
        MEMBERS.put(call.tx, replace(member, protected=params["ProtectedFromScaleIn"]))
    return {}


OPERATIONS = {
    "AttachInstances": attach_instances,
    "DetachInstances": detach_instances,
    "EnterStandby": enter_standby,
    "ExitStandby": exit_standby,
    "SetInstanceHealth": set_instance_health,
    "SetInstanceProtection": set_instance_protection,
    "TerminateInstanceInAutoScalingGroup": terminate_instance_in_auto_scaling_group,
}
