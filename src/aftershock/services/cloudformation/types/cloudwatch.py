"""AWS::CloudWatch: alarms and dashboards."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    DOUBLE,
    INTEGER,
    STRING,
    STRINGS,
    TAGS,
    changing,
    fixed,
    many,
    members,
)

from .model import Doing, ResourceType, Seen, found, tag_changes, unless_gone

DIMENSIONS = many(members("Name Value", Name=STRING, Value=STRING))
METRIC = members(Namespace=STRING, MetricName=STRING, Dimensions=DIMENSIONS)
QUERIES = many(
    members(
        "Id",
        Id=STRING,
        Expression=STRING,
        Label=STRING,
        Period=INTEGER,
        ReturnData=BOOLEAN,
        MetricStat=members("Metric Period Stat", Metric=METRIC, Period=INTEGER, Stat=STRING, Unit=STRING),
    )
)
_ACTIONS = {
    "ActionsEnabled": changing(BOOLEAN),
    "AlarmActions": changing(STRINGS),
    "AlarmDescription": changing(STRING),
    "AlarmName": fixed(STRING),
    "InsufficientDataActions": changing(STRINGS),
    "OKActions": changing(STRINGS),
    "Tags": changing(TAGS),
}


def _alarm(doing: Doing, name: str) -> Mapping[str, Any] | None:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answer = doing.ask("cloudwatch", "DescribeAlarms", AlarmNames=[name], AlarmTypes=kinds)
    alarms: list[Mapping[str, Any]] = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
    return alarms[0] if alarms else None


def _put(doing: Doing, operation: str, name: str, *, new: bool) -> None:
    asked = {key: value for key, value in doing.properties.items() if key not in ("AlarmName", "Tags")}
    tags = doing.tags("cloudwatch")
    if new and tags:
        asked["Tags"] = tags
    doing.ask("cloudwatch", operation, AlarmName=name, **asked)


def _retag(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    put, gone = tag_changes(before, doing.properties)
    if gone:
        doing.ask("cloudwatch", "UntagResource", ResourceARN=arn, TagKeys=gone)
    if put:
        doing.ask("cloudwatch", "TagResource", ResourceARN=arn, Tags=put)


def _type(name: str, operation: str, properties: Mapping[str, Any]) -> ResourceType:
    def create(doing: Doing) -> str:
        alarm = doing.properties.get("AlarmName") or doing.name(255)
        _put(doing, operation, alarm, new=True)
        return str(alarm)

    def read(doing: Doing, alarm_name: str) -> Seen | None:
        alarm = _alarm(doing, alarm_name)
        return Seen({"Arn": alarm["AlarmArn"]}) if alarm else None

    def update(doing: Doing, alarm_name: str, before: Mapping[str, Any]) -> None:
        _put(doing, operation, alarm_name, new=False)
        alarm = _alarm(doing, alarm_name)
        if alarm is not None:
            _retag(doing, alarm["AlarmArn"], before)

    def delete(doing: Doing, alarm_name: str) -> None:
        if _alarm(doing, alarm_name) is not None:
            doing.ask("cloudwatch", "DeleteAlarms", AlarmNames=[alarm_name])

    return ResourceType(
        name=name,
        properties={**_ACTIONS, **properties},
        create=create,
        read=read,
        update=update,
        delete=delete,
        attributes=("Arn",),
        tags="list",
    )


ALARM = _type(
    "AWS::CloudWatch::Alarm",
    "PutMetricAlarm",
    {
        "ComparisonOperator": changing(STRING, required=True),
        "DatapointsToAlarm": changing(INTEGER),
        "Dimensions": changing(DIMENSIONS),
        "EvaluateLowSampleCountPercentile": changing(STRING),
        "EvaluationPeriods": changing(INTEGER, required=True),
        "ExtendedStatistic": changing(STRING),
        "MetricName": changing(STRING),
        "Metrics": changing(QUERIES),
        "Namespace": changing(STRING),
        "Period": changing(INTEGER),
        "Statistic": changing(STRING),
        "Threshold": changing(DOUBLE),
        "TreatMissingData": changing(STRING),
        "Unit": changing(STRING),
    },
)
COMPOSITE_ALARM = _type(
    "AWS::CloudWatch::CompositeAlarm", "PutCompositeAlarm", {"AlarmRule": changing(STRING, required=True)}
)


NO_DASHBOARD = "ResourceNotFound"


def _create_dashboard(doing: Doing) -> str:
    name = str(doing.properties.get("DashboardName") or doing.name(255))
    tags = doing.tags("cloudwatch")
    more = {"Tags": tags} if tags else {}
    doing.ask("cloudwatch", "PutDashboard", DashboardName=name, **doing.given("DashboardBody"), **more)
    return name


def _dashboard(doing: Doing, name: str) -> Mapping[str, Any] | None:
    return found(lambda: doing.ask("cloudwatch", "GetDashboard", DashboardName=name), NO_DASHBOARD)


def _update_dashboard(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    doing.ask("cloudwatch", "PutDashboard", DashboardName=name, **doing.given("DashboardBody"))
    dashboard = _dashboard(doing, name)
    if dashboard is not None:
        _retag(doing, dashboard["DashboardArn"], before)


def _delete_dashboard(doing: Doing, name: str) -> None:
    unless_gone(lambda: doing.ask("cloudwatch", "DeleteDashboards", DashboardNames=[name]), NO_DASHBOARD)


DASHBOARD = ResourceType(
    name="AWS::CloudWatch::Dashboard",
    properties={
        "DashboardBody": changing(STRING, required=True),
        "DashboardName": fixed(STRING),
        "Tags": changing(TAGS),
    },
    create=_create_dashboard,
    read=lambda doing, name: Seen() if _dashboard(doing, name) is not None else None,
    update=_update_dashboard,
    delete=_delete_dashboard,
    tags="list",
)

TYPES = (ALARM, COMPOSITE_ALARM, DASHBOARD)
