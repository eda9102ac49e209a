"""Instance refresh: members that are not as they should be are replaced, a few at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aftershock.services.autoscaling.records import Made, Member, Place, Refresh

from . import causes
from .view import Launch, Step, Take, Turn, View

# AWS: an instance refresh fails when it cannot go on for an hour.
STUCK_S = 3600.0
FIT = ("healthy", "unused")  # of a target group that no load balancer uses, nobody checks the targets
TAKEN_BACK = "Cancelled because of a user request."
Where = Callable[[View, Sequence[Place]], tuple[Place, int] | None]


def warmup_s(view: View, refresh: Refresh) -> int:
    """AWS: the refresh's own, or else the group's default warm-up, or else its health check's grace period."""
    own = refresh.preferences.get("InstanceWarmup")
    if own is not None:
        return int(own)
    return view.group.grace_s if view.group.warmup_s is None else view.group.warmup_s


def ready(view: View, member: Member) -> bool:
    """Whether the member does its part: in service, healthy, and warm where a refresh asks for that."""
    if member.state != "InService" or member.health != "Healthy":
        return False
    refresh = view.refresh
    if refresh is None or refresh.started_at is None or member.id in refresh.old:
        return True
    targets = (view.targets.get(group, {}).get(member.instance_id or "") for group in member.registered)
    if view.group.health_check_type == "ELB" and any(state not in FIT for state in targets):
        return False
    return view.over(member.in_service_at, warmup_s(view, refresh))


def excess(view: View) -> int:
    """How much more there is than is wanted, without what is to take another's place and cannot do so yet."""
    return view.have - sum(one.size for one in view.active if _coming(view, one)) - view.group.desired


def _coming(view: View, member: Member) -> bool:
    if member.purpose not in ("rebalance", "refresh"):
        return False
    if member in outdated(view):  # a rollback has come, and takes it out again
        return False
    return member.state != "InService" or (view.refresh is not None and not ready(view, member))


def matches(made: Made, wanted: Iterable[Made]) -> bool:
    return any(made == one for one in wanted)


def outdated(view: View) -> tuple[Member, ...]:
    """The members that the refresh has still to replace."""
    refresh = view.refresh
    if refresh is None or refresh.started_at is None:
        return ()
    return tuple(one for one in view.members if _counts(refresh, one) and _is_outdated(view, refresh, one))


def _counts(refresh: Refresh, member: Member) -> bool:
    if member.state == "Standby":
        return bool(refresh.preferences.get("StandbyInstances", "Ignore") != "Ignore")
    if member.state != "InService":
        return False
    return not member.protected or bool(refresh.preferences.get("ScaleInProtectedInstances", "Ignore") != "Ignore")


def _is_outdated(view: View, refresh: Refresh, member: Member) -> bool:
    if refresh.status == "RollbackInProgress":
        return not matches(member.made, view.wanted)
    if member.id not in refresh.old:
        return False
    return not refresh.preferences.get("SkipMatching", False) or not matches(member.made, view.wanted)


def _takeable(refresh: Refresh, member: Member) -> bool:
    if member.state == "Standby":
        return bool(refresh.preferences.get("StandbyInstances") == "Terminate")
    return not member.protected or bool(refresh.preferences.get("ScaleInProtectedInstances") == "Refresh")


def steps(view: View, where: Where, alarms: Sequence[str] = ()) -> tuple[Step, ...]:
    """What the refresh under way is to do next; `where` says where one more may be launched.

    `alarms` are those, of the refresh's, that are in ALARM.
    """
    refresh = view.refresh
    if refresh is None or view.group.suspends("InstanceRefresh"):
        return ()
    if refresh.cancel == "cancel" and refresh.status in ("Pending", "InProgress", "Baking"):
        return (Turn(refresh, replace(refresh, status="Cancelling", status_reason=TAKEN_BACK)),)
    if refresh.cancel == "rollback" and refresh.status in ("Pending", "InProgress", "Baking"):
        return (Turn(refresh, _rolled_back(view, refresh, "Rollback was requested by a user.")),)
    match refresh.status:
        case "Pending":
            return (_begun(view, refresh),)
        case "Cancelling":
            moving = any(one.state not in ("InService", "Standby") for one in view.members)
            return () if moving else (Turn(refresh, replace(refresh, status="Cancelled", ended_at=view.now)),)
        case "Baking":
            if alarms:
                return (_failed(view, refresh, _alarmed(alarms)),)
            return (_succeeded(view, refresh),) if _is_over(view, refresh.waits_until) else ()
        case "InProgress" | "RollbackInProgress":
            return _going_on(view, refresh, where, alarms)
    return ()


