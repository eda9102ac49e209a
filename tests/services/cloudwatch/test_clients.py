"""CloudWatch as its clients know it: every protocol that it speaks, and alarms that act."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from aftershock.aws.errors import AwsError
from tests.conftest import eventually
from tests.services.cloudwatch.world import KEY, POLICY, REGION, SECRET, World

PACE = 60.0  # a minute lasts a second
SNS = "arn:aws:sns:us-east-1:123456789012:topic"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("cloudwatch"), PACE)
    yield world
    world.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, PACE)
    yield world
    world.stop()


def speaking(world: World, protocol: str) -> Any:
    """An SDK's client that speaks this protocol, whichever of them the installed version prefers."""
    client = world.client()
    model = client.meta.service_model
    client._serializer = create_serializer(protocol, include_validation=True)
    client._response_parser = create_parser(protocol)
    client._endpoint._response_parser_factory.create_parser = lambda _: create_parser(protocol)
    model.metadata["protocol"] = protocol
    model.__dict__["resolved_protocol"] = protocol
    return client


@pytest.mark.parametrize("protocol", ["query", "json", "smithy-rpc-v2-cbor"])
def test_every_protocol_is_spoken(shared: World, protocol: str) -> None:
    client, spoken = speaking(shared, protocol), []
    client.meta.events.register("before-send.cloudwatch", lambda request, **_: spoken.append(request.headers))
    now = datetime.now(UTC)
    name = protocol.replace("-", "_")
    client.put_metric_data(
        Namespace="App",
        MetricData=[{"MetricName": name, "Values": [1.5, 2.5], "Counts": [1, 3], "Unit": "Seconds", "Timestamp": now}],
    )
    stat = {"Metric": {"Namespace": "App", "MetricName": name}, "Period": 60, "Stat": "Average"}
    answer = client.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}],
        StartTime=now - timedelta(seconds=5),
        EndTime=now + timedelta(seconds=5),
    )
    (result,) = answer["MetricDataResults"]
    assert result["Values"] == [2.25]
    assert timedelta(0) <= now - result["Timestamps"][0] < timedelta(seconds=1.01)
    with pytest.raises(ClientError) as caught:
        client.put_metric_data(Namespace="AWS/EC2", MetricData=[{"MetricName": "m", "Value": 1}])
    assert caught.value.response["Error"] == {
        **caught.value.response["Error"],
        "Code": "InvalidParameterValue",
        "Message": "The value AWS/EC2 for parameter Namespace is invalid.",
    }
    words = {"query": "x-www-form-urlencoded", "json": "x-amz-json-1.0", "smithy-rpc-v2-cbor": "application/cbor"}
    assert all(words[protocol] in _text(headers["Content-Type"]) for headers in spoken)


def _text(header: Any) -> str:
    return header.decode() if isinstance(header, bytes) else str(header)


def cli(world: World, *words: str) -> Any:
    environment = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(world.state),
        "PATH": os.environ["PATH"],
    }
    argv = [sys.executable, "-m", "awscli", "cloudwatch", *words, "--endpoint-url", world.url, "--output", "json"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def test_the_command_line_puts_reads_and_alarms(shared: World) -> None:
    cli(shared, "put-metric-data", "--namespace", "Cli", "--metric-name", "m", "--value", "7", "--dimensions", "a=b")
    (metric,) = cli(shared, "list-metrics", "--namespace", "Cli")["Metrics"]
    assert metric["Dimensions"] == [{"Name": "a", "Value": "b"}]
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=10), now + timedelta(minutes=1)
    span = ("--start-time", start.isoformat(), "--end-time", end.isoformat())
    of = ("--namespace", "Cli", "--metric-name", "m", "--dimensions", "Name=a,Value=b")
    found = cli(shared, "get-metric-statistics", *of, *span, "--period", "3600", "--statistics", "Maximum")
    assert [one["Maximum"] for one in found["Datapoints"]] == [7.0], found
    alarm = (
        *("--alarm-name", "cli", "--statistic", "Average", "--period", "60", "--evaluation-periods", "1"),
        *("--threshold", "5", "--comparison-operator", "GreaterThanThreshold"),
    )
    cli(shared, "put-metric-alarm", *of, *alarm)
    (shown,) = cli(shared, "describe-alarms", "--alarm-names", "cli")["MetricAlarms"]
    assert shown["AlarmName"] == "cli"


def alarm(name: str = "hot", **params: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
        "Threshold": 50.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **params,
    }


def in_state(client: Any, name: str, value: str) -> dict[str, Any]:
    def check() -> dict[str, Any]:
        found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        (shown,) = (*found["MetricAlarms"], *found["CompositeAlarms"])
        assert shown["StateValue"] == value, shown
        return dict(shown)

    return eventually(check)


