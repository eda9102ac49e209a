"""What a click on a thing asks for: the fields as the API returns them, and all that belongs to the thing.

Only questions that read stand here, by the kind of thing and the name of the part; the page asks for them by these
names and gives the thing's id, so that it cannot ask for anything else.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .api import Answer, Api
from .commands import command
from .looks import balancer_dimension

POINTS = 60


@dataclass(frozen=True, slots=True)
class Question:
    service: str
    operation: str
    params: Callable[[str], Mapping[str, Any]]


def _ids(name: str) -> Callable[[str], Mapping[str, Any]]:
    return lambda thing: {name: [thing]}


def _id(name: str) -> Callable[[str], Mapping[str, Any]]:
    return lambda thing: {name: thing}


def _filter(name: str) -> Callable[[str], Mapping[str, Any]]:
    return lambda thing: {"Filters": [{"Name": name, "Values": [thing]}]}


QUESTIONS: Mapping[str, Mapping[str, Question]] = {
    "instance": {
        "fields": Question("ec2", "DescribeInstances", _ids("InstanceIds")),
        "status": Question(
            "ec2", "DescribeInstanceStatus", lambda thing: {"InstanceIds": [thing], "IncludeAllInstances": True}
        ),
        "console": Question("ec2", "GetConsoleOutput", lambda thing: {"InstanceId": thing, "Latest": True}),
        "volumes": Question("ec2", "DescribeVolumes", _filter("attachment.instance-id")),
    },
    "zone": {
        "fields": Question("ec2", "DescribeAvailabilityZones", _ids("ZoneNames")),
        "subnets": Question("ec2", "DescribeSubnets", _filter("availability-zone")),
    },
    "subnet": {
        "fields": Question("ec2", "DescribeSubnets", _ids("SubnetIds")),
        "interfaces": Question("ec2", "DescribeNetworkInterfaces", _filter("subnet-id")),
    },
    "group": {
        "fields": Question("ec2", "DescribeSecurityGroups", _ids("GroupIds")),
        "rules": Question("ec2", "DescribeSecurityGroupRules", _filter("group-id")),
    },
    "balancer": {
        "fields": Question("elbv2", "DescribeLoadBalancers", _ids("LoadBalancerArns")),
        "listeners": Question("elbv2", "DescribeListeners", _id("LoadBalancerArn")),
        "attributes": Question("elbv2", "DescribeLoadBalancerAttributes", _id("LoadBalancerArn")),
    },
    "targets": {
        "fields": Question("elbv2", "DescribeTargetGroups", _ids("TargetGroupArns")),
        "health": Question("elbv2", "DescribeTargetHealth", _id("TargetGroupArn")),
        "attributes": Question("elbv2", "DescribeTargetGroupAttributes", _id("TargetGroupArn")),
    },
    "scaling": {
        "fields": Question("autoscaling", "DescribeAutoScalingGroups", _ids("AutoScalingGroupNames")),
        "history": Question("autoscaling", "DescribeScalingActivities", _id("AutoScalingGroupName")),
        "policies": Question("autoscaling", "DescribePolicies", _id("AutoScalingGroupName")),
    },
    "alarm": {
        "fields": Question("cloudwatch", "DescribeAlarms", _ids("AlarmNames")),
        "history": Question("cloudwatch", "DescribeAlarmHistory", _id("AlarmName")),
    },
    "experiment": {"fields": Question("fis", "GetExperiment", _id("id"))},
    "name": {
        "fields": Question("route53", "ListResourceRecordSets", lambda thing: {"HostedZoneId": thing.split(" ")[0]})
    },
    "stack": {
        "fields": Question("cloudformation", "DescribeStacks", _id("StackName")),
        "events": Question("cloudformation", "DescribeStackEvents", _id("StackName")),
        "resources": Question("cloudformation", "DescribeStackResources", _id("StackName")),
    },
}

# What is drawn of a thing, by kind: namespace, dimension, and pairs of a metric and its statistic.
METRICS: Mapping[str, tuple[str, str, Callable[[str], str], tuple[tuple[str, str], ...]]] = {
    "instance": (
        "AWS/EC2",
        "InstanceId",
        lambda thing: thing,
        (("CPUUtilization", "Average"), ("NetworkIn", "Sum"), ("NetworkOut", "Sum"), ("StatusCheckFailed", "Maximum")),
    ),
    "balancer": (
        "AWS/ApplicationELB",
        "LoadBalancer",
        balancer_dimension,
        (("RequestCount", "Sum"), ("TargetResponseTime", "p95"), ("HTTPCode_ELB_5XX_Count", "Sum")),
    ),
}
# The same of what the field calls a network load balancer.
NETWORK = (
    "AWS/NetworkELB",
    "LoadBalancer",
    balancer_dimension,
    (("NewFlowCount", "Sum"), ("ActiveFlowCount", "Average"), ("ProcessedBytes", "Sum")),
)
PERIOD_S = {"instance": 300, "balancer": 60}


def ask(api: Api, kind: str, thing: str, part: str) -> Answer:
    """One part of a thing: what the API answered, and the AWS CLI's command that asks the same.

    Raises:
        KeyError: there is no such kind or part.
        ClientError, Unreachable
    """
    question = QUESTIONS[kind][part]
    params = question.params(thing)
    answer = api.ask(question.service, question.operation, params)
    return {"command": command(api.model(question.service, question.operation), params), "answer": answer}


def measured(api: Api, kind: str, thing: str, now: datetime, pace: float) -> Answer:
    """The thing's metrics of the last hour of AWS's: by name, pairs of a time and a value.

    Raises:
        KeyError: things of this kind are not measured.
        ClientError, Unreachable
    """
    namespace, dimension, value, wanted = NETWORK if ":loadbalancer/net/" in thing else METRICS[kind]
    period_s = PERIOD_S[kind]
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": dimension, "Value": value(thing)}],
                },
                "Stat": stat,
                "Period": period_s,
            },
        }
        for number, (metric, stat) in enumerate(wanted)
    ]
    asked = {
        "MetricDataQueries": queries,
        "StartTime": now - timedelta(seconds=POINTS * 60 / pace),
        "EndTime": now,
        "ScanBy": "TimestampAscending",
    }
    found = {one["Id"]: one for one in api.all("cloudwatch", "GetMetricData", "MetricDataResults", asked)}
    series = {}
    for number, (metric, stat) in enumerate(wanted):
        one = found.get(f"m{number}", {})
        times = [moment.timestamp() for moment in one.get("Timestamps", ())]
        series[f"{metric} ({stat})"] = [*zip(times, one.get("Values", ()), strict=True)]
    model = api.model("cloudwatch", "GetMetricData")
    return {"command": command(model, plain(asked)), "series": series}


def plain(value: Any) -> Any:
    """The same with times as text, for JSON."""
    return json.loads(json.dumps(value, default=_text))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)
