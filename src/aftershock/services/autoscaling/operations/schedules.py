"""Scheduled actions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import SCHEDULES, Group, Scheduled
from aftershock.services.autoscaling.rules import errors
from aftershock.services.autoscaling.rules.parameters import paged, refuse
from aftershock.services.autoscaling.rules.schedule import due

from .found import names_of, new_uuid, require_group, require_living

MAX_ACTIONS = 125
SIZES = ("MinSize", "MaxSize", "DesiredCapacity")


def put_scheduled_update_group_action(outside: Outside, call: Call, params: Params) -> Result:
    _put(call, require_living(call, params["AutoScalingGroupName"]), params)
    return {}


def batch_put_scheduled_update_group_action(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    failed = []
    for given in params["ScheduledUpdateGroupActions"]:
        try:
            _put(call, group, given)
        except AwsError as error:
            failed.append(_failure(given["ScheduledActionName"], error))
    return {"FailedScheduledUpdateGroupActions": failed}


def _failure(name: str, error: AwsError) -> dict[str, str]:
    return {"ScheduledActionName": name, "ErrorCode": error.code, "ErrorMessage": error.message}


def _put(call: Call, group: Group, given: Mapping[str, Any]) -> None:
    refuse(given, "Time")
    name = given["ScheduledActionName"]
    before = SCHEDULES.get(call.tx, f"{group.key} {name}")
    if before is None and len(SCHEDULES.where(call.tx, "group", group.key)) >= MAX_ACTIONS:
        raise errors.limit("scheduled actions per Auto Scaling group", MAX_ACTIONS)
    _check(call.now, given)
    uuid = before.uuid if before else new_uuid(call)
    made = Scheduled(
        group=group.key,
        group_name=group.name,
        name=name,
        uuid=uuid,
        arn=f"arn:aws:autoscaling:{call.region}:{call.account}:scheduledUpdateGroupAction:{uuid}"
        f":autoScalingGroupName/{group.name}:scheduledActionName/{name}",
        start=given.get("StartTime"),
        end=given.get("EndTime"),
        recurrence=given.get("Recurrence"),
        time_zone=given.get("TimeZone"),
        min_size=given.get("MinSize"),
        max_size=given.get("MaxSize"),
        desired=given.get("DesiredCapacity"),
    )
    SCHEDULES.put(call.tx, replace(made, due=due(made, call.now)))


def _check(now: datetime, given: Mapping[str, Any]) -> None:
    if all(given.get(name) is None for name in SIZES):
        raise errors.validation("At least one of MinSize, MaxSize or DesiredCapacity must be specified.")
    low, high, desired = (given.get(name) for name in SIZES)
    if any(size is not None and size < 0 for size in (low, high, desired)):
        raise errors.validation("MinSize, MaxSize and DesiredCapacity must not be negative.")
    if low is not None and high is not None and low > high:
        raise errors.validation(f"Max bound, {high}, must be greater than or equal to min bound, {low}")
    if desired is not None and ((low is not None and desired < low) or (high is not None and desired > high)):
        raise errors.validation(
            f"Desired capacity:{desired} must be between the specified min size:{low} and max size:{high}"
        )
    start, end = given.get("StartTime"), given.get("EndTime")
    if start is None and not given.get("Recurrence"):
        raise errors.validation("Either StartTime or Recurrence must be specified.")
    if start is not None and start < now:
        raise errors.validation("Given start time is in the past")
    if end is not None and (end < now or (start is not None and end <= start)):
        raise errors.validation("Given end time is in the past or before the start time")


def describe_scheduled_actions(outside: Outside, call: Call, params: Params) -> Result:
    """AWS leaves times out of account where actions are named."""
    names, group = names_of(params.get("ScheduledActionNames")), params.get("AutoScalingGroupName")
    if group is not None:
        require_group(call, group)
    since, until = params.get("StartTime"), params.get("EndTime")
    found = [
        one
        for one in SCHEDULES.every(call.tx)
        if one.group.startswith(f"{call.account} ")
        and group in (None, one.group_name)
        and (not names or one.name in names)
        and (bool(names) or _between(one.due, since, until))
    ]
    return paged(params, found, key=lambda one: one.key, answer="ScheduledUpdateGroupActions", view=_view)


def _between(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if moment is None:
        return since is None and until is None
    return (since is None or moment >= since) and (until is None or moment <= until)


def _view(action: Scheduled) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": action.group_name,
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "Time": action.due,
        "StartTime": action.due,
        "EndTime": action.end,
        "Recurrence": action.recurrence,
        "TimeZone": action.time_zone,
        "MinSize": action.min_size,
        "MaxSize": action.max_size,
        "DesiredCapacity": action.desired,
    }


def delete_scheduled_action(outside: Outside, call: Call, params: Params) -> Result:
    _delete(call, require_group(call, params["AutoScalingGroupName"]), params["ScheduledActionName"])
    return {}


def batch_delete_scheduled_action(outside: Outside, call: Call, params: Params) -> Result:
    group = require_group(call, params["AutoScalingGroupName"])
    failed = []
    for name in params["ScheduledActionNames"]:
        try:
            _delete(call, group, name)
        except AwsError as error:
            failed.append(_failure(name, error))
    return {"FailedScheduledActions": failed}


def _delete(call: Call, group: Group, name: str) -> None:
    key = f"{group.key} {name}"
    if SCHEDULES.get(call.tx, key) is None:
        raise errors.validation("Scheduled action name not found")
    SCHEDULES.forget(call.tx, key)


OPERATIONS = {
    "BatchDeleteScheduledAction": batch_delete_scheduled_action,
    "BatchPutScheduledUpdateGroupAction": batch_put_scheduled_update_group_action,
    "DeleteScheduledAction": delete_scheduled_action,
    "DescribeScheduledActions": describe_scheduled_actions,
    "PutScheduledUpdateGroupAction": put_scheduled_update_group_action,
}
