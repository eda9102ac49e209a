"""The metrics that groups were asked to report."""

from collections.abc import Iterable
from datetime import datetime

from aftershock.aws.metrics import Datum, Source, value
from aftershock.store import Store

from .records import GROUPS, MEMBERS
from .rules.metrics import NAMES

NAMESPACE = "AWS/AutoScaling"


def source(store: Store) -> Source:
    """For the sampler: each group's numbers as they are when it asks."""

    async def measure(at: datetime) -> Iterable[Datum]:
        with store.snapshot() as tx:
            groups = [(group, MEMBERS.where(tx, "group", group.key)) for group in GROUPS.every(tx) if group.metrics]
        return [
            value(
                NAMESPACE,
                name,
                {"AutoScalingGroupName": group.name},
                float(NAMES[name](group, members)),
                unit="None",
                at=at,
            )
            for group, members in groups
            for name in group.metrics
        ]

    return measure
