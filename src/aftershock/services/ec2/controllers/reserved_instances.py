"""Takes the payment for reserved instances: from then on the purchase is on the bill, and its term runs."""

from collections.abc import Iterable
from datetime import timedelta

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.services.ec2.records.reserved_instances import RESERVED_INSTANCES
from aftershock.services.ec2.rules.reserved_instances import YEAR_S
from aftershock.store import Change, Store


class ReservedInstanceController:
    kind = "ec2.reserved-instances"

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return RESERVED_INSTANCES.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == RESERVED_INSTANCES.name else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.transaction() as tx:
            bought = RESERVED_INSTANCES.get(tx, key)
            if bought is None or bought.ends_at is not None:
                return Done("paid, or not there")
            term = timedelta(seconds=self._clock.paced(bought.years * YEAR_S))
            ends_at = bought.bought_at + term
            ends_at = ends_at.replace(microsecond=ends_at.microsecond // 1000 * 1000)
            RESERVED_INSTANCES.put(tx, replace(bought, pace=self._clock.pace, ends_at=ends_at))
        return Done("paid")
