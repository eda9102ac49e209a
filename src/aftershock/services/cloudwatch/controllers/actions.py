"""Carries out what alarms call for, and writes down how that went.

An action is carried out at least once: whoever dies between doing it and writing it down leaves it to be done again.
AWS: "In rare cases, your history might show more than one notification for a state change".
"""

from collections.abc import Iterable

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.services.cloudwatch.history import acted
from aftershock.services.cloudwatch.outside import Fired, Outside
from aftershock.services.cloudwatch.records.alarm import ALARMS, PENDING_ACTIONS, Alarm, PendingAction
from aftershock.services.cloudwatch.rules.actions import OPERATIONS, Absent, Act, Scale, action
from aftershock.services.cloudwatch.rules.alarm_settings import instance_of
from aftershock.services.cloudwatch.rules.views import alarm_arn
from aftershock.store import Change, Store


class ActionController:
    kind = "cloudwatch.action"

    def __init__(self, store: Store, clock: Clock, region: str, outside: Outside) -> None:
        self._store, self._clock, self._region, self._outside = store, clock, region, outside

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return PENDING_ACTIONS.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == PENDING_ACTIONS.name else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            pending = PENDING_ACTIONS.get(tx, key)
            alarm = ALARMS.get(tx, pending.alarm_id) if pending is not None else None
        if pending is None:
            return Done("there is nothing left to do")
        result, failure = "", None
        if alarm is not None:
            try:
                result = self._act(alarm, pending)
            except AwsError as error:
                failure = error.message
        with self._store.transaction() as tx:
            PENDING_ACTIONS.forget(tx, key)
            if alarm is not None and not pending.again:
                acted(tx, alarm, pending, self._clock.now(), result=result, failure=failure)
        return Done(f"failed: {failure}" if failure else f"carried out: {result}")

    def _act(self, alarm: Alarm, pending: PendingAction) -> str:
        """What came of it.

        Raises:
            AwsError: the other side refused
        """
        match action(pending.action):
            case Scale():
                return self._outside.scaling(self._fired(alarm, pending))
            case Act(what):
                instance_id = instance_of(alarm.metric) if alarm.metric is not None else None
                if instance_id is None:
                    raise AwsError("ValidationError", "The alarm's metric is not of an instance.")
                self._outside.ask("ec2", OPERATIONS[what], {"InstanceIds": [instance_id]})
                return f"{OPERATIONS[what]} of {instance_id}"
            case Absent(service):
                raise AwsError("UnsupportedOperation", f"The service {service} is not available in this region.")

    def _fired(self, alarm: Alarm, pending: PendingAction) -> Fired:
        return Fired(
            action=pending.action,
            alarm_name=alarm.name,
            alarm_arn=alarm_arn(alarm, self._region),
            state=pending.state,
            reason=pending.reason,
            metric_value=pending.metric_value,
            threshold=alarm.metric.threshold if alarm.metric is not None else None,
            at=pending.at,
            again=pending.again,
        )
