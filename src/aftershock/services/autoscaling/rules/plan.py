"""The whole decision about a group: its members first, then their health, a refresh, and how many there are."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from . import capacity, health, members, refreshing
from .view import Forget, Plan, Step, View

Phase = tuple[str, Callable[[View], Sequence[Step]]]


def plan(view: View, alarms: Sequence[str] = ()) -> Plan:
    """Steps of one kind at a time: each is decided knowing what the one before it brought."""
    if view.group.deleting and not view.members:
        return Plan("deleted, and no instance is left", (Forget(),))
    phases: tuple[Phase, ...] = (
        ("its instances go on", _advances),
        ("unhealthy instances", health.steps),
        ("an instance refresh", lambda one: refreshing.steps(one, capacity.place, alarms)),
        ("the number of its instances", capacity.steps),
        ("instances that are too old", capacity.lifetime_steps),
    )
    for reason, phase in phases[:1] if view.group.deleting else phases:
        if steps := phase(view):
            return Plan(reason, tuple(steps), again_at=_next(view))
    if view.group.deleting and (steps := capacity.steps(view)):
        return Plan("deleting its instances", tuple(steps))
    return Plan(_reason(view), again_at=_next(view))


def _advances(view: View) -> tuple[Step, ...]:
    found = (members.advance(view, one) for one in view.members)
    return tuple(step for step in found if step is not None)


def _reason(view: View) -> str:
    missing = view.group.desired - view.have
    if missing > 0:
        if view.group.suspends("Launch"):
            return f"{missing} instances are missing, and launching is suspended"
        if not view.wanted:
            return f"{missing} instances are missing: {view.unresolved}"
        return f"{missing} instances are missing, and launches are not tried again yet"
    if refreshing.excess(view) > 0:
        return f"{-missing} instances are too many, and none of them may be terminated"
    if any(one.state not in ("InService", "Standby") for one in view.members):
        return "waiting for its instances"
    return "as wanted"


def _next(view: View) -> datetime | None:
    return min((moment for moment in _moments(view) if moment > view.now), default=None)


def _moments(view: View) -> Iterator[datetime]:
    yield from capacity.wakes(view)
    yield from refreshing.wakes(view)
    yield from members.deadlines(view)
    for one in view.members:
        if one.in_service_at is not None:
            yield view.after(one.in_service_at, view.group.grace_s)
        yield health.returned(view, one)
        if one.launched_at is not None and view.group.max_lifetime_s:
            yield view.after(one.launched_at, view.group.max_lifetime_s)
        seen = view.seen_of(one)
        if seen is not None and seen.impaired_since is not None:
            yield max(view.after(seen.impaired_since, health.IMPAIRED_S), seen.impaired_since + health.IMPAIRED_LEAST)
