"""Leads every stack to where it is to be: makes, changes, removes its resources, and takes back what fails.

Each step is one transaction: what is asked of another service and what the stack knows of it are written together, so
that a control plane killed anywhere has neither lost a resource nor made it twice.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from aftershock.aws.call import Call, Principal
from aftershock.aws.errors import AwsError
from aftershock.aws.ids import new_id
from aftershock.clock import Clock
from aftershock.control import Again, Done
from aftershock.control.loop import Outcome
from aftershock.services.cloudformation import exports
from aftershock.services.cloudformation.events import stack_status
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import (
    CHANGE_SETS,
    DETECTIONS,
    DRIFTS,
    EVENTS,
    RESOURCES,
    SIGNALS,
    STACKS,
    TOLD,
    Resource,
    Stack,
)
from aftershock.services.cloudformation.rules import stack_plan
from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.functions import Unknown
from aftershock.services.cloudformation.rules.stack_plan import Standing, Steps
from aftershock.services.cloudformation.types import FailedError
from aftershock.store import Change, Store, Table, Transaction

from . import making, phases, removing, watching
from .forgetting import KEPT_S
from .work import BUSY, Work, spelt

OF_STACK: tuple[Table[Any], ...] = (RESOURCES, EVENTS, CHANGE_SETS, DRIFTS, DETECTIONS)
LOOK_S = 0.25  # how often what is under way is looked at
ROLE = "AWSServiceRoleForCloudFormation"
SERVICE = "cloudformation.amazonaws.com"
Refused = (AwsError, TemplateError, FailedError, Unknown)
Step = Callable[[Work, str], object]


class StackController:
    """One key for each stack."""

    kind = "cloudformation.stack"

    def __init__(self, store: Store, clock: Clock, region: str, outside: Outside) -> None:
        self._store, self._clock, self._region, self._outside = store, clock, region, outside

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return STACKS.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == STACKS.name:
            return (change.key,)
        return (change.key.partition("#")[0],) if change.table == SIGNALS.name else ()

    async def reconcile(self, key: str) -> Outcome:
        while True:
            with self._store.snapshot() as tx:
                stack = STACKS.get(tx, key)
                if stack is not None and self._outlived(stack):
                    break
                if stack is None or not stack.status.endswith("_IN_PROGRESS") or stack.status == "REVIEW_IN_PROGRESS":
                    return Done("nothing is under way" if stack is None else stack.status)
                work = self._work(tx, stack)
                phase = self._phase(work)
            moved = phase()
            if not moved:
                return Again(f"{stack.status}: waiting for resources", after_s=LOOK_S)
            await asyncio.sleep(0)  # others shall have their turn between steps
        self._forget(key)
        return Done("deleted long ago, and forgotten now")

    def _outlived(self, stack: Stack) -> bool:
        kept = timedelta(seconds=self._clock.paced(KEPT_S))
        return not stack.exists and stack.deleted_at is not None and stack.deleted_at + kept < self._clock.now()

    def _forget(self, stack_id: str) -> None:
        with self._store.transaction() as tx:
            for resource in RESOURCES.where(tx, "stack", stack_id):
                for signal in SIGNALS.where(tx, "resource", resource.id):
                    SIGNALS.forget(tx, signal.id)
            for table in OF_STACK:
                for one in table.where(tx, "stack", stack_id):
                    table.forget(tx, one.id)
            TOLD.forget(tx, stack_id)
            STACKS.forget(tx, stack_id)

    def _work(self, tx: Transaction, stack: Stack) -> Work:
        principal = Principal(
            account=stack.account,
            arn=f"arn:aws:sts::{stack.account}:assumed-role/{ROLE}/cloudformation",
            user_id=f"{ROLE}:cloudformation",
            access_key_id="",
            service=SERVICE,
        )
        call = Call(
            principal=principal,
            region=self._region,
            request_id=str(uuid4()),
            now=self._clock.now(),
            tx=tx,
            new_id=new_id,
        )
        return Work(call=call, outside=self._outside, clock=self._clock, stack=stack)

    def _phase(self, work: Work) -> Callable[[], bool]:
        """What is to be done now, decided; calling it does it, and says whether that changed anything."""
        stack = work.stack
        match stack.status:
            case "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS":
                return self._forward(work)
            case "ROLLBACK_IN_PROGRESS" | "DELETE_IN_PROGRESS":
                return self._removing(work)
            case "UPDATE_ROLLBACK_IN_PROGRESS":
                return self._back(work)
        return self._cleaning(work)

    def _forward(self, work: Work) -> Callable[[], bool]:
        stack = work.stack
        late = stack.timeout_m is not None and stack.status == "CREATE_IN_PROGRESS" and _late(work, stack.timeout_m)
        try:
            there = work.active(stack.current)
        except Refused as error:
            why = spelt(error)
            return lambda: self._end(stack, lambda now: phases.broken(now, (), why))
        wanted = {name: one.references() & there.keys() for name, one in there.items()}
        steps = stack_plan.forward(wanted, _standing(work))
        alarmed = watching.broken(work)

        def act() -> bool:
            if alarmed:
                return self._end(stack, lambda now: phases.broken(now, (), alarmed))
            if late:
                reason = "Stack creation time exceeded the specified timeout"
                return self._end(stack, lambda now: phases.broken(now, (), reason))
            if steps.failed:
                return self._end(stack, lambda now: phases.broken(now, steps.failed))
            if steps.done:
                return self._finish(stack) if watching.over(work) else self._deployed(stack)
            return self._all(stack, steps, making.begin, making.look, making.fail)

        return act

    def _deployed(self, stack: Stack) -> bool:
        """All resources stand, and the alarms are watched for some time more."""
        if stack.deployed_at is not None:
            return False
        return self._end(stack, lambda now: STACKS.put(now.call.tx, replace(now.stack, deployed_at=now.call.now)))

    def _finish(self, stack: Stack) -> bool:
        try:
            return self._end(stack, phases.made)
        except Refused as error:
            why = spelt(error)
            return self._end(stack, lambda now: phases.broken(now, (), why))

    def _removing(self, work: Work) -> Callable[[], bool]:
        stack = work.stack
        steps, resources = stack_plan.removing(_standing(work)), work.resources
        used = exports.held_of(work.call.tx, stack.id) if stack.status == "DELETE_IN_PROGRESS" else None

        def act() -> bool:
            if used:
                return self._end(stack, lambda now: _refuse(now, used))
            if steps.done:
                return self._end(stack, phases.removed)
            if steps.failed:
                return self._end(stack, lambda now: phases.not_removed(now, steps.failed))
            moved = False
            leftovers = {name for name, one in resources.items() if one.replaced}
            for name in leftovers.intersection(steps.begin):
                moved |= self._step(stack, name, removing.clear_old, removing.fail_old)
            rest = Steps(begin=tuple(name for name in steps.begin if name not in leftovers), look=steps.look)
            return self._all(stack, rest, removing.begin, removing.look, removing.fail) or moved

        return act

    def _back(self, work: Work) -> Callable[[], bool]:
        stack = work.stack
        kept = work.active(stack.plan)
        to_skip = [
            name
            for name, one in work.resources.items()
            if name in stack.retained and one.status == "UPDATE_FAILED" and one.turn != stack.turn
        ]
        steps = stack_plan.back(kept, _standing(work))

        def act() -> bool:
            if to_skip:
                return self._end(stack, phases.skip)
            if steps.failed:
                return self._end(stack, lambda now: phases.not_taken_back(now, steps.failed))
            if steps.done:
                return self._end(stack, phases.taken_back)
            return self._all(stack, steps, making.restore, making.look, making.fail)

        return act

    def _cleaning(self, work: Work) -> Callable[[], bool]:
        stack = work.stack
        kept = set(work.active(stack.plan))
        steps = stack_plan.cleaning(kept, _standing(work))

        def act() -> bool:
            if steps.done:
                return self._end(stack, phases.cleaned)
            old = tuple(name for name in steps.begin if name in kept)
            new = Steps(begin=tuple(name for name in steps.begin if name not in kept), look=steps.look)
            moved = self._all(stack, new, removing.begin, removing.look, removing.fail)
            for name in old:
                moved |= self._step(stack, name, removing.clear_old, removing.fail_old)
            return moved

        return act

    def _all(self, stack: Stack, steps: Steps, begin: Step, look: Step, fail: Callable[[Work, str, str], None]) -> bool:
        moved = False
        for name in steps.begin:
            moved |= self._step(stack, name, begin, fail)
        for name in steps.look:
            moved |= self._step(stack, name, look, fail)
        return moved

    def _step(self, stack: Stack, name: str, step: Step, fail: Callable[[Work, str, str], None]) -> bool:
        """One step of one resource; a refusal takes back all it did, and is recorded by `fail`."""
        before = self._resource(stack, name)
        try:
            self._end(stack, lambda work: step(work, name))
        except Refused as error:
            if isinstance(error, AwsError) and error.code in BUSY and step in _PATIENT:
                return self._wait(stack, name, step, error)
            why = spelt(error)
            self._end(stack, lambda work: fail(work, name, why))
        return self._resource(stack, name) != before

    def _wait(self, stack: Stack, name: str, step: Step, error: AwsError) -> bool:
        """Something still holds what is to go: it is asked again, until patience ends."""
        resource = self._resource(stack, name)
        if step is removing.begin:
            return self._end(stack, lambda work: removing.begin(work, name, wait=True))
        since = resource.since if resource else None
        waited_s = (self._clock.now() - since).total_seconds() if since else 0.0
        if waited_s < self._clock.paced(removing.PATIENCE_S):
            return False
        fail = removing.fail_old if step is removing.clear_old else removing.fail
        return self._end(stack, lambda work: fail(work, name, spelt(error)))

    def _resource(self, stack: Stack, name: str) -> Resource | None:
        with self._store.snapshot() as tx:
            return RESOURCES.get(tx, f"{stack.id}#{name}")

    def _end(self, stack: Stack, act: Callable[[Work], object]) -> bool:
        """Act in one transaction, if the stack is still in the phase that was looked at."""
        with self._store.transaction() as tx:
            now = STACKS.get(tx, stack.id)
            if now is None or (now.status, now.turn) != (stack.status, stack.turn):
                return True
            act(self._work(tx, now))
        return True


_PATIENT: tuple[Step, ...] = (removing.begin, removing.look, removing.clear_old)


def _refuse(work: Work, why: str) -> None:
    stack_status(work.call, replace(work.stack, turn=work.stack.turn), "DELETE_FAILED", why)


def _late(work: Work, minutes: int) -> bool:
    return (work.call.now - work.stack.began_at).total_seconds() >= work.clock.paced(minutes * 60.0)


def _standing(work: Work) -> dict[str, Standing]:
    return {
        name: Standing(
            status=one.status,
            current=one.turn == work.stack.turn,
            depends=frozenset(one.depends),
            changed=one.before is not None,
            leftovers=len(one.replaced),
        )
        for name, one in work.resources.items()
    }
