"""How many instances a group is to have in which zone, and what is to be launched or taken out for that."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from aftershock.services.autoscaling.records import Member, Place

from . import causes, refreshing, termination
from .view import Launch, Settle, Step, Take, Unlaunched, View

BALANCED_ONLY = "balanced-only"
REBALANCE = 10  # percent of the maximum, at least one, by which rebalancing may pass it
FIRST_BACKOFF_S, LAST_BACKOFF_S = 15.0, 300.0
# Errors that another zone, or another type, may not have.
OF_THE_PLACE = frozenset(
    {
        "InsufficientFreeAddressesInSubnet",
        "InsufficientInstanceCapacity",
        "InvalidSubnetID.NotFound",
        "Unsupported",
    }
)


def backoff_s(failures: int) -> float:
    """How long a launch is not tried again after so many failures in a row; a nominal duration."""
    return min(LAST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 10))


def block(place: Place, instance_type: str, code: str) -> str:
    """What a failure keeps from being tried: the type in the zone, or everything."""
    return f"{place.zone} {instance_type}" if code in OF_THE_PLACE else ""


def steps(view: View) -> tuple[Step, ...]:
    if view.group.deleting:
        return _all_out(view)
    return _grow(view) or _shrink(view) or _rebalance(view) or _settled(view)


def _all_out(view: View) -> tuple[Step, ...]:
    staying = (
        one for one in view.members if one.instance_id and not one.state.startswith(("Terminating", "Detaching"))
    )
    return tuple(Take(one, causes.by_user(view.now, one.instance_id or "", "taken out of service")) for one in staying)


def _grow(view: View) -> tuple[Step, ...]:
    missing = view.group.desired - view.have
    if missing <= 0 or view.group.suspends("Launch"):
        return ()
    return tuple(_launches(view, missing)) if view.wanted else _unlaunched(view)


def _unlaunched(view: View) -> tuple[Unlaunched, ...]:
    if not view.unresolved or not view.group.places or blocked(view, ""):
        return ()
    cause = (
        causes.replacing(view.now)
        if view.group.owed
        else causes.started(view.now, view.have, view.group.desired, causes=view.group.causes)
    )
    return (Unlaunched(_ranked(view, ())[0], cause, view.unresolved),)


def _launches(view: View, missing: int) -> Iterator[Launch]:
    found: list[Place] = []
    owed = min(view.group.owed, missing)
    before, after = view.have, view.group.desired
    while missing > 0:
        where = place(view, found)
        if where is None:
            return
        spot, choice = where
        if owed > 0:
            cause, purpose = causes.replacing(view.now), "replace"
            owed -= 1
        elif view.refresh is not None and view.refresh.started_at is not None and not view.group.causes:
            cause, purpose = causes.refreshing(view.now), "refresh"
        else:
            cause, purpose = causes.started(view.now, before, after, causes=view.group.causes), "capacity"
        found.append(spot)
        missing -= view.weights[choice] or 1
        yield Launch(spot, choice, cause, purpose)


def place(view: View, also: Sequence[Place] = ()) -> tuple[Place, int] | None:
    """Where the next instance goes, and of which type: the zone with the fewest, of those not known to have no room."""
    if not view.wanted or blocked(view, ""):
        return None
    for spot in _ranked(view, also):
        choice = _choice(view, spot)
        if choice is not None:
            return spot, choice
    return None


def _ranked(view: View, also: Sequence[Place]) -> list[Place]:
    zones = Counter({one.zone: 0 for one in view.group.places})
    subnets: Counter[Place] = Counter()
    for one in view.active:
        zones[one.zone] += 1
        subnets[Place(one.zone, one.subnet)] += 1
    for spot in also:
        zones[spot.zone] += 1
        subnets[spot] += 1
    order = {spot: rank for rank, spot in enumerate(view.group.places)}
    ranked = sorted(view.group.places, key=lambda spot: (zones[spot.zone], subnets[spot], order[spot]))
    if view.group.distribution == BALANCED_ONLY:
        return [spot for spot in ranked if zones[spot.zone] == zones[ranked[0].zone]]
    return ranked


def _choice(view: View, spot: Place) -> int | None:
    for choice, made in enumerate(view.wanted):
        if not blocked(view, f"{spot.zone} {made.instance_type}"):
            return choice
    return None


def blocked(view: View, key: str) -> bool:
    found = view.group.blocked.get(key)
    return found is not None and view.now < found.until


def _may_go(view: View) -> list[Member]:
    if view.group.suspends("Terminate"):
        return []
    return [one for one in view.members if one.state == "InService" and not one.protected]


def _shrink(view: View) -> tuple[Step, ...]:
    surplus, have = refreshing.excess(view), view.have
    taken: list[Member] = []
    left = _may_go(view)
    remaining = view.active
    while surplus > 0:
        candidates = [one for one in left if one.size <= surplus]
        victim = termination.choose(_with(view, remaining), candidates)
        if victim is None:
            break
        taken.append(victim)
        left.remove(victim)
        remaining = tuple(one for one in remaining if one is not victim)
        surplus -= victim.size
    return tuple(
        Take(
            one,
            causes.shrunk(view.now, one.instance_id or "", have, view.group.desired, causes=view.group.causes),
        )
        for one in taken
    )


def _with(view: View, members: tuple[Member, ...]) -> View:
    if members == view.active:
        return view
    return View(group=view.group, members=members, now=view.now, pace=view.pace, wanted=view.wanted)


def _rebalance(view: View) -> tuple[Step, ...]:
    """Launch where there are fewest; what is then too much goes where there are most."""
    if view.group.suspends("AZRebalance") or view.group.suspends("Launch") or view.refresh is not None:
        return ()
    if view.have != view.group.desired or any(one.state != "InService" for one in view.active):
        return ()
    if len({one.size for one in view.active} | {weight or 1 for weight in view.weights}) > 1:
        return ()  # with different weights nothing could be taken out in exchange
    found: list[Launch] = []
    moved: list[Member] = []
    for _ in range(max(1, view.group.max_size * REBALANCE // 100)):
        where = place(view, [one.place for one in found])
        if where is None:
            break
        gone = _to_move(view, moved, found, where[0].zone)
        if gone is None:
            break
        moved.append(gone)
        cause = causes.rebalancing(view.now, {where[0].zone})
        found.append(Launch(where[0], where[1], cause, "rebalance"))
    return tuple(found)


def _to_move(view: View, moved: Sequence[Member], found: Sequence[Launch], to: str) -> Member | None:
    """A member that can go in exchange for one more in that zone, if that makes the zones more alike."""
    counts = Counter(one.zone for one in view.active if one not in moved)
    counts.update(one.place.zone for one in found)
    zones = {spot.zone for spot in view.group.places}
    candidates = [one for one in _may_go(view) if one not in moved]
    foreign = [one for one in candidates if one.zone not in zones]
    if foreign:
        return foreign[0]
    most = max((counts[one.zone] for one in candidates), default=0)
    if most - counts[to] < 2:
        return None
    return next(one for one in candidates if counts[one.zone] == most)


def _settled(view: View) -> tuple[Step, ...]:
    group = view.group
    if not group.causes and not group.owed and (group.cooling is None or group.cooling.since is not None):
        return ()
    moving = any(one.state not in ("InService", "Standby") for one in view.members)
    return () if moving or view.have != group.desired else (Settle(),)


def lifetime_steps(view: View) -> tuple[Step, ...]:
    """AWS replaces those that are too old gradually; here one at a time, while nothing else is under way."""
    limit_s = view.group.max_lifetime_s
    if not limit_s or view.group.suspends("Terminate") or view.group.suspends("Launch"):
        return ()
    if view.have != view.group.desired or any(one.state not in ("InService", "Standby") for one in view.members):
        return ()
    old = [one for one in view.active if view.over(one.launched_at, limit_s)]
    first = min(old, key=lambda one: one.asked_at, default=None)
    return () if first is None else (Take(first, causes.taken_out(view.now, causes.LIFETIME)),)


def wakes(view: View) -> Iterator[datetime]:
    """When something that was put off is due."""
    for found in view.group.blocked.values():
        if found.until > view.now:
            yield found.until
