"""What is in the way of a story, and what one has left that is not."""

from typing import Any

import pytest

from aftershock.lab.account import in_the_way
from aftershock.lab.catalogue import experiments
from aftershock.lab.experiment import Reserve

(RESERVED,) = [one.said.event for one in experiments() if isinstance(one.said.event, Reserve)]


def held(name: str, **changes: Any) -> dict[str, Any]:
    left: dict[str, Any] = {
        "ReservedInstancesId": name,
        "State": "active",
        "InstanceType": RESERVED.instance_type,
        "InstanceCount": RESERVED.count,
        "OfferingType": "No Upfront",
        "Scope": "Region",
        "Duration": 31536000,
    }
    return {**left, **changes}


class Told:
    """An account as the API tells of it: empty, but for what is reserved."""

    def __init__(self, *reservations: dict[str, Any]) -> None:
        self._reservations = list(reservations)

    def client(self, service: str) -> Any:
        return self

    def describe_stacks(self) -> dict[str, Any]:
        return {"Stacks": []}

    def describe_instances(self) -> dict[str, Any]:
        return {"Reservations": []}

    def describe_reserved_instances(self) -> dict[str, Any]:
        return {"ReservedInstances": self._reservations}


@pytest.mark.parametrize(
    "reservations, in_way",
    [
        ([], []),
        ([held("a")], []),
        ([held("a"), held("b")], ["b"]),
        ([held("a", InstanceType="m5.large")], ["a"]),
        ([held("a", InstanceCount=RESERVED.count + 1)], ["a"]),
        ([held("a", OfferingType="All Upfront")], ["a"]),
        ([held("a", Scope="Availability Zone")], ["a"]),
        ([held("a", Duration=94608000)], ["a"]),
        ([held("a", State="retired", InstanceType="m5.large")], []),
    ],
)
def test_what_one_story_has_reserved_is_not_in_the_way_of_the_next(
    reservations: list[dict[str, Any]], in_way: list[str]
) -> None:
    assert in_the_way(Told(*reservations)) == in_way
