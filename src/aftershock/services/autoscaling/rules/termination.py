"""Which instance goes when a group shrinks.

AWS: first the zone with the most instances of which one may go, then the group's policies, one after the other, until a
single instance is left.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from aftershock.services.autoscaling.records import Member

from .view import View

TYPES = (
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "Default",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
)
HOUR_S = 3600.0
Policy = Callable[[View, Sequence[Member]], Sequence[Member]]


def choose(view: View, candidates: Sequence[Member]) -> Member | None:
    """The one to terminate; candidates are in service and not protected."""
    left: Sequence[Member] = _in_fullest_zone(view, candidates)
    for name in view.group.termination_policies:
        left = POLICIES[name](view, left)
    return min(left, key=lambda one: one.id, default=None)


def _in_fullest_zone(view: View, candidates: Sequence[Member]) -> Sequence[Member]:
    counts = Counter(one.zone for one in view.active)
    zones = {place.zone for place in view.group.places}
    if foreign := [one for one in candidates if one.zone not in zones]:
        return foreign
    most = max((counts[one.zone] for one in candidates), default=0)
    return [one for one in candidates if counts[one.zone] == most]


def _oldest_instance(view: View, left: Sequence[Member]) -> Sequence[Member]:
    first = min((one.asked_at for one in left), default=None)
    return [one for one in left if one.asked_at == first]


def _newest_instance(view: View, left: Sequence[Member]) -> Sequence[Member]:
    last = max((one.asked_at for one in left), default=None)
    return [one for one in left if one.asked_at == last]


def _oldest_configuration(view: View, left: Sequence[Member]) -> Sequence[Member]:
    """Those of launch configurations before those of templates; AWS does so to help moving on."""
    configured = [one for one in left if one.made.configuration is not None]
    if not configured:
        return left
    outdated = [one for one in configured if one.made.configuration != view.group.source.configuration]
    if not outdated:
        return configured
    first = min(outdated, key=lambda one: one.asked_at).made.configuration
    return [one for one in outdated if one.made.configuration == first]


def _oldest_template(view: View, left: Sequence[Member]) -> Sequence[Member]:
    templated = [one for one in left if one.made.template_id is not None]
    if not templated:
        return left
    current = view.group.source.template_id
    other = [one for one in templated if one.made.template_id != current]
    least = min(other or templated, key=lambda one: int(one.made.version or 0))
    return [
        one
        for one in templated
        if (one.made.template_id, one.made.version) == (least.made.template_id, least.made.version)
    ]


def _closest_to_hour(view: View, left: Sequence[Member]) -> Sequence[Member]:
    if not left:
        return left

    def remaining(one: Member) -> float:
        run_s = (view.now - (one.launched_at or one.asked_at)).total_seconds() * view.pace
        return HOUR_S - run_s % HOUR_S

    least = min(remaining(one) for one in left)
    return [one for one in left if remaining(one) == least]


def _allocation(view: View, left: Sequence[Member]) -> Sequence[Member]:
    """With the strategy "prioritized": the type of the lowest priority goes first."""
    if len(view.wanted) < 2:
        return left
    order = {made.instance_type: place for place, made in enumerate(view.wanted)}

    def rank(one: Member) -> int:
        return order.get(one.made.instance_type, len(order))

    worst = max((rank(one) for one in left), default=0)
    return [one for one in left if rank(one) == worst]


def _default(view: View, left: Sequence[Member]) -> Sequence[Member]:
    for policy in (_allocation, _oldest_configuration, _oldest_template, _closest_to_hour):
        left = policy(view, left)
    return left


POLICIES: dict[str, Policy] = {
    "AllocationStrategy": _allocation,
    "ClosestToNextInstanceHour": _closest_to_hour,
    "Default": _default,
    "NewestInstance": _newest_instance,
    "OldestInstance": _oldest_instance,
    "OldestLaunchConfiguration": _oldest_configuration,
    "OldestLaunchTemplate": _oldest_template,
}
