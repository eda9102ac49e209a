"""What operations look up, and what they record alike: groups, members, activities."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Tx
from aftershock.services.autoscaling.records import (
    ACTIVITIES,
    GROUPS,
    MEMBERS,
    Activity,
    Cooling,
    Group,
    Member,
    group_key,
)
from aftershock.services.autoscaling.rules import errors


def uuid_of(seed: str) -> str:
    """An id in the form of a UUID, as random as the seed."""
    digits = hashlib.sha256(seed.encode()).hexdigest()[:32]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def new_uuid(call: Call) -> str:
    return uuid_of(call.new_id("activity"))


def find_group(call: Call, name: str) -> Group | None:
    return GROUPS.get(call.tx, group_key(call.account, name))


def require_group(call: Call, name: str) -> Group:
    """
    Raises:
        AwsError: ValidationError for no such group, ScalingActivityInProgress for one that is being deleted
    """
    found = find_group(call, name)
    if found is None:
        raise errors.no_such_group(name)
    return found


def require_living(call: Call, name: str) -> Group:
    found = require_group(call, name)
    if found.deleting:
        raise errors.in_progress(f"You cannot change AutoScalingGroup {name}: its deletion is in progress.")
    return found


def members(tx: Tx, group: Group) -> list[Member]:
    return MEMBERS.where(tx, "group", group.key)


def member_of(tx: Tx, instance_id: str) -> Member | None:
    return next(iter(MEMBERS.where(tx, "instance", instance_id)), None)


def require_member(call: Call, group: Group, instance_id: str) -> Member:
    found = member_of(call.tx, instance_id)
    if found is None or found.group != group.key:
        raise errors.not_in_group(instance_id, group.name)
    return found


def require_members(call: Call, group: Group, ids: Sequence[str] | None, *states: str) -> list[Member]:
    """The members named, each in one of the states.

    Raises:
        AwsError: ValidationError
    """
    if not ids:
        raise errors.validation("At least one instance ID must be specified.")
    if len(ids) > 20:
        raise errors.validation("The number of instance IDs must not be more than 20.")
    found = [require_member(call, group, one) for one in dict.fromkeys(ids)]
    for one in found:
        if one.state not in states:
            raise errors.wrong_state(one.instance_id or "", " or ".join(states))
    return found


def details(zone: str, subnet: str | None) -> str:
    known = {"Subnet ID": subnet, "Availability Zone": zone}
    return json.dumps({name: value for name, value in known.items() if value}, separators=(",", ":"))


def begin(
    tx: Tx,
    group: Group,
    *,
    activity_id: str,
    now: datetime,
    description: str,
    cause: str,
    zone: str,
    subnet: str | None,
    status: str = "InProgress",
    progress: int = 0,
) -> Activity:
    made = Activity(
        id=activity_id,
        group=group.key,
        group_name=group.name,
        group_arn=group.arn,
        description=description,
        cause=cause,
        started_at=now,
        status=status,
        progress=progress,
        details=details(zone, subnet),
    )
    ACTIVITIES.put(tx, made)
    return made


def end(tx: Tx, activity_id: str | None, now: datetime, status: str, message: str | None = None) -> None:
    """The activity is over; one that is not there, or is over already, stays as it is."""
    found = ACTIVITIES.get(tx, activity_id) if activity_id else None
    if found is not None and found.ended_at is None:
        ACTIVITIES.put(tx, replace(found, status=status, message=message, ended_at=now, progress=100))


def resize(tx: Tx, group: Group, desired: int, cause: str, *, cooldown_s: int | None = None) -> Group:
    """Want another capacity; nothing is recorded where it is the same."""
    if desired == group.desired:
        return group
    changed = replace(group, desired=desired, causes=(*group.causes, cause)[-10:])
    if cooldown_s is not None:
        changed = replace(changed, cooling=Cooling(cooldown_s))
    GROUPS.put(tx, changed)
    return changed


def activity_view(activity: Activity) -> dict[str, Any]:
    return {
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.group_name,
        "AutoScalingGroupARN": activity.group_arn,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started_at,
        "EndTime": activity.ended_at,
        "StatusCode": activity.status,
        "StatusMessage": activity.message,
        "Progress": activity.progress,
        "Details": activity.details,
    }


def names_of(found: Iterable[str] | None) -> set[str]:
    return set(found or ())
