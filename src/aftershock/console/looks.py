"""What the console looks at, and how often: one question of the public API each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aftershock.doors.outages import OVER

from . import bill
from .api import Answer, Api

Seen = Mapping[str, Any]  # the latest answer of each look, by its name
ACTIVITIES = 100
STACK_EVENTS = 100
# What the strip shows: half an hour of AWS's, but no less than five minutes of ours.  AWS's limit is 1,440 datapoints.
SHOWN_MINUTES, LEAST_REAL_MINUTES, MOST_MINUTES = 30, 5, 1400
MINUTE_S, FIVE_MINUTES_S = 60, 300
MOST_QUERIES = 500  # AWS: "up to 500 MetricDataQuery structures" in a request


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    every_s: float
    ask: Callable[[Api, Seen, datetime, float], Any]  # with what was seen, the time, and the region's pace
    after: tuple[str, ...] = ()  # looked at anew, too, as soon as one of these has changed
    nominal: bool = False  # `every_s` is divided by the pace, down to a second


def _all(service: str, operation: str, result: str, **params: Any) -> Callable[[Api, Seen, datetime, float], Any]:
    return lambda api, *_: api.all(service, operation, result, params)


def _target_health(api: Api, seen: Seen, *_: object) -> dict[str, Any]:
    arns = [group["TargetGroupArn"] for group in seen.get("target_groups") or ()]
    return {
        arn: api.ask("elbv2", "DescribeTargetHealth", {"TargetGroupArn": arn})["TargetHealthDescriptions"]
        for arn in arns
    }


def _experiments(api: Api, seen: Seen, *_: object) -> list[Answer]:
    """The latest, and all that are not over.  What is over does not change any more, and is not asked for again."""
    known = {one["id"]: one for one in seen.get("experiments") or ()}
    found = api.all("fis", "ListExperiments", "experiments")
    latest = sorted(found, key=lambda one: one["creationTime"], reverse=True)[:20]
    wanted = [one for one in found if one["state"]["status"] not in OVER or one in latest]
    return [
        known[one["id"]]
        if one["id"] in known and known[one["id"]]["state"] == one["state"] and one["state"]["status"] in OVER
        else api.ask("fis", "GetExperiment", {"id": one["id"]})["experiment"]
        for one in wanted
    ]


def _names(api: Api, *_: object) -> list[Answer]:
    """Hosted zones, each with its records."""
    found = []
    for zone in api.all("route53", "ListHostedZones", "HostedZones"):
        name = zone["Id"].removeprefix("/hostedzone/")  # as AWS's own clients take it off
        records = api.all("route53", "ListResourceRecordSets", "ResourceRecordSets", {"HostedZoneId": name})
        found.append({"Id": name, "Records": records})
    return found


def _alarms(api: Api, *_: object) -> list[Answer]:
    return api.all("cloudwatch", "DescribeAlarms", "MetricAlarms")


def _activities(api: Api, *_: object) -> list[Answer]:
    found: list[Answer] = api.ask("autoscaling", "DescribeScalingActivities", {"MaxRecords": ACTIVITIES})["Activities"]
    return found


def _stack_events(api: Api, seen: Seen, *_: object) -> list[Answer]:
    """The newest first; those of a stack that is gone stay, and are asked for until they say that it is."""
    known = seen.get("stack_events") or ()
    there = {stack["StackId"] for stack in seen.get("stacks") or ()}
    gone = {one["StackId"] for one in known if one["StackId"] == one["PhysicalResourceId"] and _is_gone(one)} - there
    events = [one for one in known if one["StackId"] in gone]
    for stack in sorted(({one["StackId"] for one in known} | there) - gone):
        events += api.ask("cloudformation", "DescribeStackEvents", {"StackName": stack})["StackEvents"]
    return sorted(events, key=lambda one: one["Timestamp"], reverse=True)[:STACK_EVENTS]


def _is_gone(event: Answer) -> bool:
    return bool(event.get("ResourceStatus") == "DELETE_COMPLETE")


def _stack_resources(api: Api, seen: Seen, *_: object) -> dict[str, list[Answer]]:
    ids = [stack["StackId"] for stack in seen.get("stacks") or ()]
    return {
        one: api.ask("cloudformation", "DescribeStackResources", {"StackName": one})["StackResources"] for one in ids
    }


def minutes(pace: float) -> int:
    """How many of AWS's minutes the strip shows."""
    return int(min(MOST_MINUTES, max(SHOWN_MINUTES, LEAST_REAL_MINUTES * pace)))


def balancer_dimension(arn: str) -> str:
    """AWS: "the final portion of the load balancer ARN"."""
    return arn.partition(":loadbalancer/")[2]


# Sums of a minute, by the names under which the page has them.
_COUNTED = {
    "application": {
        "requests": "RequestCount",
        "errors": "HTTPCode_Target_5XX_Count",
        "refused": "HTTPCode_ELB_5XX_Count",
    },
    "network": {"requests": "NewFlowCount", "refused": "TCP_ELB_Reset_Count"},
}
_NAMESPACES = {"application": "AWS/ApplicationELB", "network": "AWS/NetworkELB"}


