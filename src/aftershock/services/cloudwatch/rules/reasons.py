"""Why an alarm is in its state, in AWS's sentences.

Sources: answers of AWS recorded in localstack/localstack, tests/aws/services/cloudwatch/test_cloudwatch.snapshot.json
(8fd15a75), and alarms shown in public threads: aws/aws-sdk-java#1723 among them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aftershock.services.cloudwatch.records.alarm import MetricRule, State

from .alarm import Datapoint, Evaluated, breaches, comparison_words


def reason(rule: MetricRule, evaluated: Evaluated) -> str:
    """`StateReason`, at most 1023 characters as the model has it."""
    if evaluated.state == "INSUFFICIENT_DATA":
        count = rule.evaluation_periods
        return f"Insufficient Data: {_counted(count)} {'was' if count == 1 else 'were'} unknown."
    real = [point for point in evaluated.used if point.value is not None]
    if not real:
        periods = f"{rule.evaluation_periods} period{'' if rule.evaluation_periods == 1 else 's'}"
        return f"Threshold Crossed: no datapoints were received for {periods}{_filled(evaluated)}."
    telling = _telling(rule, evaluated, real)
    verb = "was" if len(telling) == 1 else "were"
    negation = "" if evaluated.state == "ALARM" else "not "
    shown = ", ".join(_shown(point) for point in telling)
    crossed = f"[{shown}] {verb} {negation}{comparison_words(rule)} the threshold ({_number(rule.threshold)})"
    count = len(telling)
    if rule.datapoints_to_alarm is None:
        text = f"Threshold Crossed: {_counted(count)} {crossed}{_filled(evaluated)}."
    else:
        out_of = f"{count} out of the last {rule.evaluation_periods} datapoints"
        text = f"Threshold Crossed: {out_of} {crossed}{_filled(evaluated)} ({_minimum(rule, evaluated.state)})."
    return text[:1023]


def _telling(rule: MetricRule, evaluated: Evaluated, real: Sequence[Datapoint]) -> list[Datapoint]:
    """The datapoints that speak for the state; all, where fill or age decided against them."""
    alarming = evaluated.state == "ALARM"
    return [one for one in real if one.value is not None and breaches(rule, one.value) == alarming] or list(real)


def _filled(evaluated: Evaluated) -> str:
    if not evaluated.filled or evaluated.treated_as is None:
        return ""
    plural = evaluated.filled != 1
    missing = f"{evaluated.filled} missing datapoint{'s were' if plural else ' was'}"
    return f" and {missing} treated as [{evaluated.treated_as}]"


def _minimum(rule: MetricRule, state: State) -> str:
    to_alarm = rule.datapoints_to_alarm or rule.evaluation_periods
    if state == "ALARM":
        return f"minimum {_counted(to_alarm)} for OK -> ALARM transition"
    return f"minimum {_counted(rule.evaluation_periods - to_alarm + 1)} for ALARM -> OK transition"


def _counted(count: int) -> str:
    return f"{count} datapoint{'' if count == 1 else 's'}"


def _shown(point: Datapoint) -> str:
    return f"{_number(point.value or 0.0)} ({point.at:%d/%m/%y %H:%M:%S})"


def _number(value: float) -> str:
    return repr(float(value))


def reason_data(rule: MetricRule, evaluated: Evaluated, now: datetime) -> str:
    """`StateReasonData`, at most 4000 characters: then without the datapoints that came to nothing."""
    newest_first = evaluated.used
    real = [point for point in newest_first if point.value is not None]
    told: dict[str, Any] = {"version": "1.0", "queryDate": stamp(now)}
    if real:
        told["startDate"] = stamp(real[-1].at)
    query = rule.queries[0]
    if rule.plain:
        if query.unit is not None:
            told["unit"] = query.unit
        told["statistic"] = query.stat
    told["period"] = _period(rule)
    told["recentDatapoints"] = [point.value for point in reversed(real)]
    told["threshold"] = float(rule.threshold)
    evaluated_points = [_evaluated(point) for point in newest_first]
    for few in (evaluated_points, evaluated_points[:10]):
        text = json.dumps({**told, "evaluatedDatapoints": few}, separators=(",", ":"))
        if len(text) <= 4000:
            return text
    return json.dumps({**told, "recentDatapoints": told["recentDatapoints"][-100:]}, separators=(",", ":"))


def _period(rule: MetricRule) -> int:
    return next((query.period_s for query in rule.queries if query.period_s), 60)


def _evaluated(point: Datapoint) -> Mapping[str, Any]:
    told: dict[str, Any] = {"timestamp": stamp(point.at)}
    if point.sample_count is not None:
        told["sampleCount"] = point.sample_count
    if point.value is not None:
        told["value"] = point.value
    return told


def stamp(at: datetime) -> str:
    """AWS's own form: "2018-09-16T00:22:56.053+0000"."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def composite_reason(arn: str, state: str, at: datetime) -> str:
    return f"{arn} transitioned to {state} at {at:%A %d %B, %Y %H:%M:%S} UTC"


def composite_reason_data(arn: str, state: str, at: datetime) -> str:
    triggering = {"arn": arn, "state": {"value": state, "timestamp": stamp(at)}}
    return json.dumps({"triggeringAlarms": [triggering]}, separators=(",", ":"))