def _begun(view: View, refresh: Refresh) -> Turn:
    old = tuple(one.id for one in view.members)
    begun = replace(refresh, status="InProgress", started_at=view.now, moved_at=view.now, old=old)
    left = len(outdated(_with(view, begun)))
    return Turn(refresh, replace(begun, total=left, left=left))


def _with(view: View, refresh: Refresh) -> View:
    return View(
        group=view.group, members=view.members, now=view.now, pace=view.pace, refresh=refresh, wanted=view.wanted
    )


def _going_on(view: View, refresh: Refresh, where: Where, alarms: Sequence[str]) -> tuple[Step, ...]:
    found = outdated(view)
    if refresh.total < 0:  # a rollback begins
        return (Turn(refresh, replace(refresh, total=len(found), left=len(found), moved_at=view.now)),)
    total = max(refresh.total, len(found))
    coming = min(_missing(view, found), total - len(found))
    if (len(found), coming) != (refresh.left, refresh.coming):
        moved = view.now if len(found) < refresh.left else refresh.moved_at
        return (Turn(refresh, replace(refresh, left=len(found), coming=coming, moved_at=moved, total=total)),)
    if alarms and refresh.status == "InProgress":
        return (_failed(view, refresh, _alarmed(alarms)),)
    if not found and _calm(view):
        return (_over(view, refresh),)
    if refresh.waits_until is None and view.over(refresh.moved_at, STUCK_S + warmup_s(view, refresh)):
        return (_failed(view, refresh, _stuck(view)),)
    if refresh.waits_until is not None:
        if not _is_over(view, refresh.waits_until):
            return ()
        return (Turn(refresh, replace(refresh, waits_until=None, moved_at=view.now)),)
    return _replacing(view, refresh, found, where) if found else ()


def _missing(view: View, found: Sequence[Member]) -> int:
    """How much of what is wanted neither does its part nor is still to be replaced."""
    there = sum(one.size for one in view.active if one in found or ready(view, one))
    return max(0, view.group.desired - there)


def _calm(view: View) -> bool:
    """Whether the group has what is wanted, and all of it does its part."""
    return view.have == view.group.desired and all(ready(view, one) for one in view.active)


def _over(view: View, refresh: Refresh) -> Turn:
    bake_s = refresh.preferences.get("BakeTime", 0)
    if refresh.status == "RollbackInProgress" or not bake_s:
        return _succeeded(view, refresh)
    return Turn(refresh, replace(refresh, status="Baking", waits_until=view.after(view.now, bake_s)))


def _succeeded(view: View, refresh: Refresh) -> Turn:
    rolled_back = refresh.status == "RollbackInProgress"
    status = "RollbackSuccessful" if rolled_back else "Successful"
    done = replace(refresh, status=status, ended_at=view.now, left=0, coming=0, waits_until=None)
    return Turn(refresh, done, adopt=not rolled_back and refresh.source is not None)


def _stuck(view: View) -> str:
    reason = "Replacement instances did not become ready in time."
    return f"{reason} {view.unresolved}" if view.unresolved else reason


def _alarmed(alarms: Sequence[str]) -> str:
    return f"CloudWatch alarms in state ALARM: {', '.join(alarms)}"


def _failed(view: View, refresh: Refresh, why: str) -> Turn:
    if refresh.status == "RollbackInProgress":
        return Turn(refresh, replace(refresh, status="RollbackFailed", status_reason=why, ended_at=view.now))
    if refresh.preferences.get("AutoRollback", False):
        return Turn(refresh, _rolled_back(view, refresh, why))
    return Turn(refresh, replace(refresh, status="Failed", status_reason=why, ended_at=view.now))


