"""Brings groups to what is wanted of them, and says on the record what it did."""

import asyncio
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.services.autoscaling.looking import alarms_of, look
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import GROUPS, HOOKS, MEMBERS, REFRESHES
from aftershock.services.autoscaling.rules.plan import plan
from aftershock.services.autoscaling.rules.view import Plan, View
from aftershock.store import Change, Store

from .doing import Doing

ROUNDS = 40  # more than any way from one state to another takes
LATER_S = 0.2
# What announces itself to nobody (a target that drains) is looked at so often: a nominal duration, and the least of it.
POLL_S, POLL_LEAST_S = 10.0, 0.5


class Refused(Exception):
    """A step that another service refused; the control loop asks again, later and later."""

    retryable = True


class GroupController:
    """One key for each group."""

    kind = "autoscaling.group"

    def __init__(self, store: Store, clock: Clock, outside: Outside, new_uuid: Callable[[], str]) -> None:
        self._store, self._clock, self._outside = store, clock, outside
        self._doing = Doing(store, clock, outside, new_uuid)

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return GROUPS.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == GROUPS.name:
            return (change.key,)
        if change.table == HOOKS.name:
            return (change.key.rpartition(" ")[0],)
        if change.table not in (
            MEMBERS.name,
            REFRESHES.name,
            self._outside.instances,
            self._outside.health,
            self._outside.targets,
        ):
            return ()
        with self._store.snapshot() as tx:
            if change.table == MEMBERS.name:
                member = MEMBERS.get(tx, change.key)
                return (member.group,) if member else ()
            if change.table == REFRESHES.name:
                refresh = REFRESHES.get(tx, change.key)
                return (refresh.group,) if refresh else ()
            if change.table == self._outside.targets:
                return [group.key for group in GROUPS.where(tx, "targets", "yes")]
            return [member.group for member in MEMBERS.where(tx, "instance", change.key)]

    async def reconcile(self, key: str) -> Outcome:
        for _ in range(ROUNDS):
            view = look(self._store, self._clock, self._outside, key)
            if view is None:
                return Done("there is no such group")
            decided = plan(view, alarms_of(self._outside, view.refresh))
            if not decided.steps:
                return self._settled(view, decided)
            await self._carry_out(decided, view)
        return Again("there is more to do", after_s=LATER_S)

    async def _carry_out(self, decided: Plan, view: View) -> None:
        """
        Raises:
            Refused: another service would not; what could be done beside that was done
        """
        refusals = []
        for step in decided.steps:
            try:
                if not self._doing.do(step, view):
                    break
            except AwsError as error:
                refusals.append(error.message)
            await asyncio.sleep(0)  # whoever asks something of the API is not to wait for a whole group
        if refusals:
            raise Refused("; ".join(dict.fromkeys(refusals)))

    def _settled(self, view: View, decided: Plan) -> Outcome:
        self._note(view, decided.reason)
        waits = []
        if decided.again_at is not None:
            waits.append(max(0.05, (decided.again_at - self._clock.now()).total_seconds()))
        if any(one.state not in ("InService", "Standby") for one in view.members) or view.refresh is not None:
            waits.append(max(POLL_LEAST_S, self._clock.paced(POLL_S)))
        return Again(decided.reason, after_s=min(waits)) if waits else Done(decided.reason)

    def _note(self, view: View, reason: str) -> None:
        if view.group.reason == reason:
            return
        with self._store.transaction() as tx:
            group = GROUPS.get(tx, view.group.key)
            if group is not None:
                GROUPS.put(tx, replace(group, reason=reason))
