"""Carries out scheduled actions when they are due."""

from collections.abc import Iterable

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.services.autoscaling.operations.found import resize
from aftershock.services.autoscaling.records import GROUPS, SCHEDULES, Scheduled
from aftershock.services.autoscaling.rules import causes, schedule
from aftershock.store import Change, Store, Transaction

LONGEST_S = 3600.0
BY = "a scheduled action"


class ScheduleController:
    """One key for each action."""

    kind = "autoscaling.schedule"

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return SCHEDULES.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == SCHEDULES.name else ()

    async def reconcile(self, key: str) -> Outcome:
        now = self._clock.now()
        with self._store.transaction() as tx:
            action = SCHEDULES.get(tx, key)
            if action is None:
                return Done("there is no such action")
            if action.due is None:
                SCHEDULES.forget(tx, key)
                return Done("it has run for the last time")
            left_s = (action.due - now).total_seconds()
            if left_s > 0:
                return Again(f"due at {action.due:%Y-%m-%dT%H:%M:%SZ}", after_s=min(left_s, LONGEST_S))
            self._run(tx, action)
            # What was missed while nobody looked is made up for once.
            again = schedule.due(action, now) if action.recurrence is not None else None
            if again is None:
                SCHEDULES.forget(tx, key)
                return Done("it has run for the last time")
            SCHEDULES.put(tx, replace(action, due=again))
        return Again("it has run", after_s=min(max(0.0, (again - now).total_seconds()), LONGEST_S))

    def _run(self, tx: Transaction, action: Scheduled) -> None:
        group = GROUPS.get(tx, action.group)
        if group is None or group.deleting or group.suspends("ScheduledActions"):
            return
        sizes = schedule.sizes(group, action)
        if sizes is None:
            return
        low, high, desired = sizes
        before = group.desired
        group = replace(group, min_size=low, max_size=high)
        GROUPS.put(tx, group)
        cause = causes.updated(self._clock.now(), low=low, high=high, before=before, after=desired, who=BY)
        resize(tx, group, desired, cause)
