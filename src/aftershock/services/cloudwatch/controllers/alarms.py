"""Judges alarms: metric alarms when a minute's data are in, composite ones when an alarm they look at changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from aftershock.aws.call import Tx
from aftershock.aws.errors import AwsError
from aftershock.aws.metrics import MINUTE_S, bucket, bucket_start
from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.services.cloudwatch.history import call_for_actions, move, moved
from aftershock.services.cloudwatch.reading import fetcher
from aftershock.services.cloudwatch.records.alarm import (
    ALARM_STATES,
    ALARMS,
    Alarm,
    AlarmState,
    CompositeRule,
    MetricRule,
    State,
    alarm_key,
)
from aftershock.services.cloudwatch.records.metric import SAMPLED
from aftershock.services.cloudwatch.rules.actions import Scale, action
from aftershock.services.cloudwatch.rules.alarm import (
    EXTRA_PERIODS,
    Datapoint,
    Evaluated,
    evaluate,
    too_few_samples,
)
from aftershock.services.cloudwatch.rules.composite import holds, parse
from aftershock.services.cloudwatch.rules.math import Grid, Series
from aftershock.services.cloudwatch.rules.points import Point, period_start
from aftershock.services.cloudwatch.rules.queries import computed
from aftershock.services.cloudwatch.rules.reasons import composite_reason, composite_reason_data, reason, reason_data
from aftershock.services.cloudwatch.rules.views import alarm_arn
from aftershock.store import Change, Store

# AWS calls for a scaling policy "once per minute that the alarm remains in the new state".  Evaluations come a little
# early or late.
REPEATED_S = 0.9 * MINUTE_S


@dataclass(frozen=True, slots=True)
class _Judged:
    state: State
    reason: str
    reason_data: str | None
    metric_value: float | None = None


class AlarmController:
    kind = "cloudwatch.alarm"

    def __init__(self, store: Store, clock: Clock, region: str) -> None:
        self._store, self._clock, self._region = store, clock, region

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return ALARMS.keys(tx) | ALARM_STATES.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == ALARMS.name:
            return (change.key,)
        if change.table not in (SAMPLED.name, ALARM_STATES.name):
            return ()
        with self._store.snapshot() as tx:
            if change.table == SAMPLED.name:
                return ALARMS.keys(tx)
            return [alarm.id for alarm in ALARMS.where(tx, "child", change.key)]

    async def reconcile(self, key: str) -> Outcome:
        now = self._clock.now()
        with self._store.snapshot() as tx:
            alarm, state = ALARMS.get(tx, key), ALARM_STATES.get(tx, key)
            if alarm is None or state is None:
                judged = None
            elif alarm.composite is not None:
                judged = self._composite(tx, alarm, alarm.composite)
            else:
                judged = self._metric(tx, alarm, state, now)
        if alarm is None:
            with self._store.transaction() as tx:
                ALARM_STATES.forget(tx, key)
            return Done("the alarm is deleted")
        if state is None:
            return Done("there is no state to judge")
        scaling = self._again(alarm, state, judged, now)
        if scaling or (judged is not None and judged.state != state.value):
            with self._store.transaction() as tx:
                still = ALARMS.get(tx, key)
                if still is None or still.generation != alarm.generation or ALARM_STATES.get(tx, key) != state:
                    return Again("it changed meanwhile", after_s=0)
                self._settle(tx, still, state, judged, scaling)
        return self._next(alarm, judged)

    def _again(self, alarm: Alarm, state: AlarmState, judged: _Judged | None, now: datetime) -> tuple[str, ...]:
        """The policies to call for once more, because the state lasts."""
        lasts = judged is None or judged.state == state.value
        if not lasts or now - state.acted_at < timedelta(seconds=self._clock.paced(REPEATED_S)):
            return ()
        return tuple(arn for arn in alarm.actions(state.value) if isinstance(action(arn), Scale))

    def _settle(
        self, tx: Tx, alarm: Alarm, state: AlarmState, judged: _Judged | None, scaling: tuple[str, ...]
    ) -> None:
        now = self._clock.now()
        if judged is not None and judged.state != state.value:
            after = moved(state, judged.state, judged.reason, judged.reason_data, now)
            move(tx, alarm, state, after, metric_value=judged.metric_value)
            return
        after = replace(state, acted_at=now)
        ALARM_STATES.put(tx, after)
        value = judged.metric_value if judged is not None else None
        call_for_actions(tx, alarm, after, scaling, metric_value=value, again=True)

    def _next(self, alarm: Alarm, judged: _Judged | None) -> Outcome:
        said = judged.state if judged is not None else "as it was"
        period_s = _period_s(alarm.metric) if alarm.metric is not None else MINUTE_S
        if period_s >= MINUTE_S:
            return Done(f"{said}; judged again when there are new data")
        now = self._clock.now()
        following = bucket_start(bucket(now, period_s, self._clock.pace) + 1, period_s, self._clock.pace)
        return Again(f"{said}; judged every {period_s} s", after_s=max(0.02, (following - now).total_seconds()))

    # --- composite alarms -------------------------------------------------------------------------------------------

    def _composite(self, tx: Tx, alarm: Alarm, rule: CompositeRule) -> _Judged:
        states = {name: ALARM_STATES.get(tx, alarm_key(alarm.account, name)) for name in rule.children}
        known = {name: state for name, state in states.items() if state is not None}
        holding = holds(parse(rule.expression), {name: state.value for name, state in known.items()})
        value: State = "ALARM" if holding else "OK"
        if not known:
            return _Judged(value, f"The alarm rule is {'TRUE' if holding else 'FALSE'}", None)
        return _Judged(value, *self._because(tx, alarm.account, known))

    def _because(self, tx: Tx, account: str, known: Mapping[str, AlarmState]) -> tuple[str, str]:
        """The alarm that last changed is why."""
        name, state = max(known.items(), key=lambda item: (item[1].transitioned_at, item[0]))
        child = ALARMS.get(tx, alarm_key(account, name))
        arn = alarm_arn(child, self._region) if child is not None else name
        told = (arn, state.value, state.transitioned_at)
        return composite_reason(*told), composite_reason_data(*told)

    # --- metric alarms ----------------------------------------------------------------------------------------------

    def _metric(self, tx: Tx, alarm: Alarm, state: AlarmState, now: datetime) -> _Judged | None:
        rule = alarm.metric
        if rule is None:
            return None
        try:
            points = self._datapoints(tx, alarm.account, rule, now)
        except AwsError:
            return None  # the expression means nothing any more, and AWS keeps the state
        judged = evaluate(rule, state.value, points)
        if judged is None or self._waits_for_samples(rule, points):
            return None
        return _Judged(judged.state, reason(rule, judged), reason_data(rule, judged, now), _newest(judged))

    def _waits_for_samples(self, rule: MetricRule, points: list[Datapoint]) -> bool:
        newest = points[-rule.evaluation_periods :]
        return too_few_samples(rule, sum(point.sample_count or 0.0 for point in newest))

    def _datapoints(self, tx: Tx, account: str, rule: MetricRule, now: datetime) -> list[Datapoint]:
        """The evaluation range, which slides: it ends with the last minute that is over, or shorter period."""
        pace, period_s = self._clock.pace, _period_s(rule)
        unit_s = min(period_s, MINUTE_S)
        end = bucket_start(bucket(now, unit_s, pace), unit_s, pace)
        count = rule.evaluation_periods + EXTRA_PERIODS
        start = end - timedelta(seconds=count * period_s / pace)
        fetch = fetcher(tx, account, start, end, pace)
        values = computed(rule.queries, fetch, Grid(start, end, pace, period_s))
        watched = next(query for query in rule.queries if query.return_data)
        series = values[watched.id]
        if not isinstance(series, Series):
            return []
        samples: Mapping[datetime, Point] = {point.at: point for point in fetch(watched)} if rule.plain else {}
        moments = [period_start(number, period_s, pace, start) for number in range(count)]
        return [
            Datapoint(at, series.points.get(at), samples[at].sample_count if at in samples else None) for at in moments
        ]


def _period_s(rule: MetricRule) -> int:
    return next((query.period_s for query in rule.queries if query.period_s), MINUTE_S)


def _newest(judged: Evaluated) -> float | None:
    return next((point.value for point in judged.used if point.value is not None), None)
