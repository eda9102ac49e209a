"""What is to be seen of a group: its records, and what EC2 and Elastic Load Balancing say of its members."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.store import Store

from .outside import Outside
from .records import GROUPS, HOOKS, MEMBERS, REFRESHES, Group, LaunchConfiguration, Member, Refresh, Source
from .resolving import Resolved, configuration_of, resolve
from .rules.view import Seen, View

NOT_FOUND = "InvalidInstanceID.NotFound"
WORST_FIRST = ("draining", "unhealthy", "unhealthy.draining", "unavailable", "initial", "unused", "healthy")
ENDED = ("shutting-down", "terminated", "stopping", "stopped")


def look(store: Store, clock: Clock, outside: Outside, key: str) -> View | None:
    """All that a decision about the group depends on; None where there is no such group."""
    with store.snapshot() as tx:
        group = GROUPS.get(tx, key)
        if group is None:
            return None
        members = tuple(sorted(MEMBERS.where(tx, "group", key), key=lambda one: (one.asked_at, one.id)))
        hooks = tuple(HOOKS.where(tx, "group", key))
        refresh = next((one for one in REFRESHES.where(tx, "group", key) if one.active), None)
        source = _source(group, refresh)
        configuration = configuration_of(tx, group.account, source)
    resolved, unresolved = _resolved(outside, source, configuration)
    ids = [one.instance_id for one in members if one.instance_id]
    arns = dict.fromkeys((*group.target_groups, *(arn for one in members for arn in one.registered)))
    return View(
        group=group,
        members=members,
        now=clock.now(),
        pace=clock.pace,
        hooks=hooks,
        refresh=refresh,
        configuration=configuration.given if configuration else None,
        wanted=resolved.made,
        weights=resolved.weights,
        unresolved=unresolved,
        seen=_seen(outside, ids, members),
        targets={arn: states for arn in arns if (states := _targets(outside, arn)) is not None},
    )


def alarms_of(outside: Outside, refresh: Refresh | None) -> tuple[str, ...]:
    """Which of the refresh's alarms are in ALARM."""
    names = ((refresh.preferences.get("AlarmSpecification") or {}) if refresh else {}).get("Alarms") or []
    if not names:
        return ()
    answer = outside.ask("cloudwatch", "DescribeAlarms", {"AlarmNames": list(names), "StateValue": "ALARM"})
    return tuple(one["AlarmName"] for one in answer.get("MetricAlarms", ()))


def _resolved(outside: Outside, source: Source, found: LaunchConfiguration | None) -> tuple[Resolved, str]:
    try:
        return resolve(outside.ask, source, found), ""
    except AwsError as error:
        return Resolved((), ()), error.message


def _source(group: Group, refresh: Refresh | None) -> Source:
    """AWS: while a refresh goes on, what is launched is launched as it desires."""
    if refresh is not None and refresh.source is not None and refresh.status in ("Pending", "InProgress", "Baking"):
        return refresh.source
    return group.source


def _seen(outside: Outside, ids: Sequence[str], members: Sequence[Member]) -> dict[str, Seen]:
    found = {one["InstanceId"]: one for one in _statuses(outside, ids)}
    arriving = {one.instance_id for one in members if one.state.startswith("Pending")}
    return {
        instance_id: Seen(
            state=one["InstanceState"]["Name"],
            impaired_since=_impaired_since(one),
            message=_why(outside, instance_id)
            if instance_id in arriving and one["InstanceState"]["Name"] in ENDED
            else "",
        )
        for instance_id, one in found.items()
    }


def _statuses(outside: Outside, ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """In one question; but that is refused as a whole where one of them is not known any more."""
    if not ids:
        return []
    try:
        answer = outside.ask("ec2", "DescribeInstanceStatus", {"InstanceIds": list(ids), "IncludeAllInstances": True})
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise
        return [] if len(ids) == 1 else [one for half in _halves(ids) for one in _statuses(outside, half)]
    return list(answer["InstanceStatuses"])


def _halves(ids: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    return ids[: len(ids) // 2], ids[len(ids) // 2 :]


def _impaired_since(status: Mapping[str, Any]) -> datetime | None:
    times = [
        detail["ImpairedSince"]
        for check in ("SystemStatus", "InstanceStatus")
        for detail in status.get(check, {}).get("Details", ())
        if status[check]["Status"] == "impaired" and detail.get("ImpairedSince")
    ]
    return min(times, default=None)


def _why(outside: Outside, instance_id: str) -> str:
    try:
        answer = outside.ask("ec2", "DescribeInstances", {"InstanceIds": [instance_id]})
    except AwsError:
        return ""
    instance = answer["Reservations"][0]["Instances"][0]
    return str(instance.get("StateReason", {}).get("Message", ""))


def _targets(outside: Outside, arn: str) -> dict[str, str] | None:
    try:
        answer = outside.ask("elbv2", "DescribeTargetHealth", {"TargetGroupArn": arn})
    except AwsError:
        return None
    found: dict[str, str] = {}
    for one in answer.get("TargetHealthDescriptions", ()):
        target, state = one["Target"]["Id"], one["TargetHealth"]["State"]
        # An instance may be a target on several ports: what is worst of them counts.
        if _rank(state) <= _rank(found.get(target, "healthy")):
            found[target] = state
    return found


def _rank(state: str) -> int:
    return WORST_FIRST.index(state) if state in WORST_FIRST else len(WORST_FIRST)
