"""Whether a metric alarm alarms: a pure function of its settings and of the datapoints in its evaluation range.

Source: AWS's "Evaluating an alarm" and "How alarm state is evaluated when data is missing"
(awsdocs/amazon-cloudwatch-user-guide, doc_source/AlarmThatSendsEmail.md), tables included.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aftershock.services.cloudwatch.records.alarm import MetricRule, State

from . import stats

# AWS: it "attempts to retrieve a higher number of data points than the number specified as Evaluation Periods"; how
# many more depends and is not told, but in its own examples 5 are retrieved for 3.
EXTRA_PERIODS = 2

_COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (lambda value, threshold: value >= threshold, "greater than or equal to"),
    "GreaterThanThreshold": (lambda value, threshold: value > threshold, "greater than"),
    "LessThanThreshold": (lambda value, threshold: value < threshold, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, threshold: value <= threshold, "less than or equal to"),
}
COMPARISONS = tuple(_COMPARISONS)
DEFAULT_TREATMENT = "missing"
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")


@dataclass(frozen=True, slots=True)
class Datapoint:
    """One period of the evaluation range; without a value where it is missing."""

    at: datetime
    value: float | None = None
    sample_count: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluated:
    state: State
    used: tuple[Datapoint, ...]  # the newest first; as many as Evaluation Periods, of which some may be missing
    filled: int  # how many missing ones were treated as something
    treated_as: str | None = None  # "Breaching", "NonBreaching", or None: as missing


def breaches(rule: MetricRule, value: float) -> bool:
    return _COMPARISONS[rule.comparison][0](value, rule.threshold)


def comparison_words(rule: MetricRule) -> str:
    return _COMPARISONS[rule.comparison][1]


def evaluate(rule: MetricRule, present: State, points: Sequence[Datapoint]) -> Evaluated | None:
    """The state that these datapoints, the oldest first, lead to; None where the present one is to be kept.

    There are `EXTRA_PERIODS` more points than the alarm's evaluation periods.
    """
    needed = rule.evaluation_periods
    to_alarm = rule.datapoints_to_alarm or needed
    treatment = rule.treat_missing or DEFAULT_TREATMENT
    newest_first = list(reversed(points))
    real = [point for point in newest_first if point.value is not None]
    breaching = [point for point in real if point.value is not None and breaches(rule, point.value)]
    if len(real) >= needed:
        used = tuple(real[:needed])
        count = sum(breaches(rule, point.value) for point in used if point.value is not None)
        return Evaluated("ALARM" if count >= to_alarm else "OK", used, 0)
    missing = [point for point in newest_first if point.value is None]
    filled = needed - len(real)
    used = tuple(sorted([*real, *missing[:filled]], key=lambda point: point.at, reverse=True))
    match treatment:
        case "breaching":
            state: State = "ALARM" if len(breaching) + filled >= to_alarm else "OK"
            return Evaluated(state, used, filled, "Breaching")
        case "notBreaching":
            return Evaluated("ALARM" if len(breaching) >= to_alarm else "OK", used, filled, "NonBreaching")
    if len(breaching) >= to_alarm:
        return Evaluated("ALARM", used, filled)
    if len(breaching) < len(real):
        return Evaluated("OK", used, filled)
    if treatment == "ignore":
        return None
    if breaching and newest_first.index(breaching[-1]) + 1 >= to_alarm:
        # AWS: "alarms are designed to always go into ALARM state when the oldest available breaching datapoint … is at
        # least as old as the value of Datapoints to Alarm, and all other more recent data points are breaching or
        # missing".
        return Evaluated("ALARM", used, filled)
    return Evaluated("INSUFFICIENT_DATA", used, filled)


def too_few_samples(rule: MetricRule, sample_count: float) -> bool:
    """Whether the alarm is to wait for more samples before it believes its percentile.

    AWS: with `ignore`, "For percentiles between 0.5 (inclusive) and 1.00 (exclusive), … when there are fewer than
    10/(1-percentile) data points during the evaluation period", and "between 0 and 0.5 … fewer than 10/percentile".
    """
    if rule.low_samples != "ignore" or not rule.plain:
        return False
    wanted = stats.extended(rule.queries[0].stat)
    if wanted is None or wanted.kind != "p":
        return False
    percentile = (wanted.low or 0.0) / 100
    if not 0 < percentile < 1:
        return False
    return sample_count < 10 / (1 - percentile if percentile >= 0.5 else percentile) - 1e-9
