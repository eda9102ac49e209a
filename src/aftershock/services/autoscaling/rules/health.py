"""Which members are unhealthy, and which of those may be taken out now."""

from datetime import datetime, timedelta

from aftershock.services.autoscaling.records import Member

from . import causes
from .members import LIVING
from .view import Mark, Step, Take, View

# AWS checks every minute and does not act on the first failure.
IMPAIRED_S = 120.0
# However fast the region's clock, a machine on a busy host may miss a probe or two.
IMPAIRED_LEAST = timedelta(seconds=5)
# After a start of the region all machines boot at once, in real time.  AWS has no such moment.
RETURN_LEAST = timedelta(seconds=60)
AT_ONCE = 10  # percent of the group; AWS replaces no more at a time


def steps(view: View) -> tuple[Step, ...]:
    return _marks(view) or _takes(view)


def _marks(view: View) -> tuple[Step, ...]:
    if view.group.suspends("HealthCheck"):
        return ()
    found = ((one, cause(view, one)) for one in view.members if one.state == "InService" and one.health == "Healthy")
    return tuple(Mark(one, why) for one, why in found if why is not None)


def cause(view: View, member: Member) -> str | None:
    """Why the member counts as unhealthy, if it does."""
    if not_running(view, member):
        return causes.EC2_GONE
    if member.forced_unhealthy:
        return causes.USER_HEALTH
    if not view.over(member.in_service_at, view.group.grace_s) or view.now < returned(view, member):
        return None
    seen = view.seen_of(member)
    if seen is not None and seen.impaired_since is not None and _for_long(view, seen.impaired_since):
        return causes.EC2_IMPAIRED
    if view.group.health_check_type == "ELB" and _unhealthy_target(view, member):
        return causes.ELB_UNHEALTHY
    return None


def returned(view: View, member: Member) -> datetime:
    """Until when it has time to come back with the region."""
    if member.returned_at is None:
        return view.now
    return max(view.after(member.returned_at, view.group.grace_s), member.returned_at + RETURN_LEAST)


def not_running(view: View, member: Member) -> bool:
    seen = view.seen_of(member)
    return seen is None or seen.state not in LIVING


def _for_long(view: View, since: datetime) -> bool:
    return view.over(since, IMPAIRED_S) and view.now >= since + IMPAIRED_LEAST


def _unhealthy_target(view: View, member: Member) -> bool:
    return any(
        view.targets.get(group, {}).get(member.instance_id or "", "").startswith("unhealthy")
        for group in member.registered
    )


def _takes(view: View) -> tuple[Step, ...]:
    """Those that do not run are replaced at once; of the others, so many at a time that the group goes on serving."""
    if view.group.suspends("ReplaceUnhealthy") or view.group.suspends("Terminate"):
        return ()
    unhealthy = [one for one in view.members if one.state == "InService" and one.health == "Unhealthy"]
    owed = min(view.group.owed, max(0, view.group.desired - view.have))  # something else may have filled the gap
    under_way = owed + sum(one.state != "InService" and one.purpose == "replace" for one in view.active)
    room = max(1, view.group.desired * AT_ONCE // 100) - under_way
    dead = [one for one in unhealthy if not_running(view, one)]
    living = [one for one in unhealthy if one not in dead][: max(0, room)]
    return tuple(Take(one, causes.taken_out(view.now, one.unhealthy_cause), replaced=True) for one in dead + living)
