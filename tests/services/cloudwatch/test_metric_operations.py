"""Metrics: what is taken, what is refused, and what is read back."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aftershock.aws.call import Principal
from aftershock.services import cloudwatch
from tests.services.account import ROOT
from tests.services.modelled import Modelled

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def put(account: Modelled, *data: dict[str, Any], namespace: str = "App") -> None:
    account.call("PutMetricData", Namespace=namespace, MetricData=[{"MetricName": "m", **one} for one in data])


def statistics(account: Modelled, *names: str, **params: Any) -> list[dict[str, Any]]:
    asked = {
        "Namespace": "App",
        "MetricName": "m",
        "StartTime": NOW - timedelta(hours=1),
        "EndTime": NOW + timedelta(hours=1),
        "Period": 60,
        **params,
    }
    if names:
        asked["Statistics"] = list(names)
    return list(account.call("GetMetricStatistics", **asked)["Datapoints"])


def query(query_id: str = "m", **params: Any) -> dict[str, Any]:
    of = {"Namespace": "App", "MetricName": "m", **params.pop("metric", {})}
    return {"Id": query_id, "MetricStat": {"Metric": of, "Period": 60, "Stat": "Sum", **params}}


def metric_data(account: Modelled, *queries: dict[str, Any], **params: Any) -> dict[str, Any]:
    asked = {"StartTime": NOW - timedelta(hours=1), "EndTime": NOW + timedelta(hours=1), **params}
    return account.call("GetMetricData", MetricDataQueries=list(queries), **asked)


# --- PutMetricData ----------------------------------------------------------------------------------------------------

VALUE = "MetricData.member.1"
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"Value": math.nan}, "InvalidParameterValue", f"The value NaN for parameter {VALUE}.Value is invalid."),
    ({"Value": math.inf}, "InvalidParameterValue", f"The value Infinity for parameter {VALUE}.Value is invalid."),
    ({"Value": 2.0**361}, "InvalidParameterValue", f"The value {2.0**361!r} for parameter {VALUE}.Value is invalid."),
    (
        {},
        "InvalidParameterCombination",
        f"At least one of the parameters {VALUE}.Value and {VALUE}.StatisticValues must be specified.",
    ),
    (
        {"Value": 1.0, "Values": [1.0]},
        "InvalidParameterCombination",
        f"The parameters {VALUE}.Value and {VALUE}.Values are mutually exclusive and you have specified both.",
    ),
    (
        {"Values": [1.0, 2.0], "Counts": [1.0]},
        "InvalidParameterValue",
        f"The parameters {VALUE}.Values and {VALUE}.Counts must be of the same size.",
    ),
    (
        {"Values": [float(one) for one in range(151)]},
        "InvalidParameterValue",
        f"The collection {VALUE}.Values must not have a size greater than 150.",
    ),
    (
        {"Value": 1.0, "Timestamp": NOW - timedelta(days=14, minutes=1)},
        "InvalidParameterValue",
        f"The parameter {VALUE}.Timestamp must specify a time within the past two weeks.",
    ),
    (
        {"Value": 1.0, "Timestamp": NOW + timedelta(hours=2, minutes=1)},
        "InvalidParameterValue",
        f"The parameter {VALUE}.Timestamp must specify a time no more than two hours in the future.",
    ),
    (
        {"Value": 1.0, "StorageResolution": 30},
        "InvalidParameterValue",
        f"The value 30 for parameter {VALUE}.StorageResolution is invalid.",
    ),
    (
        {"StatisticValues": {"SampleCount": 0.0, "Sum": 0.0, "Minimum": 0.0, "Maximum": 0.0}},
        "InvalidParameterValue",
        f"The value 0.0 for parameter {VALUE}.StatisticValues.SampleCount is invalid.",
    ),
    (
        {"StatisticValues": {"SampleCount": 1.0, "Sum": 0.0, "Minimum": 2.0, "Maximum": 1.0}},
        "InvalidParameterValue",
        f"The parameter {VALUE}.StatisticValues.Maximum must be greater than {VALUE}.StatisticValues.Minimum.",
    ),
    (
        {"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]},
        "InvalidParameterValue",
        f"The parameter {VALUE}.Dimensions must not contain a dimension name more than once.",
    ),
    (
        {"Value": 1.0, "Dimensions": [{"Name": ":a", "Value": "1"}]},
        "InvalidParameterValue",
        f"The value :a for parameter {VALUE}.Dimensions.member.1.Name is invalid.",
    ),
]


@pytest.mark.parametrize(("datum", "code", "message"), REFUSED)
def test_what_is_no_datum_is_refused_in_awss_words(
    account: Modelled, datum: dict[str, Any], code: str, message: str
) -> None:
    assert account.refusal("PutMetricData", Namespace="App", MetricData=[{"MetricName": "m", **datum}]) == (
        code,
        message,
    )
    assert account.call("ListMetrics") == {"Metrics": []}


def test_awss_own_namespaces_are_for_its_services(account: Modelled) -> None:
    told = {"Namespace": "AWS/EC2", "MetricData": [{"MetricName": "m", "Value": 1.0}]}
    assert account.refusal("PutMetricData", **told) == (
        "InvalidParameterValue",
        "The value AWS/EC2 for parameter Namespace is invalid.",
    )
    account.principal = Principal(ROOT.account, ROOT.arn, ROOT.user_id, "", service="autoscaling.amazonaws.com")
    account.call("PutMetricData", **told)


def test_a_thousand_data_are_taken_and_one_more_is_not(account: Modelled) -> None:
    put(account, *[{"Value": 1.0}] * 1000)
    many = [{"MetricName": "m", "Value": 1.0}] * 1001
    assert account.refusal("PutMetricData", Namespace="App", MetricData=many) == (
        "InvalidParameterValue",
        "The collection MetricData must not have a size greater than 1000.",
    )
    assert statistics(account, "SampleCount")[0]["SampleCount"] == 1000


# --- ListMetrics ------------------------------------------------------------------------------------------------------


def test_a_metric_is_its_name_and_all_of_its_dimensions(account: Modelled) -> None:
    one, other = {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}
    put(
        account,
        {"Value": 1.0},
        {"Value": 1.0, "Dimensions": [one]},
        {"Value": 1.0, "Dimensions": [one, other]},
        {"Value": 1.0, "Dimensions": [other, one]},
    )
    assert [metric["Dimensions"] for metric in account.call("ListMetrics")["Metrics"]] == [[], [one], [one, other]]
    by_name = account.call("ListMetrics", Dimensions=[{"Name": "b"}])["Metrics"]
    assert [metric["Dimensions"] for metric in by_name] == [[one, other]]
    assert account.call("ListMetrics", Dimensions=[{"Name": "a", "Value": "9"}])["Metrics"] == []
    assert account.call("ListMetrics", Namespace="Other")["Metrics"] == []
    assert len(account.call("ListMetrics", MetricName="m")["Metrics"]) == 3


def test_metrics_come_in_pages(account: Modelled) -> None:
    names = [f"m{number:04d}" for number in range(1001)]
    for first in range(0, len(names), 1000):
        data = [{"MetricName": name, "Value": 1.0} for name in names[first : first + 1000]]
        account.call("PutMetricData", Namespace="App", MetricData=data)
    found, token = [], {}
    while True:
        page = account.call("ListMetrics", **token)
        found += [metric["MetricName"] for metric in page["Metrics"]]
        if "NextToken" not in page:
            break
        assert len(page["Metrics"]) == 500
        token = {"NextToken": page["NextToken"]}
    assert found == names
    assert account.refusal("ListMetrics", NextToken="x")[0] == "InvalidParameterValue"


def test_a_metric_without_data_for_two_weeks_is_not_listed_and_for_three_hours_not_active(account: Modelled) -> None:
    put(account, {"Value": 1.0, "Timestamp": NOW})
    assert len(account.call("ListMetrics", RecentlyActive="PT3H")["Metrics"]) == 1
    account.now += timedelta(hours=4)
    assert account.call("ListMetrics", RecentlyActive="PT3H")["Metrics"] == []
    assert len(account.call("ListMetrics")["Metrics"]) == 1
    account.now += timedelta(days=14)
    assert account.call("ListMetrics")["Metrics"] == []


# --- GetMetricStatistics ----------------------------------------------------------------------------------------------


def test_values_with_counts_are_as_many_samples(account: Modelled) -> None:
    put(account, {"Values": [1.0, 10.0], "Counts": [2.0, 4.0], "Unit": "Count", "Timestamp": NOW})
    (point,) = statistics(account, "SampleCount", "Sum", "Maximum", "Average")
    assert point == {
        "Timestamp": NOW,
        "SampleCount": 6.0,
        "Sum": 42.0,
        "Maximum": 10.0,
        "Average": 7.0,
        "Unit": "Count",
    }


def test_data_of_one_minute_are_one_datapoint_and_of_different_units_are_several(account: Modelled) -> None:
    put(account, {"Value": 1.0, "Timestamp": NOW}, {"Value": 3.0, "Timestamp": NOW + timedelta(seconds=59)})
    put(account, {"Value": 5.0, "Timestamp": NOW + MINUTE}, {"Value": 7.0, "Unit": "Bytes", "Timestamp": NOW})
    found = {(one["Timestamp"], one["Unit"]): one["Sum"] for one in statistics(account, "Sum")}
    assert found == {(NOW, "None"): 4.0, (NOW, "Bytes"): 7.0, (NOW + MINUTE, "None"): 5.0}
    assert [one["Sum"] for one in statistics(account, "Sum", Unit="Bytes")] == [7.0]


def test_a_longer_period_is_counted_from_the_start_that_was_asked_for(account: Modelled) -> None:
    put(account, *[{"Value": 1.0, "Timestamp": NOW + number * MINUTE} for number in range(10)])
    found = statistics(account, "Sum", StartTime=NOW + 2 * MINUTE + timedelta(seconds=30), Period=300)
    assert [(one["Timestamp"], one["Sum"]) for one in found] == [(NOW + 2 * MINUTE, 5.0), (NOW + 7 * MINUTE, 3.0)]


def test_high_resolution_is_kept_by_the_second(account: Modelled) -> None:
    put(
        account,
        *[{"Value": 1.0, "StorageResolution": 1, "Timestamp": NOW + timedelta(seconds=n)} for n in range(10)],
    )
    put(account, {"Value": 1.0, "Timestamp": NOW, "MetricName": "slow"})
    span = {"StartTime": NOW, "EndTime": NOW + MINUTE}
    assert len(statistics(account, "Sum", Period=1, **span)) == 10
    assert [one["Sum"] for one in statistics(account, "Sum", Period=5, **span)] == [5.0, 5.0]
    assert [one["Sum"] for one in statistics(account, "Sum", Period=60, **span)] == [10.0]
    assert statistics(account, "Sum", Period=1, MetricName="slow", **span) == []


def test_extended_statistics_need_samples(account: Modelled) -> None:
    values = [float(one) for one in range(1, 101)]
    put(account, {"Values": values, "Timestamp": NOW})
    put(
        account,
        {
            "StatisticValues": {"SampleCount": 9.0, "Sum": 9.0, "Minimum": 0.0, "Maximum": 2.0},
            "Timestamp": NOW + MINUTE,
        },
    )
    names = ["p0", "p50", "p99.5", "p100", "tm90", "TM(10%:90%)", "TC(2:5)", "TS(:3)", "wm98", "PR(10:20)", "IQM"]
    (point,) = [
        one
        for first in range(0, len(names), 10)
        for one in [statistics(account, ExtendedStatistics=names[first : first + 10])[0]]
        if first == 0
    ]
    assert point["ExtendedStatistics"] == pytest.approx(
        {
            "p0": 1.0,
            "p50": 50.0,
            "p99.5": 100.0,
            "p100": 100.0,
            "tm90": 45.5,
            "TM(10%:90%)": 50.5,
            "TC(2:5)": 4.0,
            "TS(:3)": 6.0,
            "wm98": (sum(range(1, 99)) + 2 * 98) / 100,
            "PR(10:20)": 11.0,
        }
    )
    assert statistics(account, ExtendedStatistics=["IQM"])[0]["ExtendedStatistics"] == {"IQM": 50.5}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics"),
    (
        {"Statistics": ["Sum"], "Period": 1, "EndTime": NOW},
        "InvalidParameterCombination",
        "You have requested up to 3600 datapoints, which exceeds the limit of 1440. You may reduce the datapoints "
        "requested by increasing Period, or decreasing the time range.",
    ),
    (
        {"Statistics": ["Sum"], "Period": 45},
        "InvalidParameterValue",
        "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.",
    ),
    (
        {"Statistics": ["Sum"], "EndTime": NOW - timedelta(hours=1)},
        "InvalidParameterValue",
        "The parameter StartTime must be less than the parameter EndTime.",
    ),
    (
        {"ExtendedStatistics": ["p101"]},
        "InvalidParameterValue",
        "The value p101 for parameter ExtendedStatistics.member.1 is invalid.",
    ),
]


@pytest.mark.parametrize(("params", "code", "message"), WRONG)
def test_statistics_that_cannot_be_are_refused(
    account: Modelled, params: dict[str, Any], code: str, message: str
) -> None:
    asked = {
        "Namespace": "App",
        "MetricName": "m",
        "StartTime": NOW - timedelta(hours=1),
        "EndTime": NOW,
        "Period": 60,
        **params,
    }
    assert account.refusal("GetMetricStatistics", **asked) == (code, message)


# --- GetMetricData ----------------------------------------------------------------------------------------------------


def test_metrics_and_expressions_over_them_are_read_together(account: Modelled) -> None:
    put(account, *[{"Value": float(number), "Timestamp": NOW + number * MINUTE} for number in range(3)])
    hidden = {**query("a"), "ReturnData": False}
    double = {"Id": "e", "Expression": "a * 2 + b", "Label": "twice ${MAX}"}
    answer = metric_data(account, hidden, query("b", Stat="Average"), double, ScanBy="TimestampAscending")
    times = [NOW, NOW + MINUTE, NOW + 2 * MINUTE]
    assert answer["MetricDataResults"] == [
        {"Id": "b", "Label": "m", "Timestamps": times, "Values": [0.0, 1.0, 2.0], "StatusCode": "Complete"},
        {"Id": "e", "Label": "twice 6", "Timestamps": times, "Values": [0.0, 3.0, 6.0], "StatusCode": "Complete"},
    ]
    newest_first = metric_data(account, query("b"))["MetricDataResults"][0]
    assert newest_first["Timestamps"] == times[::-1]


def test_an_array_is_a_result_for_each_of_its_series(account: Modelled) -> None:
    put(account, {"Value": 4.0, "Timestamp": NOW})
    answer = metric_data(account, query("a"), {"Id": "half", "Expression": "METRICS() / 2", "Label": "Half"})
    assert [(one["Id"], one["Label"], one["Values"]) for one in answer["MetricDataResults"]] == [
        ("a", "m", [4.0]),
        ("half", "Half m", [2.0]),
    ]


@pytest.mark.parametrize("scan", ["TimestampAscending", "TimestampDescending"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
def test_pages_hold_all_data_once_and_say_what_is_partial(account: Modelled, scan: str, size: int) -> None:
    put(account, *[{"Value": float(number), "Timestamp": NOW + number * MINUTE} for number in range(4)])
    queries = [query("a"), query("none", metric={"MetricName": "absent"}), query("b")]
    whole = metric_data(account, *queries, ScanBy=scan)["MetricDataResults"]
    found: dict[str, list[float]] = {}
    status: dict[str, str] = {}
    token: dict[str, Any] = {}
    while True:
        page = metric_data(account, *queries, ScanBy=scan, MaxDatapoints=size, **token)
        for one in page["MetricDataResults"]:
            found.setdefault(one["Id"], []).extend(one["Values"])
            status[one["Id"]] = one["StatusCode"]
            assert (one["StatusCode"] == "PartialData") == (len(found[one["Id"]]) < (0 if one["Id"] == "none" else 4))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == {one["Id"]: one["Values"] for one in whole}
    assert set(status.values()) == {"Complete"}


BAD_QUERIES: list[tuple[list[dict[str, Any]], str]] = [
    ([{"Id": "a", "Expression": "b"}], "Error in expression 'a': Unknown identifier 'b'"),
    ([{"Id": "a", "Expression": "a + 1"}], "Error in expression 'a': The expression depends on itself"),
    ([query("m"), {"Id": "a", "Expression": "m +"}], "Error in expression 'a': Unexpected end of expression"),
    ([query("m"), {"Id": "a", "Expression": "m # 1"}], "Error in expression 'a': Invalid syntax at position 2"),
    (
        [query("m"), {"Id": "a", "Expression": "SUM(m)"}],
        "Error in expression 'a': The result must be a time series or an array of them",
    ),
    (
        [{"Id": "a", "Expression": "SEARCH('x', 'Sum', 60)"}],
        "Error in expression 'a': The function SEARCH is not supported in this region",
    ),
    ([query("m"), query("m")], "The values for parameter id in MetricDataQueries are not unique."),
    (
        [query("m", Stat="Middle")],
        "The value Middle for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported.",
    ),
    (
        [{"Id": "A", "Expression": "1"}],
        "The value A for parameter MetricDataQueries.member.1.Id is not matching the expected pattern "
        "^[a-z][a-zA-Z0-9_]*$.",
    ),
]


@pytest.mark.parametrize(("queries", "message"), BAD_QUERIES)
def test_queries_that_mean_nothing_are_refused(account: Modelled, queries: list[dict[str, Any]], message: str) -> None:
    asked = {"StartTime": NOW, "EndTime": NOW + MINUTE, "MetricDataQueries": queries}
    assert account.refusal("GetMetricData", **asked) == ("ValidationError", message)


@pytest.mark.parametrize("pace", [1.0, 77.7])
def test_the_ends_of_time_are_no_trouble(tmp_path: Path, pace: float) -> None:
    far = Modelled(tmp_path / "far.db", "cloudwatch", cloudwatch.operations(pace=pace), list(cloudwatch.TABLES))
    put(far, {"Value": 1.0, "Timestamp": NOW})
    ever = {"StartTime": datetime.min.replace(tzinfo=UTC), "EndTime": datetime.max.replace(tzinfo=UTC)}
    longest = 2**31 - 1 - (2**31 - 1) % 60
    if pace == 1.0:
        assert sum(one["Sum"] for one in statistics(far, "Sum", Period=longest, **ever)) == 1.0
    else:
        refused = {"Namespace": "App", "MetricName": "m", "Statistics": ["Sum"], "Period": longest, **ever}
        assert far.refusal("GetMetricStatistics", **refused)[0] == "InvalidParameterCombination"
    filled = {"Id": "f", "Expression": "FILL(m, LINEAR) + TIME_SERIES(0)"}
    for result in metric_data(far, query(Period=longest), filled, **ever)["MetricDataResults"]:
        assert sum(result["Values"]) == 1.0
    far.store.close()


# --- pace -------------------------------------------------------------------------------------------------------------


def test_a_period_lasts_as_much_shorter_as_the_region_is_faster(tmp_path: Path) -> None:
    fast = Modelled(tmp_path / "fast.db", "cloudwatch", cloudwatch.operations(pace=60), list(cloudwatch.TABLES))
    put(fast, *[{"Value": 1.0, "Timestamp": NOW + timedelta(milliseconds=250 * n)} for n in range(8)])
    span = {"StartTime": NOW, "EndTime": NOW + timedelta(seconds=10)}
    found = statistics(fast, "Sum", Period=60, **span)
    assert [(one["Timestamp"], one["Sum"]) for one in found] == [(NOW, 4.0), (NOW + timedelta(seconds=1), 4.0)]
    (rate,) = metric_data(
        fast, {**query("m"), "ReturnData": False}, {"Id": "r", "Expression": "m / PERIOD(m)"}, **span
    )["MetricDataResults"]
    assert rate["Values"] == pytest.approx([4 / 60, 4 / 60])
    fast.store.close()
