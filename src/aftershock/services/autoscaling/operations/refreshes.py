"""Instance refreshes: started, cancelled, rolled back, described."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import REFRESHES, Group, Refresh
from aftershock.services.autoscaling.rules import errors, refreshing
from aftershock.services.autoscaling.rules.parameters import paged

from . import settings
from .found import names_of, new_uuid, require_group, require_living
from .views import source_view

DEFAULT_HEALTHY = (90, 100)
CHECKPOINT_DELAY_S = 3600


def active(call: Call, group: Group) -> Refresh | None:
    return next((one for one in REFRESHES.where(call.tx, "group", group.key) if one.active), None)


def start_instance_refresh(outside: Outside, call: Call, params: Params) -> Result:
    group = require_living(call, params["AutoScalingGroupName"])
    if params.get("Strategy", "Rolling") != "Rolling":
        raise errors.validation(f"The strategy {params['Strategy']} is not supported in this region.")
    if active(call, group):
        raise AwsError(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
        )
    desired = params.get("DesiredConfiguration") or {}
    source = settings.source_of(outside, call, desired)
    preferences = _preferences(group, params.get("Preferences") or {})
    if preferences["AutoRollback"]:
        _check_revertible(group, desired)
    refresh = Refresh(
        id=new_uuid(call),
        group=group.key,
        group_name=group.name,
        preferences=preferences,
        desired=source_view(source) if source is not None else None,
        source=source,
        asked_at=call.now,
    )
    REFRESHES.put(call.tx, refresh)
    return {"InstanceRefreshId": refresh.id}


def _check_revertible(group: Group, desired: Mapping[str, Any] | None) -> None:
    """AWS rolls back to a fixed former configuration only."""
    if not desired:
        raise errors.validation("AutoRollback requires a DesiredConfiguration.")
    if group.source.configuration is None and (group.source.version or "").startswith("$"):
        raise errors.validation(
            "AutoRollback requires the Auto Scaling group's launch template version to be a number, "
            f"not {group.source.version}."
        )


def _preferences(group: Group, given: Mapping[str, Any]) -> dict[str, Any]:
    """AWS's defaults are those of the group's maintenance policy, or else 90 and 100 percent."""
    low, high = DEFAULT_HEALTHY
    if group.maintenance is not None:
        low, high = group.maintenance.min_healthy, group.maintenance.max_healthy
    found = {
        "MinHealthyPercentage": low,
        "MaxHealthyPercentage": high,
        "SkipMatching": False,
        "AutoRollback": False,
        "ScaleInProtectedInstances": "Ignore",
        "StandbyInstances": "Ignore",
        **given,
    }
    if found["MaxHealthyPercentage"] < 100 or found["MaxHealthyPercentage"] - found["MinHealthyPercentage"] > 100:
        raise errors.validation("MinHealthyPercentage and MaxHealthyPercentage must differ by 100 at most.")
    marks = list(found.get("CheckpointPercentages", ()))
    if marks != sorted(set(marks)):
        raise errors.validation("CheckpointPercentages must be in ascending order.")
    if marks:
        found.setdefault("CheckpointDelay", CHECKPOINT_DELAY_S)
    elif "CheckpointDelay" in found:
        raise errors.validation("CheckpointDelay requires CheckpointPercentages.")
    return found


def cancel_instance_refresh(outside: Outside, call: Call, params: Params) -> Result:
    group = require_group(call, params["AutoScalingGroupName"])
    if params.get("WaitForTransitioningInstances") is False:
        raise errors.unsupported("WaitForTransitioningInstances")
    found = active(call, group)
    if found is None or found.status not in ("Pending", "InProgress", "Baking"):
        raise _none_active()
    REFRESHES.put(call.tx, replace(found, cancel="cancel"))
    return {"InstanceRefreshId": found.id}


def rollback_instance_refresh(outside: Outside, call: Call, params: Params) -> Result:
    group = require_group(call, params["AutoScalingGroupName"])
    found = active(call, group)
    if found is None or found.status not in ("Pending", "InProgress", "Baking"):
        raise _none_active()
    try:
        _check_revertible(group, found.desired)
    except AwsError as error:
        raise AwsError("IrreversibleInstanceRefresh", error.message) from error
    REFRESHES.put(call.tx, replace(found, cancel="rollback"))
    return {"InstanceRefreshId": found.id}


def _none_active() -> AwsError:
    return AwsError(
        "ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group."
    )


def describe_instance_refreshes(outside: Outside, call: Call, params: Params) -> Result:
    """The newest first."""
    group = require_group(call, params["AutoScalingGroupName"])
    wanted = names_of(params.get("InstanceRefreshIds"))
    found = [one for one in REFRESHES.where(call.tx, "group", group.key) if not wanted or one.id in wanted]
    found.sort(key=_order)
    return paged(params, found, key=_order, answer="InstanceRefreshes", view=_view)


def _order(refresh: Refresh) -> str:
    return f"{10**15 - int(refresh.asked_at.timestamp() * 1000):016} {refresh.id}"


def _view(refresh: Refresh) -> dict[str, Any]:
    started = refresh.status != "Pending"
    rollback = None
    if refresh.rollback_at is not None:
        rollback = {
            "RollbackReason": refresh.rollback_reason,
            "RollbackStartTime": refresh.rollback_at,
            "PercentageCompleteOnRollback": refresh.rollback_percent,
            "InstancesToUpdateOnRollback": refresh.rollback_left,
        }
    return {
        "InstanceRefreshId": refresh.id,
        "AutoScalingGroupName": refresh.group_name,
        "Status": refresh.status,
        "StatusReason": refresh.status_reason,
        "StartTime": refresh.started_at,
        "EndTime": refresh.ended_at,
        "PercentageComplete": refreshing.percent(refresh) if started else None,
        "InstancesToUpdate": refreshing.to_update(refresh) if started else None,
        "Preferences": dict(refresh.preferences),
        "DesiredConfiguration": dict(refresh.desired) if refresh.desired else None,
        "RollbackDetails": rollback,
        "Strategy": refresh.strategy,
    }


OPERATIONS = {
    "CancelInstanceRefresh": cancel_instance_refresh,
    "DescribeInstanceRefreshes": describe_instance_refreshes,
    "RollbackInstanceRefresh": rollback_instance_refresh,
    "StartInstanceRefresh": start_instance_refresh,
}
