"""The account that a story is told in: it has to be empty, for its figures are the whole account's.

What a story has reserved is left, since AWS has no way to take it back.  The next story finds it there and counts it,
where it would reserve the same.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from aftershock.doors.bill import Clients

from .catalogue import experiments
from .experiment import Reserve


def in_the_way(access: Clients) -> list[str]:
    """What an experiment does not expect, by name or id; its site's names and figures are the story's alone."""
    ec2 = access.client("ec2")
    stacks = [stack["StackName"] for stack in access.client("cloudformation").describe_stacks()["Stacks"]]
    instances = [
        one["InstanceId"]
        for reservation in ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
        if one["State"]["Name"] != "terminated"
    ]
    held = ec2.describe_reserved_instances()["ReservedInstances"]
    wanted = [one.said.event for one in experiments() if isinstance(one.said.event, Reserve)]
    return [*stacks, *instances, *_others([one for one in held if one["State"] == "active"], wanted)]


def _others(held: Iterable[Mapping[str, Any]], wanted: Iterable[Reserve]) -> list[str]:
    """The reservations that are not what a story has left."""
    left = list(wanted)
    found = []
    for one in held:
        same = next((event for event in left if is_of(one, event)), None)
        if same is None:
            found.append(str(one["ReservedInstancesId"]))
        else:
            left.remove(same)
    return found


def is_of(held: Mapping[str, Any], event: Reserve) -> bool:
    """Whether these reserved instances are what the event reserves."""
    said = held["InstanceType"], held["InstanceCount"], held["OfferingType"], held["Scope"], held["Duration"]
    return said == (event.instance_type, event.count, event.payment, event.scope, event.duration_s)
