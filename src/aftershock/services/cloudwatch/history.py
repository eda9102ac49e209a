"""Alarms' states and histories, written together: a change of state, its item, and the actions it calls for."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Tx
from aftershock.services.cloudwatch.records.alarm import (
    ALARM_STATES,
    HISTORY,
    PENDING_ACTIONS,
    Alarm,
    AlarmState,
    HistoryItem,
    PendingAction,
    State,
    alarm_key,
)
from aftershock.services.cloudwatch.rules.reasons import stamp
from aftershock.services.cloudwatch.rules.views import alarm_type

MAX_DATA = 4095  # of the model
# Ours: AWS bounds by time alone.
MAX_ITEMS = 1000


def move(
    tx: Tx,
    alarm: Alarm,
    before: AlarmState,
    after: AlarmState,
    *,
    metric_value: float | None = None,
) -> None:
    """Put the alarm into a state.  If it is another one than before, that is history, and its actions are due."""
    ALARM_STATES.put(tx, after)
    if after.value == before.value:
        return
    short = replace(after, reason_data=None)
    _write(
        tx,
        alarm,
        "StateUpdate",
        after.updated_at,
        f"Alarm updated from {before.value} to {after.value}",
        told={"version": "1.0", "oldState": _state(before), "newState": _state(after)},
        brief={"version": "1.0", "oldState": _state(replace(before, reason_data=None)), "newState": _state(short)},
    )
    call_for_actions(tx, alarm, after, alarm.actions(after.value), metric_value=metric_value)


def call_for_actions(
    tx: Tx,
    alarm: Alarm,
    state: AlarmState,
    actions: tuple[str, ...],
    *,
    metric_value: float | None,
    again: bool = False,
) -> None:
    if not alarm.actions_enabled:
        return
    for number, action in enumerate(actions):
        pending = PendingAction(
            id=f"{alarm.id} {state.acted_at.timestamp():.3f} {state.value} {number}",
            alarm_id=alarm.id,
            action=action,
            state=state.value,
            reason=state.reason,
            metric_value=metric_value,
            at=state.updated_at,
            again=again,
        )
        PENDING_ACTIONS.put(tx, pending)


def moved(before: AlarmState, value: State, reason: str, reason_data: str | None, at: datetime) -> AlarmState:
    """The state after: AWS tells when it was last set apart from when it last became another one."""
    transitioned_at = before.transitioned_at if before.value == value else at
    return replace(
        before,
        value=value,
        reason=reason,
        reason_data=reason_data,
        updated_at=at,
        transitioned_at=transitioned_at,
        acted_at=at,
    )


def _state(state: AlarmState) -> Mapping[str, Any]:
    told: dict[str, Any] = {"stateValue": state.value, "stateReason": state.reason}
    if state.reason_data is not None:
        try:
            told["stateReasonData"] = json.loads(state.reason_data)
        except ValueError:
            told["stateReasonData"] = state.reason_data  # SetAlarmState takes any text
    return told


def configured(tx: Tx, alarm: Alarm, what: str, at: datetime, shown: Mapping[str, Any]) -> None:
    """`what` is "Create", "Update" or "Delete"."""
    words = {"Create": "created", "Update": "updated", "Delete": "deleted"}[what]
    told = {"version": "1.0", "type": what, f"{words}Alarm": _plain(shown)}
    _write(tx, alarm, "ConfigurationUpdate", at, f'Alarm "{alarm.name}" {words}'[:255], told=told)


def acted(tx: Tx, alarm: Alarm, pending: PendingAction, at: datetime, *, result: str, failure: str | None) -> None:
    """What came of an action, or why it failed."""
    told: dict[str, Any] = {
        "actionState": "Failed" if failure else "Succeeded",
        "stateUpdateTimestamp": int(pending.at.timestamp() * 1000),
        "notificationResource": pending.action,
    }
    told |= {"error": failure} if failure else {"result": result}
    summary = (
        f"Failed to execute action {pending.action}" if failure else f"Successfully executed action {pending.action}"
    )
    if failure:
        summary += f'. Received error: "{failure}"'
    _write(tx, alarm, "Action", at, summary[:255], told=told)


def _write(
    tx: Tx,
    alarm: Alarm,
    kind: str,
    at: datetime,
    summary: str,
    *,
    told: Mapping[str, Any],
    brief: Mapping[str, Any] | None = None,
) -> None:
    """`brief` is what is told where `told` is longer than the model allows."""
    texts = (json.dumps(one, separators=(",", ":")) for one in (told, brief or {"version": "1.0"}))
    data = next((text for text in texts if len(text) <= MAX_DATA), '{"version":"1.0"}')
    digest = hashlib.sha256(f"{kind} {summary} {data}".encode()).hexdigest()[:8]
    item = HistoryItem(
        id=f"{int(at.timestamp() * 1000):015d} {alarm_key(alarm.account, alarm.name)} {kind} {digest}",
        account=alarm.account,
        alarm=alarm.name,
        alarm_type=alarm_type(alarm),
        type=kind,
        at=at,
        summary=summary,
        data=data,
    )
    HISTORY.put(tx, item)


def _camel(name: str) -> str:
    """AWS spells its histories' names as Java does: "alarmName", and "okactions"."""
    return "okactions" if name == "OKActions" else name[0].lower() + name[1:]


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return stamp(value)
        case Mapping():
            return {_camel(name): _plain(inner) for name, inner in value.items() if inner is not None}
        case list():
            return [_plain(inner) for inner in value]
    return value