def summaries(client: Any, name: str, kind: str) -> list[str]:
    items = client.describe_alarm_history(
        AlarmName=name, HistoryItemType=kind, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return [one["HistorySummary"] for one in items["AlarmHistoryItems"]]


def test_what_is_measured_alarms_scales_every_minute_and_is_fine_again(world: World) -> None:
    client = world.client()
    world.measured = [("CPUUtilization", 90.0)]
    client.put_metric_alarm(**alarm(AlarmActions=[POLICY, SNS], OKActions=[SNS]))
    client.put_composite_alarm(AlarmName="any", AlarmRule="ALARM(hot)")
    shown = in_state(client, "hot", "ALARM")
    assert shown["StateReason"].startswith("Threshold Crossed: 2 out of the last 2 datapoints [90.0 (")
    in_state(client, "any", "ALARM")

    def repeated() -> None:
        assert [fired.again for fired in world.fired][:2] == [False, True]

    eventually(repeated)
    assert {(one.action, one.state, one.metric_value, one.threshold) for one in world.fired} == {
        (POLICY, "ALARM", 90.0, 50.0)
    }
    world.measured = [("CPUUtilization", 10.0)]
    in_state(client, "hot", "OK")
    in_state(client, "any", "OK")

    def written() -> None:
        moved = [one.rpartition(" ")[2] for one in summaries(client, "hot", "StateUpdate")]
        done = summaries(client, "hot", "Action")
        # A state that lasts calls for its policy again, and that is not written down again.
        assert done.count(f"Successfully executed action {POLICY}") == moved.count("ALARM")
        failed = [one for one in done if one.startswith(f"Failed to execute action {SNS}")]
        assert len(failed) == moved.count("ALARM") + moved.count("OK"), "SNS is not here"

    eventually(written)


def test_an_alarm_whose_data_end_has_too_few(world: World) -> None:
    client = world.client()
    world.measured = [("CPUUtilization", 90.0)]
    client.put_metric_alarm(**alarm())
    in_state(client, "hot", "ALARM")
    world.measured = []
    assert (
        in_state(client, "hot", "INSUFFICIENT_DATA")["StateReason"] == "Insufficient Data: 2 datapoints were unknown."
    )


def test_a_state_that_was_set_lasts_until_the_next_comparison(world: World) -> None:
    client = world.client()
    world.measured = [("CPUUtilization", 10.0)]
    client.put_metric_alarm(**alarm(AlarmActions=[POLICY]))
    in_state(client, "hot", "OK")
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a drill")
    in_state(client, "hot", "OK")
    assert "Alarm updated from ALARM to OK" in summaries(client, "hot", "StateUpdate")

    def fired() -> None:
        assert [(one.reason, one.metric_value) for one in world.fired] == [("a drill", None)]

    eventually(fired)


def test_an_alarm_stops_its_instance_and_says_when_it_could_not(world: World) -> None:
    client = world.client()
    stop = "arn:aws:automate:us-east-1:ec2:stop"
    dimensions = [{"Name": "InstanceId", "Value": "i-1"}]
    client.put_metric_alarm(**alarm(Dimensions=dimensions, AlarmActions=[stop]))
    client.set_alarm_state(AlarmName="hot", StateValue="ALARM", StateReason="a drill")

    def stopped() -> None:
        assert world.asked[:1] == [("ec2", "StopInstances", {"InstanceIds": ["i-1"]})]
        assert summaries(client, "hot", "Action")[:1] == [f"Successfully executed action {stop}"]

    eventually(stopped)
    world.refusal = AwsError("InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist")
    for value in ("OK", "ALARM"):
        client.set_alarm_state(AlarmName="hot", StateValue=value, StateReason="a drill")

    def failed() -> None:
        failure = f"Failed to execute action {stop}. Received error: \"The instance ID 'i-1' does not exist\""
        assert summaries(client, "hot", "Action")[:1] == [failure]

    eventually(failed)


def test_what_was_acknowledged_is_there_after_a_restart_and_alarms_go_on(world: World) -> None:
    client = world.client()
    now = datetime.now(UTC)
    client.put_metric_data(Namespace="App", MetricData=[{"MetricName": "m", "Value": 3.0, "Timestamp": now}])
    client.put_metric_alarm(**alarm(AlarmActions=[POLICY]))
    world.stop()
    world.measured = [("CPUUtilization", 90.0)]
    world.start()
    client = world.client()
    (metric,) = client.list_metrics(Namespace="App")["Metrics"]
    assert metric["MetricName"] == "m"
    in_state(client, "hot", "ALARM")


def test_a_high_resolution_alarm_is_judged_in_between(tmp_path: Path) -> None:
    world = World(tmp_path, 1.0)
    try:
        client = world.client()
        at = datetime.now(UTC) - timedelta(seconds=15)
        data = [
            {"MetricName": "m", "Value": 9.0, "StorageResolution": 1, "Timestamp": at + timedelta(seconds=number)}
            for number in range(20)
        ]
        client.put_metric_data(Namespace="App", MetricData=data)
        fast = alarm(Namespace="App", MetricName="m", Threshold=5.0, Period=10, EvaluationPeriods=1)
        client.put_metric_alarm(**fast | {"DatapointsToAlarm": 1})
        in_state(client, "hot", "ALARM")
    finally:
        world.stop()
