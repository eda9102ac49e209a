"""A group's own numbers, each of which it can be asked to report."""

from collections.abc import Callable, Mapping, Sequence

from aftershock.services.autoscaling.records import Group, Member

Count = Callable[[Group, Sequence[Member]], int]


def _members(*states: str) -> Count:
    return lambda group, members: sum(_phase(one) in states for one in members)


def _capacity(*states: str) -> Count:
    return lambda group, members: sum(one.size for one in members if _phase(one) in states)


def _phase(member: Member) -> str:
    return member.state.partition(":")[0]


PENDING, SERVING, STANDBY, ENDING = ("Pending",), ("InService",), ("EnteringStandby", "Standby"), ("Terminating",)
ALL = (*PENDING, *SERVING, *STANDBY, *ENDING)
NAMES: Mapping[str, Count] = {
    "GroupMinSize": lambda group, members: group.min_size,
    "GroupMaxSize": lambda group, members: group.max_size,
    "GroupDesiredCapacity": lambda group, members: group.desired,
    "GroupInServiceInstances": _members(*SERVING),
    "GroupPendingInstances": _members(*PENDING),
    "GroupStandbyInstances": _members(*STANDBY),
    "GroupTerminatingInstances": _members(*ENDING),
    "GroupTotalInstances": _members(*ALL),
    "GroupInServiceCapacity": _capacity(*SERVING),
    "GroupPendingCapacity": _capacity(*PENDING),
    "GroupStandbyCapacity": _capacity(*STANDBY),
    "GroupTerminatingCapacity": _capacity(*ENDING),
    "GroupTotalCapacity": _capacity(*ALL),
}
