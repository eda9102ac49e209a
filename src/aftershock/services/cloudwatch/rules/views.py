"""Alarms, as they are shown."""

from aftershock.aws.arn import Arn
from aftershock.aws.call import Result
from aftershock.services.cloudwatch.records.alarm import Alarm, AlarmState, MetricRule

from . import stats
from .queries import dimensions_view
from .queries import view as query_view


def alarm_arn(alarm: Alarm, region: str) -> str:
    return str(Arn("cloudwatch", region, alarm.account, f"alarm:{alarm.name}"))


def alarm_type(alarm: Alarm) -> str:
    return "MetricAlarm" if alarm.metric is not None else "CompositeAlarm"


def view(alarm: Alarm, state: AlarmState, region: str) -> Result:
    shown: Result = {
        "AlarmName": alarm.name,
        "AlarmArn": alarm_arn(alarm, region),
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "ActionsEnabled": alarm.actions_enabled,
        "OKActions": list(alarm.ok_actions),
        "AlarmActions": list(alarm.alarm_actions),
        "InsufficientDataActions": list(alarm.insufficient_data_actions),
        "StateValue": state.value,
        "StateReason": state.reason,
        "StateReasonData": state.reason_data,
        "StateUpdatedTimestamp": state.updated_at,
        "StateTransitionedTimestamp": state.transitioned_at,
    }
    if alarm.composite is not None:
        return shown | {"AlarmRule": alarm.composite.expression}
    return shown | (_metric(alarm.metric) if alarm.metric is not None else {})


def _metric(rule: MetricRule) -> Result:
    shown: Result = {
        "EvaluationPeriods": rule.evaluation_periods,
        "DatapointsToAlarm": rule.datapoints_to_alarm,
        "Threshold": rule.threshold,
        "ComparisonOperator": rule.comparison,
        "TreatMissingData": rule.treat_missing,
        "EvaluateLowSampleCountPercentile": rule.low_samples,
    }
    query = rule.queries[0]
    if not rule.plain or query.metric is None:
        return shown | {"Metrics": [query_view(one) for one in rule.queries]}
    return shown | {
        "MetricName": query.metric.name,
        "Namespace": query.metric.namespace,
        "Dimensions": dimensions_view(query.metric.dimensions),
        "Period": query.period_s,
        "Unit": query.unit,
        ("Statistic" if query.stat in stats.PLAIN else "ExtendedStatistic"): query.stat,
    }


def brief(alarm: Alarm, state: AlarmState, region: str, *, with_state: bool) -> Result:
    """What DescribeAlarms tells of an alarm's children, and of its parents."""
    shown: Result = {"AlarmName": alarm.name, "AlarmArn": alarm_arn(alarm, region)}
    if with_state:
        shown |= {"StateValue": state.value, "StateUpdatedTimestamp": state.updated_at}
    return shown
