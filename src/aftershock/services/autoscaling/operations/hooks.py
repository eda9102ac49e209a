"""Lifecycle hooks, and the instances that wait for them."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import HOOKS, MEMBERS, Action, Group, Hook, Member
from aftershock.services.autoscaling.rules import errors
from aftershock.services.autoscaling.rules.parameters import refuse
from aftershock.services.autoscaling.rules.view import LAUNCHING, TERMINATING

from .found import members, names_of, require_group, require_living

MAX_HOOKS = 50
MIN_HEARTBEAT_S, MAX_HEARTBEAT_S = 30, 7200
MAX_GLOBAL_S = 172_800  # AWS: "The maximum is 172800 seconds (48 hours) or 100 times HeartbeatTimeout"


def global_s(heartbeat_s: int) -> int:
    return min(MAX_GLOBAL_S, 100 * heartbeat_s)


def put_lifecycle_hook(outside: Outside, call: Call, params: Params) -> Result:
    put(call, require_living(call, params["AutoScalingGroupName"]), params)
    return {}


def put(call: Call, group: Group, given: Mapping[str, Any]) -> None:
    """
    Raises:
        AwsError: ValidationError or LimitExceeded
    """
    # There is no topic and no queue that a notification could go to.
    refuse(given, "NotificationTargetARN", "RoleARN")
    before = HOOKS.get(call.tx, f"{group.key} {given['LifecycleHookName']}")
    transition = given.get("LifecycleTransition") or (before.transition if before else None)
    if transition is None:
        raise errors.validation("LifecycleTransition is required for new lifecycle hooks.")
    if transition not in (LAUNCHING, TERMINATING):
        raise errors.validation(f"Invalid lifecycle transition: {transition}")
    heartbeat_s = given.get("HeartbeatTimeout", before.heartbeat_s if before else 3600)
    if not MIN_HEARTBEAT_S <= heartbeat_s <= MAX_HEARTBEAT_S:
        raise errors.validation(f"HeartbeatTimeout must be between {MIN_HEARTBEAT_S} and {MAX_HEARTBEAT_S} seconds.")
    result = given.get("DefaultResult", before.default_result if before else "ABANDON")
    _check_result(result)
    if before is None and len(HOOKS.where(call.tx, "group", group.key)) >= MAX_HOOKS:
        raise errors.limit("lifecycle hooks per Auto Scaling group", MAX_HOOKS)
    HOOKS.put(
        call.tx,
        Hook(
            group=group.key,
            name=given["LifecycleHookName"],
            transition=transition,
            metadata=given.get("NotificationMetadata", before.metadata if before else None),
            heartbeat_s=heartbeat_s,
            default_result=result,
        ),
    )


def _check_result(result: str) -> None:
    if result not in ("CONTINUE", "ABANDON"):
        raise errors.validation(f"Invalid lifecycle action result: {result}. It must be CONTINUE or ABANDON.")


def describe_lifecycle_hooks(outside: Outside, call: Call, params: Params) -> Result:
    group = require_group(call, params["AutoScalingGroupName"])
    wanted = names_of(params.get("LifecycleHookNames"))
    found = [hook for hook in HOOKS.where(call.tx, "group", group.key) if not wanted or hook.name in wanted]
    return {"LifecycleHooks": [_view(group, hook) for hook in found]}


def _view(group: Group, hook: Hook) -> dict[str, Any]:
    return {
        "LifecycleHookName": hook.name,
        "AutoScalingGroupName": group.name,
        "LifecycleTransition": hook.transition,
        "NotificationMetadata": hook.metadata,
        "HeartbeatTimeout": hook.heartbeat_s,
        "GlobalTimeout": global_s(hook.heartbeat_s),
        "DefaultResult": hook.default_result,
    }


def delete_lifecycle_hook(outside: Outside, call: Call, params: Params) -> Result:
    """AWS: "If there are any outstanding lifecycle actions, they are completed first (ABANDON for launching instances,
    CONTINUE for terminating instances)"."""
    group = require_group(call, params["AutoScalingGroupName"])
    hook = _require_hook(call, group, params["LifecycleHookName"])
    result = "ABANDON" if hook.transition == LAUNCHING else "CONTINUE"
    for member in members(call.tx, group):
        for action in member.actions:
            if action.hook == hook.name and action.result is None:
                _put_action(call, member, replace(action, result=result))
    HOOKS.forget(call.tx, hook.key)
    return {}


def _require_hook(call: Call, group: Group, name: str) -> Hook:
    found = HOOKS.get(call.tx, f"{group.key} {name}")
    if found is None:
        raise errors.validation(f"No Lifecycle Hook found with name {name}")
    return found


def complete_lifecycle_action(outside: Outside, call: Call, params: Params) -> Result:
    _check_result(params["LifecycleActionResult"])
    member, action = _waiting(call, params)
    _put_action(call, member, replace(action, result=params["LifecycleActionResult"]))
    return {}


def record_lifecycle_action_heartbeat(outside: Outside, call: Call, params: Params) -> Result:
    member, action = _waiting(call, params)
    _put_action(call, member, replace(action, beat_at=call.now))
    return {}


def _put_action(call: Call, member: Member, action: Action) -> None:
    found = MEMBERS.get(call.tx, member.id) or member
    actions = tuple(action if one.token == action.token else one for one in found.actions)
    MEMBERS.put(call.tx, replace(found, actions=actions))


def _waiting(call: Call, params: Params) -> tuple[Member, Action]:
    """The wait that is named by its token, or by its instance."""
    group = require_group(call, params["AutoScalingGroupName"])
    name, token, instance_id = (
        params["LifecycleHookName"],
        params.get("LifecycleActionToken"),
        params.get("InstanceId"),
    )
    if not token and not instance_id:
        raise errors.validation("Either LifecycleActionToken or InstanceId must be specified.")
    for member in members(call.tx, group):
        for action in member.actions:
            named = action.token == token if token else member.instance_id == instance_id
            if named and action.hook == name and action.result is None:
                return member, action
    raise _not_waiting(token, instance_id)


def _not_waiting(token: str | None, instance_id: str | None) -> AwsError:
    what = f"token {token}" if token else f"instance ID {instance_id}"
    return errors.validation(f"No active Lifecycle Action found with {what}")


OPERATIONS = {
    "CompleteLifecycleAction": complete_lifecycle_action,
    "DeleteLifecycleHook": delete_lifecycle_hook,
    "DescribeLifecycleHooks": describe_lifecycle_hooks,
    "PutLifecycleHook": put_lifecycle_hook,
    "RecordLifecycleActionHeartbeat": record_lifecycle_action_heartbeat,
}
