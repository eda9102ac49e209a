"""Carries experiments on, from wherever they are, and says on the record how far they have come."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.engines.errors import EngineError
from aftershock.services.fis.outside import Outside
from aftershock.services.fis.records import EXPERIMENTS, Experiment, Progress
from aftershock.services.fis.rules.actions import lasts_s
from aftershock.services.fis.rules.progress import (
    Begin,
    Cancel,
    Finish,
    Hold,
    Initiate,
    Lift,
    Resolve,
    Skip,
    Step,
    Stop,
    Watch,
    final,
    plan,
    progress_of,
)
from aftershock.services.fis.rules.templates import ALARM, alarm_name
from aftershock.store import Change, Store, Transaction

from .acting import Act, Effect, as_role
from .resolving import resolve

ROUNDS = 50  # more than any experiment has steps in a row
AGAIN_S = 0.2  # for what may announce itself to nobody
ALARMS_EVERY_S = 1.0


class ExperimentController:
    """One key for each experiment."""

    kind = "fis.experiment"

    def __init__(self, store: Store, clock: Clock, outside: Outside, effect_of: Callable[[str], Effect]) -> None:
        self._store, self._clock, self._outside, self._effect_of = store, clock, outside, effect_of
        # An alarm may be over before the next look: a stop condition is to see it all the same.
        self._elsewhere = outside.outages.tables | {outside.instance_table, outside.alarm_table}

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return {one.id for one in EXPERIMENTS.where(tx, "active", "")}

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == EXPERIMENTS.name:
            return (change.key,)
        if change.table not in self._elsewhere:
            return ()
        with self._store.snapshot() as tx:
            return [one.id for one in EXPERIMENTS.where(tx, "active", "")]

    async def reconcile(self, key: str) -> Outcome:
        for _ in range(ROUNDS):
            experiment = self._read(key)
            if experiment is None or experiment.ended_at is not None:
                return Done("it is over" if experiment else "there is no such experiment")
            if (alarm := self._alarm(experiment)) is not None:
                self._note(experiment, status="stopping", reason="Stopping Experiment.", stopped_by=alarm)
                continue
            paced = {name: self._lasts_s(experiment, name) for name in experiment.plan.actions}
            decided = plan(experiment, self._clock.now(), paced)
            moved = [await self._do(step, experiment) for step in decided.steps]
            if not any(moved):
                return Again(decided.reason, after_s=self._again_s(experiment, decided.again_s, waits=bool(moved)))
        return Again("goes on", after_s=AGAIN_S)

    def _again_s(self, experiment: Experiment, due_s: float | None, *, waits: bool) -> float:
        watched = any(one.source == ALARM for one in experiment.plan.stop_conditions)
        times = [AGAIN_S] if waits or due_s is None else [max(due_s, 0.01)]
        return min([*times, *([ALARMS_EVERY_S] if watched else [])])

    def _lasts_s(self, experiment: Experiment, name: str) -> float | None:
        nominal_s = lasts_s(experiment.plan.actions[name])
        return None if nominal_s is None else self._clock.paced(nominal_s)

    def _read(self, key: str) -> Experiment | None:
        with self._store.snapshot() as tx:
            return EXPERIMENTS.get(tx, key)

    def _alarm(self, experiment: Experiment) -> str | None:
        """Why a stop condition stops it, if one does; an alarm that is not there cannot be watched, and does."""
        names = [
            name
            for one in experiment.plan.stop_conditions
            if one.source == ALARM and (name := alarm_name(one.value or "", experiment.account))
        ]
        if not names or experiment.status not in ("initiating", "running"):
            return None
        asked = {"AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        try:
            found = self._outside.ask("cloudwatch", "DescribeAlarms", asked)
        except AwsError as error:
            return f"Experiment stopped: its stop condition cannot be watched: {error.message}"
        states = {
            one["AlarmName"]: one["StateValue"]
            for kind in ("MetricAlarms", "CompositeAlarms")
            for one in found.get(kind) or ()
        }
        for name in names:
            if name not in states:
                return f"Experiment stopped: there is no alarm {name}."
            if states[name] == "ALARM":
                return f"Experiment stopped by stop condition: alarm {name} is in the state ALARM."
        return None

    async def _do(self, step: Step, experiment: Experiment) -> bool:
        """Whether the experiment has come any further by it."""
        match step:
            case Initiate():
                self._note(experiment, status="initiating", reason="Experiment is initiating.")
            case Resolve():
                self._resolve(experiment)
            case Stop(reason, failed):
                self._note(
                    experiment, status="stopping", reason="Stopping Experiment.", stopped_by=reason, failed=failed
                )
            case Finish():
                status, reason = final(experiment)
                self._note(experiment, status=status, reason=reason, ended_at=self._clock.now())
            case Skip(name, reason):
                self._progress(experiment, name, status="skipped", reason=reason)
            case Cancel(name):
                self._progress(experiment, name, status="cancelled", reason="Action was cancelled.")
            case Begin(name):
                self._begin(experiment, name)
            case Hold(name) | Watch(name) | Lift(name):
                return await self._carry_on(step, experiment, name)
        return True

    def _resolve(self, experiment: Experiment) -> None:
        try:
            with self._store.transaction() as tx:
                if not self._outside.may_assume(tx, experiment.account, experiment.plan.role_arn):
                    raise AwsError("AccessDenied", "Unable to assume role.")
                call = as_role(tx, experiment, self._clock.now())
                resolved = resolve(self._outside.ask, call, experiment)
                changes = {"status": "running", "reason": "Experiment is running.", "started_at": call.now}
                self._write(tx, experiment, resolved=resolved, **changes)
        except AwsError as error:
            self._note(
                experiment, status="stopping", reason="Stopping Experiment.", stopped_by=error.message, failed=True
            )

    def _begin(self, experiment: Experiment, name: str) -> None:
        """What the action does and that it has done so are one transaction: it is done once, or not at all."""
        act = self._act(experiment, name)
        try:
            with self._store.transaction() as tx:
                now = EXPERIMENTS.get(tx, experiment.id)
                if now is None or now.generation != experiment.generation:
                    return
                call = as_role(tx, experiment, self._clock.now())
                self._effect(act).begin(call, act)
                self._write_progress(
                    tx, experiment, name, status="initiating", reason="Action is initiating.", started_at=call.now
                )
        except AwsError as error:
            self._fail(experiment, name, error)

    async def _carry_on(self, step: Hold | Watch | Lift, experiment: Experiment, name: str) -> bool:
        act = self._act(experiment, name)
        try:
            match step:
                case Hold():
                    if not await self._effect(act).holds(act):
                        return False
                    self._progress(experiment, name, status="running", reason="Action is running.")
                case Watch():
                    with self._store.transaction() as tx:
                        over = self._effect(act).is_over(as_role(tx, experiment, self._clock.now()), act)
                    if not over:
                        return False
                    self._progress(experiment, name, status="completed", reason="Action was completed.")
                case Lift():
                    return await self._lift(experiment, name, act)
        except EngineError as error:
            if isinstance(step, Lift):
                raise  # what cannot be taken back yet is tried again: it must not be left behind
            self._fail(experiment, name, error)
        except AwsError as error:
            self._fail(experiment, name, error)
        return True

    async def _lift(self, experiment: Experiment, name: str, act: Act) -> bool:
        stopping = experiment.status == "stopping"
        if not progress_of(experiment, name).lifting:
            with self._store.transaction() as tx:
                call = as_role(tx, experiment, self._clock.now())
                if not self._effect(act).can_end(call, act):
                    return False
                self._effect(act).end(call, act)
                words = {"status": "stopping", "reason": "Action is stopping."} if stopping else {}
                self._write_progress(tx, experiment, name, lifting=True, **words)
        if not await self._effect(act).is_lifted(act):
            return False
        if stopping:
            self._progress(experiment, name, status="stopped", reason="Action was stopped.")
        else:
            self._progress(experiment, name, status="completed", reason="Action was completed.")
        return True

    def _fail(self, experiment: Experiment, name: str, error: AwsError | EngineError) -> None:
        """What it had begun by then is taken back, as far as that can be."""
        said = f"{error.code}: {error.message}" if isinstance(error, AwsError) else str(error)
        act = self._act(experiment, name)
        with contextlib.suppress(AwsError), self._store.transaction() as tx:
            self._effect(act).end(as_role(tx, experiment, self._clock.now()), act)
        self._progress(experiment, name, status="failed", reason=said[:512])

    def _act(self, experiment: Experiment, name: str) -> Act:
        return Act(experiment, name, experiment.plan.actions[name])

    def _effect(self, act: Act) -> Effect:
        return self._effect_of(act.action.action_id)

    def _note(self, experiment: Experiment, **changes: Any) -> None:
        with self._store.transaction() as tx:
            self._write(tx, experiment, **changes)

    def _progress(self, experiment: Experiment, name: str, **changes: Any) -> None:
        with self._store.transaction() as tx:
            self._write_progress(tx, experiment, name, **changes)

    def _write_progress(self, tx: Transaction, experiment: Experiment, name: str, **changes: Any) -> None:
        now = EXPERIMENTS.get(tx, experiment.id) or experiment
        before = progress_of(now, name)
        after: Progress = replace(before, **changes)
        if after.status in ("completed", "stopped", "failed") and after.ended_at is None:
            after = replace(after, ended_at=self._clock.now())
        self._write(tx, experiment, progress={**now.progress, name: after})

    def _write(self, tx: Transaction, experiment: Experiment, **changes: Any) -> None:
        """On the record as it is now: its tags, and the wish that it be stopped, are others' to write."""
        now = EXPERIMENTS.get(tx, experiment.id)
        if now is not None:
            EXPERIMENTS.put(tx, replace(now, **changes))
