"""Alarms: what may be asked of them, and what is shown."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.cloudwatch.records.alarm import PENDING_ACTIONS
from tests.services.modelled import Modelled

SNS = "arn:aws:sns:us-east-1:123456789012:topic"
STOP = "arn:aws:automate:us-east-1:ec2:stop"
POLICY = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:autoScalingGroupName/web:policyName/out"
PLAIN: dict[str, Any] = {
    "AlarmName": "hot",
    "Namespace": "AWS/EC2",
    "MetricName": "CPUUtilization",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 2,
    "Threshold": 50.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
OF_INSTANCE = {"Dimensions": [{"Name": "InstanceId", "Value": "i-1"}]}


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {**{name: value for name, value in PLAIN.items() if name not in names}, **more}


def math(**more: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "m", "MetricStat": stat, "ReturnData": False},
        {"Id": "e", "Expression": "m * 2", "Label": "twice", "ReturnData": True},
    ]
    dropped = ("Namespace", "MetricName", "Statistic", "Period")
    return without(*dropped, Metrics=queries, **more)


def described(account: Modelled, name: str) -> dict[str, Any]:
    found = account.call("DescribeAlarms", AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    (alarm,) = [*found["MetricAlarms"], *found["CompositeAlarms"]]
    return dict(alarm)


def history(account: Modelled, **params: Any) -> list[tuple[str, str, str]]:
    items = account.call("DescribeAlarmHistory", AlarmTypes=["MetricAlarm", "CompositeAlarm"], **params)
    return [(one["AlarmName"], one["HistoryItemType"], one["HistorySummary"]) for one in items["AlarmHistoryItems"]]


def pending(account: Modelled) -> list[tuple[str, str]]:
    with account.store.snapshot() as tx:
        return [(one.action, one.state) for one in PENDING_ACTIONS.every(tx)]


def test_a_new_alarm_is_shown_as_aws_shows_it(account: Modelled) -> None:
    account.call(
        "PutMetricAlarm", **PLAIN, **OF_INSTANCE, Unit="Percent", TreatMissingData="ignore", AlarmActions=[SNS]
    )
    shown = described(account, "hot")
    times = {name: shown.pop(name) for name in list(shown) if name.endswith("Timestamp")}
    assert len(set(times.values())) == 1
    assert set(times) == {
        "AlarmConfigurationUpdatedTimestamp",
        "StateTransitionedTimestamp",
        "StateUpdatedTimestamp",
    }
    assert shown == {
        "ActionsEnabled": True,
        "AlarmActions": [SNS],
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:hot",
        "AlarmName": "hot",
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}],
        "EvaluationPeriods": 2,
        "InsufficientDataActions": [],
        "MetricName": "CPUUtilization",
        "Namespace": "AWS/EC2",
        "OKActions": [],
        "Period": 60,
        "StateReason": "Unchecked: Initial alarm creation",
        "StateValue": "INSUFFICIENT_DATA",
        "Statistic": "Average",
        "Threshold": 50.0,
        "TreatMissingData": "ignore",
        "Unit": "Percent",
    }


def test_an_alarm_on_an_expression_is_shown_with_its_metrics(account: Modelled) -> None:
    account.call("PutMetricAlarm", **math())
    shown = described(account, "hot")
    assert [one["Id"] for one in shown["Metrics"]] == ["m", "e"]
    assert "MetricName" not in shown


def test_an_update_replaces_all_settings_and_keeps_state_and_tags(account: Modelled) -> None:
    tags = [{"Key": "team", "Value": "web"}]
    account.call("PutMetricAlarm", **PLAIN, AlarmDescription="first", Tags=tags)
    account.call("SetAlarmState", AlarmName="hot", StateValue="ALARM", StateReason="because")
    account.call("PutMetricAlarm", **without("Threshold", Threshold=70.0), Tags=[{"Key": "other", "Value": "x"}])
    shown = described(account, "hot")
    assert (shown["Threshold"], shown["StateValue"], shown["StateReason"]) == (70.0, "ALARM", "because")
    assert "AlarmDescription" not in shown
    assert account.call("ListTagsForResource", ResourceARN=shown["AlarmArn"])["Tags"] == tags


REFUSED: list[tuple[dict[str, Any], str]] = [
    (without("ComparisonOperator"), "ComparisonOperator must not be null"),
    (without("MetricName"), "MetricName must not be null"),
    (without("Threshold"), "Threshold must not be null"),
    (
        {**PLAIN, "DatapointsToAlarm": 3},
        "DatapointsToAlarm must be less than or equal to EvaluationPeriods",
    ),
    ({**PLAIN, "Period": 45}, "Period must be 10, 20, 30 or a multiple of 60"),
    (
        {**PLAIN, "EvaluationPeriods": 1441},
        "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
    ),
    (
        {**PLAIN, "Period": 86400, "EvaluationPeriods": 8},
        "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= 604800).",
    ),
    (
        {**PLAIN, "TreatMissingData": "never"},
        "Option never is not supported. Supported options for parameter TreatMissingData are breaching, notBreaching, "
        "ignore and missing.",
    ),
    (
        {**PLAIN, "ExtendedStatistic": "p99"},
        "Exactly one of the parameters Statistic and ExtendedStatistic must be specified.",
    ),
    (
        without("Statistic", ExtendedStatistic="p101"),
        "The value p101 for parameter ExtendedStatistic is not supported.",
    ),
    (
        {**math(), "MetricName": "m"},
        "The parameters Metrics and MetricName are mutually exclusive and you have specified both.",
    ),
    ({**PLAIN, "AlarmActions": ["nonsense"]}, "Invalid arn syntax: nonsense"),
    ({**PLAIN, "AlarmActions": ["arn:aws:s3:::bucket"]}, "Invalid action arn: arn:aws:s3:::bucket"),
    (
        {**PLAIN, **OF_INSTANCE, "AlarmActions": ["arn:aws:automate:us-east-1:ec2:recover"]},
        "The action arn:aws:automate:us-east-1:ec2:recover is not supported in this region.",
    ),
    (
        {**PLAIN, "AlarmActions": [STOP]},
        f"The action {STOP} needs a metric with the dimension InstanceId and no other.",
    ),
    (
        {**math(), "AlarmActions": [STOP]},
        f"The action {STOP} needs a metric with the dimension InstanceId and no other.",
    ),
    (
        {**PLAIN, "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5}},
        "The parameter WarmUpConfiguration is not supported in this region.",
    ),
    (
        {**PLAIN, "EvaluationWindow": {"WallClockWindow": {}}},
        "The parameter EvaluationWindow.WallClockWindow is not supported in this region.",
    ),
]


@pytest.mark.parametrize(("params", "message"), REFUSED)
def test_settings_that_cannot_be_are_refused(account: Modelled, params: dict[str, Any], message: str) -> None:
    assert account.refusal("PutMetricAlarm", **params) == ("ValidationError", message)
    assert account.call("DescribeAlarms")["MetricAlarms"] == []
    assert history(account) == []


@pytest.mark.parametrize("expression", ["METRICS()", "SUM(m)", "m +", "SEARCH('x')", "other"])
def test_an_alarm_watches_one_series(account: Modelled, expression: str) -> None:
    params = math()
    params["Metrics"][1]["Expression"] = expression
    assert account.refusal("PutMetricAlarm", **params)[0] == "ValidationError"


@pytest.mark.parametrize(
    "action", [SNS, STOP, POLICY, STOP.replace("stop", "terminate"), STOP.replace("stop", "reboot")]
)
def test_actions_that_aws_knows_are_taken(account: Modelled, action: str) -> None:
    account.call("PutMetricAlarm", **PLAIN, **OF_INSTANCE, AlarmActions=[action])
    assert described(account, "hot")["AlarmActions"] == [action]


# --- composite alarms -------------------------------------------------------------------------------------------------


def test_a_composite_alarm_needs_its_children(account: Modelled) -> None:
    assert account.refusal("PutCompositeAlarm", AlarmName="both", AlarmRule="ALARM(hot) OR ALARM(cold)") == (
        "ValidationError",
        "Could not save the composite alarm as alarms [hot, cold] in the alarm rule do not exist",
    )
    account.call("PutMetricAlarm", **PLAIN)
    account.call("PutCompositeAlarm", AlarmName="both", AlarmRule="ALARM(hot)")
    assert described(account, "both")["AlarmRule"] == "ALARM(hot)"
    assert account.refusal("DeleteAlarms", AlarmNames=["hot"]) == (
        "ValidationError",
        "Cannot delete hot as there are composite alarm(s) depending on it.",
    )
    family = account.call("DescribeAlarms", ChildrenOfAlarmName="both")["MetricAlarms"]
    assert [(one["AlarmName"], one["StateValue"]) for one in family] == [("hot", "INSUFFICIENT_DATA")]
    (parent,) = account.call("DescribeAlarms", ParentsOfAlarmName="hot")["CompositeAlarms"]
    assert set(parent) == {"AlarmName", "AlarmArn"}
    account.call("DeleteAlarms", AlarmNames=["hot", "both"])
    assert account.call("DescribeAlarms", AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []


def test_alarms_do_not_look_at_themselves(account: Modelled) -> None:
    for name in ("a", "b", "c"):
        account.call("PutCompositeAlarm", AlarmName=name, AlarmRule="TRUE")
    account.call("PutCompositeAlarm", AlarmName="b", AlarmRule="ALARM(a)")
    account.call("PutCompositeAlarm", AlarmName="c", AlarmRule="ALARM(b)")
    for name, rule in (("a", "NOT ALARM(c)"), ("a", "ALARM(a)"), ("new", "ALARM(new)")):
        refused = account.refusal("PutCompositeAlarm", AlarmName=name, AlarmRule=rule)
        assert refused == ("ValidationError", f"The alarm rule of {name} must not depend on the alarm itself.")


def test_composite_alarms_do_not_scale_nor_stop(account: Modelled) -> None:
    for action in (POLICY, STOP):
        refused = account.refusal("PutCompositeAlarm", AlarmName="c", AlarmRule="TRUE", AlarmActions=[action])
        assert refused == ("ValidationError", f"Composite alarms do not support the action {action}.")
    refused = account.refusal("PutCompositeAlarm", AlarmName="c", AlarmRule="TRUE", ActionsSuppressor="x")
    assert refused == ("ValidationError", "The parameter ActionsSuppressor is not supported in this region.")


def test_a_name_is_of_one_kind_of_alarm(account: Modelled) -> None:
    account.call("PutMetricAlarm", **PLAIN)
    assert account.refusal("PutCompositeAlarm", AlarmName="hot", AlarmRule="TRUE")[0] == "ValidationError"


# --- states, actions, history -----------------------------------------------------------------------------------------


def test_a_state_that_is_set_calls_for_its_actions_once(account: Modelled) -> None:
    account.call("PutMetricAlarm", **PLAIN, AlarmActions=[SNS, POLICY], OKActions=[SNS])
    for _ in range(2):
        account.call("SetAlarmState", AlarmName="hot", StateValue="ALARM", StateReason="test")
    assert sorted(pending(account)) == [(POLICY, "ALARM"), (SNS, "ALARM")]
    account.call("DisableAlarmActions", AlarmNames=["hot", "nobody"])
    account.call("SetAlarmState", AlarmName="hot", StateValue="OK", StateReason="test")
    assert len(pending(account)) == 2
    account.call("EnableAlarmActions", AlarmNames=["hot"])
    account.call("SetAlarmState", AlarmName="hot", StateValue="INSUFFICIENT_DATA", StateReason="test")
    account.call("SetAlarmState", AlarmName="hot", StateValue="OK", StateReason="test")
    assert (SNS, "OK") in pending(account)
    assert history(account, AlarmName="hot", HistoryItemType="StateUpdate", ScanBy="TimestampAscending") == [
        ("hot", "StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("hot", "StateUpdate", "Alarm updated from ALARM to OK"),
        ("hot", "StateUpdate", "Alarm updated from OK to INSUFFICIENT_DATA"),
        ("hot", "StateUpdate", "Alarm updated from INSUFFICIENT_DATA to OK"),
    ]


def test_setting_the_state_of_nobody_or_to_data_that_are_none_is_refused(account: Modelled) -> None:
    told = {"AlarmName": "hot", "StateValue": "OK", "StateReason": "test"}
    assert account.refusal("SetAlarmState", **told) == ("ResourceNotFound", "Alarm hot does not exist")
    account.call("PutMetricAlarm", **PLAIN)
    assert account.refusal("SetAlarmState", **told, StateReasonData="{")[0] == "InvalidFormat"
    account.call("SetAlarmState", **told, StateReasonData='{"a": 1}')
    items = account.call("DescribeAlarmHistory", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert json.loads(items[0]["HistoryData"])["newState"]["stateReasonData"] == {"a": 1}


def test_history_outlives_its_alarm_and_comes_in_pages(account: Modelled) -> None:
    account.call("PutMetricAlarm", **PLAIN)
    account.call("PutMetricAlarm", **PLAIN)
    account.call("DeleteAlarms", AlarmNames=["hot"])
    assert account.call("DescribeAlarms")["MetricAlarms"] == []
    found, token = [], {}
    while True:
        page = account.call("DescribeAlarmHistory", AlarmName="hot", MaxRecords=1, **token)
        found += [one["HistorySummary"] for one in page["AlarmHistoryItems"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == ['Alarm "hot" deleted', 'Alarm "hot" updated', 'Alarm "hot" created']
    assert history(account, StartDate=account.now + timedelta(seconds=1)) == []
    assert account.refusal("DescribeAlarmHistory", NextToken="x")[0] == "InvalidNextToken"


def test_deleting_forgets_what_is_there_and_nothing_else(account: Modelled) -> None:
    assert account.refusal("DeleteAlarms", AlarmNames=["nobody"]) == ("ResourceNotFound", "Alarm nobody does not exist")
    account.call("PutMetricAlarm", **PLAIN)
    account.call("DeleteAlarms", AlarmNames=["nobody", "hot"])
    for name in ("a", "b"):
        account.call("PutCompositeAlarm", AlarmName=name, AlarmRule="TRUE")
    assert account.refusal("DeleteAlarms", AlarmNames=["a", "b"])[0] == "ValidationError"


def test_alarms_are_found_by_prefix_state_action_and_type(account: Modelled) -> None:
    for number in range(3):
        account.call("PutMetricAlarm", **without("AlarmName", AlarmName=f"web-{number}"), AlarmActions=[SNS])
    account.call("PutMetricAlarm", **PLAIN)
    account.call("PutCompositeAlarm", AlarmName="web-c", AlarmRule="TRUE")
    account.call("SetAlarmState", AlarmName="web-1", StateValue="OK", StateReason="test")

    def names(**params: Any) -> list[str]:
        found = account.call("DescribeAlarms", **params)
        return [one["AlarmName"] for one in (*found["MetricAlarms"], *found["CompositeAlarms"])]

    assert names() == ["hot", "web-0", "web-1", "web-2"]
    assert names(AlarmNamePrefix="web") == ["web-0", "web-1", "web-2"]
    assert names(AlarmTypes=["CompositeAlarm"]) == ["web-c"]
    assert names(StateValue="OK") == ["web-1"]
    assert names(ActionPrefix="arn:aws:sns") == ["web-0", "web-1", "web-2"]
    page = account.call("DescribeAlarms", MaxRecords=3)
    assert names(MaxRecords=3, NextToken=page["NextToken"]) == ["web-2"]
    assert account.refusal("DescribeAlarms", NextToken="x")[0] == "InvalidNextToken"
    assert account.refusal("DescribeAlarms", ChildrenOfAlarmName="c", StateValue="OK")[0] == "ValidationError"


def test_alarms_are_found_by_their_metric_exactly(account: Modelled) -> None:
    account.call("PutMetricAlarm", **PLAIN, **OF_INSTANCE)
    account.call("PutMetricAlarm", **math() | {"AlarmName": "math"})
    metric = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}
    assert account.call("DescribeAlarmsForMetric", **metric)["MetricAlarms"] == []
    (found,) = account.call("DescribeAlarmsForMetric", **metric, **OF_INSTANCE, Period=60)["MetricAlarms"]
    assert found["AlarmName"] == "hot"
    assert account.call("DescribeAlarmsForMetric", **metric, **OF_INSTANCE, Statistic="Sum")["MetricAlarms"] == []
    assert account.call("DescribeAlarmsForMetric", Namespace="App", MetricName="m")["MetricAlarms"] == []


# --- tags, dashboards -------------------------------------------------------------------------------------------------


def test_alarms_and_dashboards_are_tagged(account: Modelled) -> None:
    account.call("PutMetricAlarm", **PLAIN)
    account.call("PutDashboard", DashboardName="board", DashboardBody='{"widgets":[]}')
    for arn in (
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:hot",
        "arn:aws:cloudwatch::123456789012:dashboard/board",
    ):
        account.call("TagResource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        account.call("UntagResource", ResourceARN=arn, TagKeys=["a"])
        assert account.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
        reserved = [{"Key": "aws:x", "Value": "1"}]
        assert account.refusal("TagResource", ResourceARN=arn, Tags=reserved)[0] == "InvalidParameterValue"
        many = [{"Key": str(number), "Value": ""} for number in range(50)]
        assert account.refusal("TagResource", ResourceARN=arn, Tags=many)[0] == "InvalidParameterValue"
        assert account.refusal("ListTagsForResource", ResourceARN=f"{arn}x")[0] == "ResourceNotFoundException"


def test_dashboards_are_kept_as_they_were_given(account: Modelled) -> None:
    body = '{"widgets": [{"type": "metric"}]}'
    account.call("PutDashboard", DashboardName="board", DashboardBody=body)
    assert account.call("GetDashboard", DashboardName="board") == {
        "DashboardArn": "arn:aws:cloudwatch::123456789012:dashboard/board",
        "DashboardBody": body,
        "DashboardName": "board",
    }
    (entry,) = account.call("ListDashboards", DashboardNamePrefix="bo")["DashboardEntries"]
    assert entry["Size"] == len(body)
    assert account.refusal("PutDashboard", DashboardName="b", DashboardBody="[")[0] == "InvalidParameterInput"
    assert account.refusal("PutDashboard", DashboardName="b b", DashboardBody="{}")[0] == "InvalidParameterValue"
    assert account.refusal("DeleteDashboards", DashboardNames=["board", "x"])[0] == "ResourceNotFound"
    account.call("DeleteDashboards", DashboardNames=["board"])
    assert account.call("ListDashboards")["DashboardEntries"] == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    names=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True),
    states=st.lists(st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]), max_size=4),
)
def test_any_name_that_is_taken_is_described_and_deleted_again(
    account: Modelled, names: list[str], states: list[str]
) -> None:
    made = []
    for name in names:
        try:
            account.call("PutMetricAlarm", **without("AlarmName", AlarmName=name))
            made.append(name)
        except AwsError as error:
            assert error.code == "ValidationError"
    for name, value in zip(made, states, strict=False):
        account.call("SetAlarmState", AlarmName=name, StateValue=value, StateReason="")
        assert described(account, name)["StateValue"] == value
    assert {one["AlarmName"] for one in account.call("DescribeAlarms")["MetricAlarms"]} == set(made)
    if made:
        account.call("DeleteAlarms", AlarmNames=made)
