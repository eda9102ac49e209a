"""Measuring, judging, acting and forgetting, one step at a time and with somebody who dies in between."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aftershock.aws.errors import AwsError
from aftershock.aws.metrics import Datum, bucket, bucket_start, samples, value
from aftershock.clock import Clock
from aftershock.control import Done
from aftershock.services import cloudwatch
from aftershock.services.cloudwatch.controllers.actions import ActionController
from aftershock.services.cloudwatch.controllers.alarms import AlarmController
from aftershock.services.cloudwatch.controllers.pruning import PruningController
from aftershock.services.cloudwatch.controllers.sampling import KEY, SamplingController
from aftershock.services.cloudwatch.records.alarm import HISTORY, PENDING_ACTIONS
from aftershock.services.cloudwatch.records.metric import METRICS, point_count
from tests.services.cloudwatch.world import ACCOUNT, POLICY, REGION
from tests.services.modelled import Modelled

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class SetClock(Clock):
    """Stands until it is told to go on."""

    def __init__(self) -> None:
        object.__setattr__(self, "pace", 1.0)
        object.__setattr__(self, "at", NOON)

    def now(self) -> datetime:
        at: datetime = self.at  # type: ignore[attr-defined]
        return at

    def monotonic(self) -> float:
        return self.now().timestamp()

    def move(self, by: timedelta) -> None:
        object.__setattr__(self, "at", self.now() + by)


def nobody(kind: str, key: str) -> None:
    """No loop is to be woken: the test looks itself."""


class Dies(BaseException):
    """What `kill -9` looks like from inside."""


class Bench:
    def __init__(self, path: Path) -> None:
        tables = list(cloudwatch.TABLES)
        self.account = Modelled(path, "cloudwatch", cloudwatch.operations(pace=1.0), tables)
        self.store, self.clock = self.account.store, SetClock()
        self.fired: list[cloudwatch.Fired] = []
        self.asked: list[Any] = []
        self.after_acting: Callable[[], None] | None = None

    def scaling(self, fired: cloudwatch.Fired) -> str:
        self.fired.append(fired)
        if self.after_acting is not None:
            self.after_acting()
        return "the desired capacity stays 1"

    def ask(self, service: str, operation: str, params: Any, *, within: Any = None) -> dict[str, Any]:
        self.asked.append((service, operation, params))
        return {}

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        self.account.now = self.clock.now() - timedelta(seconds=1)
        return self.account.call(operation, **params)

    def look(self, controller: Any) -> None:
        """Let a controller look at all of its keys."""

        async def all_keys() -> None:
            for key in sorted(await controller.keys()):
                await controller.reconcile(key)

        asyncio.run(all_keys())

    def sample(self, *sources: Any) -> None:
        self.look(SamplingController(self.store, self.clock, ACCOUNT, sources, nobody))

    def judge(self) -> None:
        self.look(AlarmController(self.store, self.clock, REGION))

    def act(self) -> None:
        outside = cloudwatch.Outside(sources=(), ask=self.ask, scaling=self.scaling)
        self.look(ActionController(self.store, self.clock, REGION, outside))

    def prune(self, **params: Any) -> None:
        self.look(PruningController(self.store, self.clock, nobody, **params))

    def put(self, *values: float, at: datetime, **more: Any) -> None:
        data = [{"MetricName": "m", "Value": one, "Timestamp": at, **more} for one in values]
        self.call("PutMetricData", Namespace="App", MetricData=data)

    def read(self, period_s: int, back: timedelta, *names: str) -> list[dict[str, Any]]:
        """Up to now, in as many calls as it takes."""
        found, start = [], self.clock.now() - back
        while start < self.clock.now():
            end = min(start + timedelta(seconds=1440 * period_s), self.clock.now())
            asked = {"StartTime": start, "EndTime": end, "Period": period_s, "Statistics": list(names or ("Sum",))}
            found += self.call("GetMetricStatistics", Namespace="App", MetricName="m", **asked)["Datapoints"]
            start = end
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "region.db")
    yield bench
    bench.store.close()


def source(*values: float) -> Any:
    async def measure(at: datetime) -> Iterable[Datum]:
        return [value("AWS/EC2", "CPU", {"InstanceId": "i-1"}, one, unit="Percent", at=at) for one in values]

    return measure


async def failing(at: datetime) -> Iterable[Datum]:
    raise RuntimeError("the balancer does not answer")


ALARM: dict[str, Any] = {
    "AlarmName": "hot",
    "Namespace": "App",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 2,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def state(bench: Bench, name: str = "hot") -> str:
    return str(bench.call("DescribeAlarms", AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


# --- measuring --------------------------------------------------------------------------------------------------------


def test_a_minute_is_measured_once_whoever_dies_and_comes_again(bench: Bench) -> None:
    for _ in range(3):
        bench.sample(source(1.0, 2.0))
    bench.clock.move(MINUTE)
    bench.sample(source(4.0))
    bench.clock.move(MINUTE)
    asked = {"StartTime": NOON - MINUTE, "EndTime": NOON + MINUTE, "Period": 60, "Statistics": ["Sum", "SampleCount"]}
    of = {"Namespace": "AWS/EC2", "MetricName": "CPU", "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}]}
    points = bench.call("GetMetricStatistics", **of, **asked)["Datapoints"]
    assert [(one["Timestamp"], one["Sum"], one["SampleCount"]) for one in points] == [
        (NOON - MINUTE, 3.0, 2.0),
        (NOON, 4.0, 1.0),
    ]


def test_a_source_that_fails_takes_nobody_elses_minute(bench: Bench) -> None:
    bench.sample(failing, source(1.0))
    assert [one["MetricName"] for one in bench.call("ListMetrics")["Metrics"]] == ["CPU"]


def test_the_next_minute_wakes_who_measures(bench: Bench) -> None:
    bench.clock.move(timedelta(seconds=59.99))

    async def scenario() -> tuple[str, str]:
        woken: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        controller = SamplingController(
            bench.store, bench.clock, ACCOUNT, (), lambda kind, key: woken.put_nowait((kind, key))
        )
        for _ in range(2):
            outcome = await controller.reconcile(KEY)
            assert isinstance(outcome, Done), "nobody has to wait for it"
        found = await asyncio.wait_for(woken.get(), 20)
        assert woken.empty()
        return found

    assert asyncio.run(scenario()) == ("cloudwatch.sampling", KEY)


@pytest.mark.parametrize("pace", [1.0, 3.0, 7.7, 60.0, 100.0, 600.0])
def test_every_bucket_begins_in_itself(pace: float) -> None:
    now = bucket(NOON, 60, pace)
    starts = [bucket_start(number, 60, pace) for number in range(now, now + 500)]
    assert [bucket(at, 60, pace) for at in starts] == list(range(now, now + 500))


def test_samples_without_any_are_no_datum() -> None:
    assert samples("a", "b", {}, [], unit="Count", at=NOON) is None


# --- judging ----------------------------------------------------------------------------------------------------------


def test_only_minutes_that_are_over_are_judged(bench: Bench) -> None:
    bench.call("PutMetricAlarm", **ALARM)
    bench.clock.move(timedelta(seconds=30))
    for number in (2, 1):
        bench.put(9.0, at=NOON - number * MINUTE)
    bench.put(0.0, at=NOON)
    bench.judge()
    assert state(bench) == "ALARM"
    bench.clock.move(MINUTE)
    bench.judge()
    assert state(bench) == "OK"


def test_a_long_period_slides_with_every_minute(bench: Bench) -> None:
    bench.call("PutMetricAlarm", **ALARM | {"Period": 300, "EvaluationPeriods": 1})
    for number in range(5):
        bench.put(1.2, at=NOON + number * MINUTE)
        bench.clock.move(MINUTE)
        bench.judge()
    assert state(bench) == "ALARM", "6.0 within the five minutes that ended just now"


def test_an_alarm_on_an_expression_is_judged(bench: Bench) -> None:
    stat = {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "m", "MetricStat": stat, "ReturnData": False},
        {"Id": "e", "Expression": "FILL(m, 0) * 2 + TIME_SERIES(0)"},
    ]
    settings = {name: ALARM[name] for name in ("AlarmName", "Threshold", "ComparisonOperator", "EvaluationPeriods")}
    bench.call("PutMetricAlarm", **settings, Metrics=queries)
    for number in (2, 1):
        bench.put(3.0, at=NOON - number * MINUTE)
    bench.judge()
    assert state(bench) == "ALARM"
    bench.clock.move(MINUTE)
    bench.judge()
    assert state(bench) == "OK"


def test_a_percentile_with_too_few_samples_is_waited_for(bench: Bench) -> None:
    settings = {name: of for name, of in ALARM.items() if name != "Statistic"} | {"EvaluationPeriods": 1}
    waiting = {"ExtendedStatistic": "p50", "EvaluateLowSampleCountPercentile": "ignore"}
    bench.call("PutMetricAlarm", **settings, **waiting)
    bench.put(*[9.0] * 19, at=NOON - MINUTE)
    bench.judge()
    assert state(bench) == "INSUFFICIENT_DATA"
    bench.put(9.0, at=NOON - MINUTE)
    bench.judge()
    assert state(bench) == "ALARM"


def test_judging_again_changes_nothing(bench: Bench) -> None:
    bench.call("PutMetricAlarm", **ALARM, AlarmActions=[POLICY])
    for number in (2, 1):
        bench.put(9.0, at=NOON - number * MINUTE)
    for _ in range(3):
        bench.judge()
    with bench.store.snapshot() as tx:
        assert len(PENDING_ACTIONS.keys(tx)) == 1
    assert len(bench.call("DescribeAlarmHistory", HistoryItemType="StateUpdate")["AlarmHistoryItems"]) == 1


# --- acting -----------------------------------------------------------------------------------------------------------


def test_who_dies_before_it_is_written_down_acts_again_and_writes_once(bench: Bench) -> None:
    bench.call("PutMetricAlarm", **ALARM, AlarmActions=[POLICY])
    bench.call("SetAlarmState", AlarmName="hot", StateValue="ALARM", StateReason="a drill")

    def die() -> None:
        raise Dies

    bench.after_acting = die
    for _ in range(2):
        with pytest.raises(Dies):
            bench.act()
    bench.after_acting = None
    for _ in range(2):
        bench.act()
    assert len(bench.fired) == 3
    (item,) = bench.call("DescribeAlarmHistory", HistoryItemType="Action")["AlarmHistoryItems"]
    assert item["HistorySummary"] == f"Successfully executed action {POLICY}"
    assert "the desired capacity stays 1" in item["HistoryData"]


def test_a_policy_that_refuses_is_history_and_is_not_tried_again(bench: Bench) -> None:
    bench.call("PutMetricAlarm", **ALARM, AlarmActions=[POLICY])
    bench.call("SetAlarmState", AlarmName="hot", StateValue="ALARM", StateReason="a drill")

    def refuse() -> None:
        raise AwsError("ScalingActivityInProgress", "no such policy")

    bench.after_acting = refuse
    for _ in range(2):
        bench.act()
    (item,) = bench.call("DescribeAlarmHistory", HistoryItemType="Action")["AlarmHistoryItems"]
    assert item["HistorySummary"] == f'Failed to execute action {POLICY}. Received error: "no such policy"'
    assert len(bench.fired) == 1


def test_the_actions_of_a_deleted_alarm_are_forgotten(bench: Bench) -> None:
    bench.call("PutMetricAlarm", **ALARM, AlarmActions=[POLICY])
    bench.call("SetAlarmState", AlarmName="hot", StateValue="ALARM", StateReason="a drill")
    bench.call("DeleteAlarms", AlarmNames=["hot"])
    bench.act()
    assert bench.fired == []


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_data_grow_coarser_and_go_as_awss_do(bench: Bench) -> None:
    bench.put(*[float(number) for number in range(10)], at=NOON, StorageResolution=1)
    bench.put(1.0, at=NOON + timedelta(seconds=61), StorageResolution=1)
    bench.clock.move(timedelta(hours=1))
    bench.prune()
    assert len(bench.read(1, timedelta(hours=1))) == 2
    for later, finer_s, kept_s in (
        (timedelta(hours=3), 1, 60),
        (timedelta(days=15), 60, 300),
        (timedelta(days=63), 300, 3600),
    ):
        bench.clock.move(later)
        bench.prune()
        back = bench.clock.now() - NOON
        if back < timedelta(days=20):
            assert bench.read(finer_s, back) == []
        points = bench.read(kept_s, back + timedelta(hours=1), "Sum", "SampleCount", "Maximum")
        assert sum(one["Sum"] for one in points) == 46.0
        assert sum(one["SampleCount"] for one in points) == 11.0
        assert max(one["Maximum"] for one in points) == 9.0
    bench.clock.move(timedelta(days=455))
    bench.prune()
    with bench.store.snapshot() as tx:
        assert METRICS.keys(tx) == set()
        assert point_count(tx) == 0


def test_growing_coarser_twice_is_growing_coarser_once(bench: Bench) -> None:
    bench.put(1.0, 2.0, 3.0, at=NOON, StorageResolution=1)
    bench.clock.move(timedelta(hours=4))
    for _ in range(3):
        bench.prune()
    (point,) = bench.read(60, timedelta(hours=5), "Sum", "SampleCount")
    assert (point["Sum"], point["SampleCount"]) == (6.0, 3.0)


def test_percentiles_survive_growing_coarser(bench: Bench) -> None:
    bench.put(*[float(number) for number in range(1, 101)], at=NOON, StorageResolution=1)
    bench.clock.move(timedelta(hours=4))
    bench.prune()
    asked = {"StartTime": NOON, "EndTime": NOON + MINUTE, "Period": 60, "ExtendedStatistics": ["p90"]}
    (point,) = bench.call("GetMetricStatistics", Namespace="App", MetricName="m", **asked)["Datapoints"]
    assert point["ExtendedStatistics"]["p90"] == 90.0


def test_many_different_values_take_bounded_room_and_stay_near(bench: Bench) -> None:
    values = [1.0 + number / 7 for number in range(5000)]
    for first in range(0, len(values), 1000):
        bench.put(*values[first : first + 1000], at=NOON)
    asked = {"StartTime": NOON, "EndTime": NOON + MINUTE, "Period": 60}
    of = {"Namespace": "App", "MetricName": "m", **asked}
    (point,) = bench.call("GetMetricStatistics", **of, ExtendedStatistics=["p0", "p50", "p99", "p100"])["Datapoints"]
    found = point["ExtendedStatistics"]
    assert (found["p0"], found["p100"]) == (values[0], values[-1])
    assert found["p50"] == pytest.approx(values[2500], rel=0.02)
    assert found["p99"] == pytest.approx(values[4950], rel=0.02)
    with bench.store.snapshot() as tx:
        (size,) = tx.execute("SELECT length(samples) FROM cloudwatch_metric_point").fetchone()
    assert size < 20_000


def test_beyond_the_most_the_oldest_go_first(bench: Bench) -> None:
    for number in range(10):
        bench.put(float(number), at=NOON - number * MINUTE)
    bench.prune(max_points=4)
    assert sorted(one["Sum"] for one in bench.read(60, timedelta(hours=1))) == [1.0, 2.0, 3.0]
    with bench.store.snapshot() as tx:
        assert point_count(tx) == 4


def test_history_goes_after_thirty_days(bench: Bench) -> None:
    bench.call("PutMetricAlarm", **ALARM)
    bench.clock.move(timedelta(days=29))
    bench.call("PutMetricAlarm", **ALARM)
    bench.prune()
    with bench.store.snapshot() as tx:
        assert len(HISTORY.keys(tx)) == 2
    bench.clock.move(timedelta(days=2))
    bench.prune()
    (item,) = bench.call("DescribeAlarmHistory")["AlarmHistoryItems"]
    assert item["HistorySummary"] == 'Alarm "hot" updated'


def test_forgetting_all_leaves_no_points(bench: Bench) -> None:
    bench.put(1.0, at=NOON)
    with bench.store.transaction() as tx:
        bench.store.clear(tx)
    with bench.store.snapshot() as tx:
        assert point_count(tx) == 0
