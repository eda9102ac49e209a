"""When a scheduled action is due, and what it makes of the group's sizes."""

from datetime import datetime, timedelta

from aftershock.services.autoscaling.records import Group, Scheduled

from . import cron


def due(action: Scheduled, after: datetime) -> datetime | None:
    """When it is to run next, after that moment; None for never again.  Clock times are not subject to the pace."""
    if action.recurrence is None:
        return action.start if action.start is not None and action.start >= after else None
    since = max(after, action.start - timedelta(milliseconds=1)) if action.start else after
    found = cron.next_after(cron.parsed(action.recurrence), cron.zone(action.time_zone), since)
    return None if found is None or (action.end is not None and found > action.end) else found


def sizes(group: Group, action: Scheduled) -> tuple[int, int, int] | None:
    """Minimum, maximum and desired capacity after the action; None where they would contradict one another."""
    low = group.min_size if action.min_size is None else action.min_size
    high = group.max_size if action.max_size is None else action.max_size
    if low > high:
        return None
    wanted = group.desired if action.desired is None else action.desired
    return low, high, min(max(wanted, low), high)
