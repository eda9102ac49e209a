"""What PutMetricAlarm and PutCompositeAlarm may ask for."""

import math
from typing import Any

from aftershock.aws.call import Params
from aftershock.services.cloudwatch.records.alarm import CompositeRule, MetricId, MetricRule, Query

from . import stats
from .actions import Absent, Act, Scale, action
from .alarm import COMPARISONS, TREATMENTS
from .composite import children, parse
from .data import dimensions
from .errors import unsupported, validation
from .queries import MAX_METRICS_OF_ALARM, queries

DAY_S, WEEK_S, HOUR_S = 86_400, 604_800, 3600
ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_NOT_OFFERED = (
    "ThresholdMetricId",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
)


def check_name(name: str) -> None:
    """AWS: "The name must contain only UTF-8 characters, and can't contain ASCII control characters"."""
    if any(character < " " or character == "\x7f" for character in name):
        raise validation(f"The alarm name {name!r} must not contain control characters.")


def refuse_not_offered(params: Params) -> None:
    for name in _NOT_OFFERED:
        if params.get(name) not in (None, {}, []):
            raise unsupported(name)
    window = params.get("EvaluationWindow") or {}
    if "WallClockWindow" in window:
        raise unsupported("EvaluationWindow.WallClockWindow")


def metric_rule(params: Params, account: str) -> MetricRule:
    """
    Raises:
        AwsError: ValidationError
    """
    for name in ("ComparisonOperator", "EvaluationPeriods"):
        _require(params, name)
    if params["ComparisonOperator"] not in COMPARISONS:
        raise validation(
            f"The value {params['ComparisonOperator']} for parameter ComparisonOperator is not supported in this "
            "region: there is no anomaly detection."
        )
    _require(params, "Threshold")
    if not math.isfinite(params["Threshold"]):
        raise validation(f"The value {params['Threshold']} for parameter Threshold is invalid.")
    of_queries = params.get("Metrics")
    chosen = _of_queries(params, account) if of_queries else (_of_metric(params),)
    to_alarm, periods = params.get("DatapointsToAlarm"), params["EvaluationPeriods"]
    if to_alarm is not None and to_alarm > periods:
        raise validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    _check_length(next(query.period_s for query in chosen if query.period_s), periods)
    _check_option(params, "TreatMissingData", TREATMENTS)
    _check_option(params, "EvaluateLowSampleCountPercentile", ("evaluate", "ignore"))
    return MetricRule(
        queries=chosen,
        plain=not of_queries,
        comparison=params["ComparisonOperator"],
        threshold=float(params["Threshold"]),
        evaluation_periods=periods,
        datapoints_to_alarm=to_alarm,
        treat_missing=params.get("TreatMissingData"),
        low_samples=params.get("EvaluateLowSampleCountPercentile"),
    )


def _require(params: Params, name: str) -> None:
    if params.get(name) is None:
        raise validation(f"{name} must not be null")


def _of_metric(params: Params) -> Query:
    for name in ("MetricName", "Namespace", "Period"):
        _require(params, name)
    statistic, extended = params.get("Statistic"), params.get("ExtendedStatistic")
    if (statistic is None) == (extended is None):
        raise validation("Exactly one of the parameters Statistic and ExtendedStatistic must be specified.")
    if extended is not None and stats.extended(extended) is None:
        raise validation(f"The value {extended} for parameter ExtendedStatistic is not supported.")
    _check_period(params["Period"])
    return Query(
        id="m1",
        metric=MetricId(
            namespace=params["Namespace"],
            name=params["MetricName"],
            dimensions=dimensions(params.get("Dimensions"), "Dimensions"),
        ),
        stat=str(statistic or extended),
        unit=params.get("Unit"),
        period_s=params["Period"],
    )


def _of_queries(params: Params, account: str) -> tuple[Query, ...]:
    for name in _OF_ONE_METRIC:
        if params.get(name) not in (None, []):
            raise validation(f"The parameters Metrics and {name} are mutually exclusive and you have specified both.")
    chosen = queries(params["Metrics"], account, parameter="Metrics")
    if sum(query.return_data for query in chosen) != 1:
        raise validation("Exactly one of the elements of the Metrics list must return data.")
    metrics = [query for query in chosen if query.metric is not None]
    if not 0 < len(metrics) <= MAX_METRICS_OF_ALARM:
        raise validation(f"The Metrics list must hold at least one metric, and {MAX_METRICS_OF_ALARM} at most.")
    periods = {query.period_s for query in chosen if query.period_s}
    if len(periods) > 1:
        raise validation("Period must be the same for all metrics in the Metrics list.")
    _check_period(next(iter(periods)))
    return chosen


def _check_period(period_s: int) -> None:
    if period_s not in (10, 20, 30) and period_s % 60:
        raise validation("Period must be 10, 20, 30 or a multiple of 60")


def _check_length(period_s: int, periods: int) -> None:
    most, words = (DAY_S, "a day") if period_s < HOUR_S else (WEEK_S, "seven days")
    if period_s * periods > most:
        raise validation(
            f"Metrics cannot be checked across more than {words} (EvaluationPeriods * Period must be <= {most})."
        )


def _check_option(params: Params, name: str, options: tuple[str, ...]) -> None:
    chosen = params.get(name)
    if chosen is not None and chosen not in options:
        raise validation(
            f"Option {chosen} is not supported. Supported options for parameter {name} are "
            f"{', '.join(options[:-1])} and {options[-1]}."
        )


def composite_rule(params: Params) -> CompositeRule:
    return CompositeRule(expression=params["AlarmRule"], children=children(parse(params["AlarmRule"])))


def actions(params: Params, rule: MetricRule | None) -> dict[str, tuple[str, ...]]:
    """The ARNs to act on, by the parameter they came in.

    Raises:
        AwsError: ValidationError, for an action that such an alarm cannot have
    """
    found: dict[str, tuple[str, ...]] = {}
    for name in ACTIONS:
        arns = tuple(params.get(name) or ())
        if len(set(arns)) < len(arns):
            raise validation(f"The parameter {name} must not contain an action more than once.")
        for arn in arns:
            _check_action(arn, rule)
        found[name] = arns
    return found


def _check_action(arn: str, rule: MetricRule | None) -> None:
    match action(arn):
        case Absent():
            return
        case Scale() | Act() if rule is None:
            raise validation(f"Composite alarms do not support the action {arn}.")
        case Act() if rule is not None and instance_of(rule) is None:
            raise validation(f"The action {arn} needs a metric with the dimension InstanceId and no other.")


def instance_of(rule: MetricRule) -> str | None:
    """The instance that an EC2 action is about. AWS: "Alarms based on math expressions can't perform" them."""
    metric = rule.queries[0].metric
    if not rule.plain or metric is None:
        return None
    match metric.dimensions:
        case (("InstanceId", instance_id),):
            return instance_id
    return None


def described(params: Params) -> dict[str, Any]:
    """What both kinds of alarm are told besides their rule."""
    return {
        "description": params.get("AlarmDescription"),
        "actions_enabled": params.get("ActionsEnabled", True) is not False,
    }