def _traffic_queries(seen: Seen) -> Iterable[tuple[str, str | None, str, Answer]]:
    """For each balancer, whole and by zone: its ARN, the zone, what is counted, and the query without an id."""
    for balancer in seen.get("balancers") or ():
        kind, arn = balancer["Type"], balancer["LoadBalancerArn"]
        if kind not in _NAMESPACES:
            continue
        zones = [zone["ZoneName"] for zone in balancer.get("AvailabilityZones", ())]
        whole = {"Name": "LoadBalancer", "Value": balancer_dimension(arn)}
        for zone in (None, *zones):
            dimensions = [whole] if zone is None else [{"Name": "AvailabilityZone", "Value": zone}, whole]
            for name, metric in _COUNTED[kind].items():
                yield arn, zone, name, _stat(_NAMESPACES[kind], metric, dimensions, "Sum", MINUTE_S)
        if kind == "application":
            yield arn, None, "latency", _stat(_NAMESPACES[kind], "TargetResponseTime", [whole], "Average", MINUTE_S)


def _stat(namespace: str, metric: str, dimensions: list[Answer], stat: str, period_s: int) -> Answer:
    named = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    return {"MetricStat": {"Metric": named, "Stat": stat, "Period": period_s}}


def _traffic(api: Api, seen: Seen, now: datetime, pace: float) -> Answer:
    """By balancer: by zone ("" is all of it): by name: pairs of a time in seconds and a value, oldest first."""
    found: Answer = {}
    asked = list(_traffic_queries(seen))
    for (arn, zone, name, _), points in zip(
        asked, _points(api, [one[3] for one in asked], now, pace, minutes(pace)), strict=True
    ):
        found.setdefault(arn, {}).setdefault(zone or "", {})[name] = points
    return found


def _load(api: Api, seen: Seen, now: datetime, pace: float) -> dict[str, float]:
    """How busy each running instance was when last measured, in percent."""
    ids = [one["InstanceId"] for one in seen.get("instances") or () if one["State"]["Name"] == "running"]
    queries = [
        _stat("AWS/EC2", "CPUUtilization", [{"Name": "InstanceId", "Value": name}], "Average", FIVE_MINUTES_S)
        for name in ids
    ]
    series = _points(api, queries, now, pace, 3 * FIVE_MINUTES_S // MINUTE_S)
    return {name: points[-1][1] for name, points in zip(ids, series, strict=True) if points}


def _points(
    api: Api, queries: list[Answer], now: datetime, pace: float, minutes: int
) -> list[list[tuple[float, float]]]:
    found: list[list[tuple[float, float]]] = []
    # Whole minutes, so that the question is the same for a while, and its answer known.
    bucket_s = MINUTE_S / pace
    end = datetime.fromtimestamp((now.timestamp() // bucket_s + 1) * bucket_s, now.tzinfo)
    for first in range(0, len(queries), MOST_QUERIES):
        some = [{"Id": f"q{n}", **query} for n, query in enumerate(queries[first : first + MOST_QUERIES])]
        asked = {
            "MetricDataQueries": some,
            "StartTime": end - timedelta(seconds=minutes * bucket_s),
            "EndTime": end,
            "ScanBy": "TimestampAscending",
        }
        series: dict[str, list[tuple[float, float]]] = {query["Id"]: [] for query in some}
        for one in api.all("cloudwatch", "GetMetricData", "MetricDataResults", asked):
            times = (moment.timestamp() for moment in one.get("Timestamps", ()))
            series[one["Id"]] += zip(times, one.get("Values", ()), strict=True)
        found += series.values()
    return found


def instances(api: Api, *_: object) -> list[Answer]:
    reservations = api.all("ec2", "DescribeInstances", "Reservations")
    return [one for reservation in reservations for one in reservation["Instances"]]


LOOKS: tuple[Look, ...] = (
    Look("zones", 2.0, _all("ec2", "DescribeAvailabilityZones", "AvailabilityZones")),
    # Small, and it changes whenever an instance's state does; all about all instances is asked for then.
    Look("statuses", 1.0, _all("ec2", "DescribeInstanceStatus", "InstanceStatuses", IncludeAllInstances=True)),
    Look("instances", 10.0, instances, after=("statuses", "scaling")),
    Look("vpcs", 10.0, _all("ec2", "DescribeVpcs", "Vpcs")),
    Look("subnets", 5.0, _all("ec2", "DescribeSubnets", "Subnets")),
    Look("routes", 10.0, _all("ec2", "DescribeRouteTables", "RouteTables")),
    Look("groups", 3.0, _all("ec2", "DescribeSecurityGroups", "SecurityGroups")),
    Look("rules", 3.0, _all("ec2", "DescribeSecurityGroupRules", "SecurityGroupRules"), after=("groups",)),
    Look("balancers", 3.0, _all("elbv2", "DescribeLoadBalancers", "LoadBalancers")),
    Look("target_groups", 3.0, _all("elbv2", "DescribeTargetGroups", "TargetGroups"), after=("balancers",)),
    Look("health", 1.0, _target_health, after=("target_groups",)),
    Look("scaling", 2.0, _all("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups")),
    Look("activities", 2.0, _activities, after=("scaling",)),
    Look("alarms", 2.0, _alarms),
    Look("experiments", 1.0, _experiments),
    Look("names", 5.0, _names),
    Look("stacks", 2.0, _all("cloudformation", "DescribeStacks", "Stacks")),
    Look("stack_events", 2.0, _stack_events, after=("stacks",)),
    Look("stack_resources", 10.0, _stack_resources, after=("stacks", "stack_events")),
    Look("traffic", 30.0, _traffic, after=("balancers",), nominal=True),
    Look("load", 150.0, _load, nominal=True),
    Look("bill", 20.0, bill.look, after=("balancers",)),
)
