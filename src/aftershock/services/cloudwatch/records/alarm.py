"""Alarms: what is wanted of them, the state they are in, what is still to be done about it, and what was."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from aftershock.aws.metrics import Dimensions
from aftershock.store import Table

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]


class MetricId(Struct, frozen=True, kw_only=True, omit_defaults=True):
    namespace: str
    name: str
    dimensions: Dimensions = ()


class Query(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the queries of GetMetricData, or of an alarm: a metric's statistic, or an expression."""

    id: str
    metric: MetricId | None = None
    stat: str = ""
    unit: str | None = None
    expression: str | None = None
    label: str | None = None
    return_data: bool = True
    period_s: int | None = None


class MetricRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a metric alarm alarms.  One metric is a single query, and `plain`."""

    queries: tuple[Query, ...]
    plain: bool  # asked for by MetricName and Statistic, and shown so
    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int | None = None
    treat_missing: str | None = None
    low_samples: str | None = None  # EvaluateLowSampleCountPercentile


class CompositeRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    expression: str
    children: tuple[str, ...] = ()  # the names of the alarms in it


class Alarm(Struct, frozen=True, kw_only=True):
    id: str  # the account and the name, as `alarm_key` puts them
    account: str
    name: str
    description: str | None = None
    metric: MetricRule | None = None  # of a metric alarm
    composite: CompositeRule | None = None  # of a composite one
    actions_enabled: bool = True
    ok_actions: tuple[str, ...] = ()
    alarm_actions: tuple[str, ...] = ()
    insufficient_data_actions: tuple[str, ...] = ()
    created_at: datetime
    configured_at: datetime
    tags: dict[str, str] = {}
    generation: int = 1  # goes up with every change of its settings

    def actions(self, state: str) -> tuple[str, ...]:
        match state:
            case "ALARM":
                return self.alarm_actions
            case "OK":
                return self.ok_actions
        return self.insufficient_data_actions


class AlarmState(Struct, frozen=True, kw_only=True):
    """Written when the alarm is made, by SetAlarmState, and by the controller that evaluates."""

    id: str  # the alarm's
    value: State = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str | None = None
    updated_at: datetime
    transitioned_at: datetime
    acted_at: datetime  # when its actions were last called for


class PendingAction(Struct, frozen=True, kw_only=True):
    """An action that an alarm called for, until it was carried out or failed."""

    id: str
    alarm_id: str
    action: str  # an ARN
    state: State
    reason: str
    metric_value: float | None = None  # of the newest datapoint evaluated
    at: datetime  # of the state that called for it
    again: bool = False  # the state lasts, and calls for the same once more


class HistoryItem(Struct, frozen=True, kw_only=True):
    id: str  # in the order of time
    account: str
    alarm: str
    alarm_type: str
    type: str
    at: datetime
    summary: str
    data: str


def alarm_key(account: str, name: str) -> str:
    return f"{account} {name}"


def _children(alarm: Alarm) -> list[str]:
    if alarm.composite is None:
        return []
    return [alarm_key(alarm.account, name) for name in alarm.composite.children]


ALARMS = Table(
    "cloudwatch_alarm",
    Alarm,
    indexes={
        "account": lambda alarm: alarm.account,
        # Of composite alarms: those they look at, so that these find them when they change.
        "child": _children,
    },
)
ALARM_STATES = Table("cloudwatch_alarm_state", AlarmState)
PENDING_ACTIONS = Table("cloudwatch_pending_action", PendingAction, indexes={"alarm": lambda one: one.alarm_id})
HISTORY = Table(
    "cloudwatch_alarm_history",
    HistoryItem,
    indexes={"account": lambda item: item.account, "alarm": lambda item: alarm_key(item.account, item.alarm)},
)