def _rolled_back(view: View, refresh: Refresh, why: str) -> Refresh:
    return replace(
        refresh,
        status="RollbackInProgress",
        status_reason=why,
        cancel=None,
        started_at=refresh.started_at or view.now,
        rollback_reason=why,
        rollback_at=view.now,
        rollback_percent=percent(refresh),
        rollback_left=to_update(refresh),
        moved_at=view.now,
        waits_until=None,
        total=-1,
        left=0,
        coming=0,
        reached=0,
    )


def _replacing(view: View, refresh: Refresh, found: Sequence[Member], where: Where) -> tuple[Step, ...]:
    takeable = [one for one in found if _takeable(refresh, one)]
    surplus = excess(view)
    if surplus > 0:
        return tuple(_take(view, one) for one in _fitting(takeable, surplus))
    limit = _until_checkpoint(refresh)
    if limit <= 0:
        if not _calm(view):
            return ()
        mark = _checkpoint(refresh)
        waits = view.after(view.now, refresh.preferences.get("CheckpointDelay", 3600))
        return (Turn(refresh, replace(refresh, reached=mark, waits_until=waits)),)
    if view.group.suspends("Launch") or view.group.suspends("Terminate"):
        return ()
    most = int(refresh.preferences.get("MaxHealthyPercentage", 100))
    if most > 100:
        return _launched_first(view, takeable, most, limit, where)
    return tuple(_take(view, one) for one in takeable[: min(_room(view, refresh), limit)])


def _take(view: View, member: Member) -> Take:
    return Take(member, causes.taken_out(view.now, causes.REFRESH))


def _fitting(members: Iterable[Member], size: int) -> Iterator[Member]:
    for one in members:
        if one.size <= size:
            size -= one.size
            yield one


def _room(view: View, refresh: Refresh) -> int:
    """How many may be taken out and still leave as many healthy as the refresh demands; one, if all are."""
    least = -(-view.group.desired * int(refresh.preferences.get("MinHealthyPercentage", 90)) // 100)
    healthy = sum(one.size for one in view.active if ready(view, one))
    return max(healthy - least, 1 if _calm(view) else 0)


def _launched_first(view: View, takeable: Sequence[Member], most: int, limit: int, where: Where) -> tuple[Step, ...]:
    over = view.have - view.group.desired
    room = max(1, view.group.desired * (most - 100) // 100) - over
    found: list[Launch] = []
    for _ in range(min(room, limit, len(takeable)) if takeable else 0):
        spot = where(view, [one.place for one in found])
        if spot is None:
            break
        found.append(Launch(spot[0], spot[1], causes.refreshing(view.now), "refresh"))
    return tuple(found)


def to_update(refresh: Refresh) -> int:
    """AWS: an instance is updated when its replacement is healthy and "the specified warm-up time passes"."""
    return refresh.left + refresh.coming


def percent(refresh: Refresh) -> int:
    if refresh.status in ("Successful", "RollbackSuccessful"):
        return 100
    return (refresh.total - to_update(refresh)) * 100 // refresh.total if refresh.total > 0 else 0


def _checkpoint(refresh: Refresh) -> int:
    marks: Iterable[Any] = refresh.preferences.get("CheckpointPercentages", ())
    return min((int(mark) for mark in marks if int(mark) > refresh.reached), default=100)


def _until_checkpoint(refresh: Refresh) -> int:
    """How many may still be replaced before the next checkpoint."""
    return -(-refresh.total * _checkpoint(refresh) // 100) - (refresh.total - refresh.left)


def _is_over(view: View, moment: datetime | None) -> bool:
    return moment is None or view.now >= moment


def wakes(view: View) -> Iterator[datetime]:
    refresh = view.refresh
    if refresh is None:
        return
    if refresh.waits_until is not None:
        yield refresh.waits_until
    elif refresh.moved_at is not None:
        yield view.after(refresh.moved_at, STUCK_S + warmup_s(view, refresh))
    for one in view.active:
        if one.in_service_at is not None:
            yield view.after(one.in_service_at, warmup_s(view, refresh))
