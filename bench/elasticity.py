"""How soon a group reacts: to an instance that fell ill, to an alarm, and to the loss of a zone.

At pace 1, with the shortest intervals that AWS allows.  A part of each time follows from these settings, here as on
AWS: so many failed checks so far apart, a period that has to end, a name that clients may remember for a minute.  That
part is measured too, by what the region itself reports, and shown apart.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from aftershock.sites.visitors import Visitors

from .figures import Figure
from .launch import Launcher

T = TypeVar("T")

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
NAME = "bench-elastic"
MOST = 6
# The least that Elastic Load Balancing and CloudWatch allow.
CHECK_EVERY_S, CHECK_TIMEOUT_S, CHECKS, PERIOD_S = 5, 2, 2, 10
TIMES, QUAKES = 5, 3
POLL_S = 0.1
LIMIT_S = 420.0  # three minutes of an alarm, the one it has to wait for, and a launch on a busy machine
VISITORS, EVERY_S = 6, 0.1  # the resolution of "serving": each instance is asked some fifteen times a second
CALM_S = 5.0  # nobody has failed for so long: it is over
NOMINAL_TTL_S = 60
WARM = 100  # visits before the zone goes
CROWD, TARGET = 12, 200.0


class Site:
    """A group of one instance in each of three zones, behind a load balancer."""

    def __init__(self, launcher: Launcher) -> None:
        self.region = launcher.region
        access = self.region.access
        self.access = access
        self.scaling: Any = access.client("autoscaling")
        self.balancing: Any = access.client("elbv2")
        self.alarms: Any = access.client("cloudwatch")
        wanted = [{"Name": "default-for-az", "Values": ["true"]}, {"Name": "availability-zone", "Values": [*ZONES]}]
        subnets = launcher.ec2.describe_subnets(Filters=wanted)["Subnets"]
        ids = [one["SubnetId"] for one in subnets]
        made = self.balancing.create_load_balancer(Name=NAME, Subnets=ids, SecurityGroups=[launcher.group])
        self.balancer = made["LoadBalancers"][0]
        self.targets = self._targets(subnets[0]["VpcId"])
        self.balancing.create_listener(
            LoadBalancerArn=self.balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.targets}],
        )
        launcher.ec2.create_launch_template(
            LaunchTemplateName=NAME,
            LaunchTemplateData={
                "ImageId": launcher.golden,
                "InstanceType": "t2.micro",
                "SecurityGroupIds": [launcher.group],
            },
        )
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=NAME,
            MinSize=len(ZONES),
            MaxSize=MOST,
            LaunchTemplate={"LaunchTemplateName": NAME, "Version": "1"},
            VPCZoneIdentifier=",".join(ids),
            TargetGroupARNs=[self.targets],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=0,
            DefaultCooldown=0,
            DefaultInstanceWarmup=0,
        )

    def _targets(self, vpc: str) -> str:
        made = self.balancing.create_target_group(
            Name=NAME,
            Protocol="HTTP",
            Port=80,
            VpcId=vpc,
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=CHECK_EVERY_S,
            HealthCheckTimeoutSeconds=CHECK_TIMEOUT_S,
            HealthyThresholdCount=CHECKS,
            UnhealthyThresholdCount=CHECKS,
        )
        arn: str = made["TargetGroups"][0]["TargetGroupArn"]
        undrained = [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
        self.balancing.modify_target_group_attributes(TargetGroupArn=arn, Attributes=undrained)
        return arn

    def visitors(self, count: int = VISITORS, every_s: float = EVERY_S) -> Visitors:
        return Visitors(self.access, self.balancer["DNSName"], count, every_s)

    def described(self) -> dict[str, Any]:
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])["AutoScalingGroups"]
        group: dict[str, Any] = found[0]
        return group

    def states(self) -> dict[str, str]:
        """The targets' states, by instance."""
        found = self.balancing.describe_target_health(TargetGroupArn=self.targets)["TargetHealthDescriptions"]
        return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in found}

    def settled(self) -> dict[str, str] | None:
        """The zones of the members by instance, if all that are wanted serve and nothing else is there."""
        group, states = self.described(), self.states()
        members = {one["InstanceId"]: one["AvailabilityZone"] for one in group["Instances"]}
        if len(members) != group["DesiredCapacity"] or any(
            one["LifecycleState"] != "InService" for one in group["Instances"]
        ):
            return None
        return members if states == dict.fromkeys(members, "healthy") else None

    def wait_spread(self) -> dict[str, str]:
        return until(
            lambda: members if (members := self.settled()) and set(members.values()) == set(ZONES) else None,
            "the group is not spread over its zones",
        )

    def wants(self, capacity: int) -> None:
        self.scaling.set_desired_capacity(AutoScalingGroupName=NAME, DesiredCapacity=capacity, HonorCooldown=False)
        self.wait_spread()

    def alarmed(self, name: str) -> float | None:
        """When the alarm went off, on the monotonic clock; None if it is not in ALARM."""
        alarm = self.alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        if alarm["StateValue"] != "ALARM":
            return None
        return monotonic(alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"])


def monotonic(moment: datetime) -> float:
    return moment.timestamp() - time.time() + time.monotonic()


def until(look: Callable[[], T | None], otherwise: str) -> T:
    deadline = time.monotonic() + LIMIT_S
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"{otherwise} after {LIMIT_S:.0f} s")
        time.sleep(POLL_S)
    return found


def stranger(visitors: Visitors, known: set[str], since: float) -> float | None:
    """When an instance that nobody knew first answered somebody."""
    times = [
        visit.began + visit.took_s
        for visit in list(visitors.visits)
        if visit.began >= since and visit.instance is not None and visit.instance not in known
    ]
    return min(times, default=None)


class Round(NamedTuple):
    noticed_s: float  # until what happened counts: for as long as the settings say
    launched_s: float  # from there until a new instance runs, and is registered with the load balancer
    checked_s: float  # from there until it serves: a check has to pass, and they are so far apart


def react(site: Site, visitors: Visitors, known: set[str], began: float, noticed: float) -> Round:
    """The rest of a round, once it is noticed."""
    registered = until(
        lambda: time.monotonic() if set(site.states()) - known else None, "no new instance is registered"
    )
    serving = until(lambda: stranger(visitors, known, began), "nothing new serves")
    return Round(noticed - began, registered - noticed, serving - registered)


def in_parts(what: str, note: str, demanded: str, rounds: Sequence[Round]) -> list[Figure]:
    noticed, launched, checked = ([one[place] for one in rounds] for place in range(3))
    whole = [sum(one) for one in rounds]
    load = f"load average {os.getloadavg()[0]:.1f}"
    first = f"until its first check has passed; they are {CHECK_EVERY_S} s apart"
    return [
        Figure(what, statistics.median(whole), "s", f"{spread_s(whole)}; {note}; {load}"),
        Figure("  demanded by the settings: to notice it", statistics.median(noticed), "s", demanded),
        Figure("  the region's own: until a new one runs", statistics.median(launched), "s", spread_s(launched)),
        Figure("  demanded by the settings: to let it in", statistics.median(checked), "s", first),
    ]


def spread_s(seconds: Sequence[float]) -> str:
    return f"n={len(seconds)}, {min(seconds):.1f} to {max(seconds):.1f} s"


def replaced(site: Site) -> list[Figure]:
    """The web process of one instance is stopped; another instance takes its place."""
    with site.visitors() as visitors:
        rounds = [_replaced(site, visitors) for _ in range(TIMES)]
    return in_parts(
        "unhealthy instance → replacement serving",
        'AWS: "a few minutes"',
        f"{CHECKS} failed checks, {CHECK_EVERY_S} s apart",
        rounds,
    )


def _replaced(site: Site, visitors: Visitors) -> Round:
    members = site.wait_spread()
    victim = min(members)
    site.region.command("shell", victim, "systemctl", "stop", "whatisthetime")
    fell = time.monotonic()

    def ill() -> float | None:
        return time.monotonic() if site.states().get(victim) in ("unhealthy", "draining", None) else None

    noticed = until(ill, "the instance does not count as unhealthy")
    return react(site, visitors, set(members), fell, noticed)


def scaled(site: Site) -> list[Figure]:
    """One datum of a high-resolution metric, an alarm of one period, and a step policy."""
    policy = site.scaling.put_scaling_policy(
        AutoScalingGroupName=NAME,
        PolicyName="one-more",
        PolicyType="StepScaling",
        AdjustmentType="ChangeInCapacity",
        StepAdjustments=[{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    )["PolicyARN"]
    site.alarms.put_metric_alarm(
        AlarmName="breach",
        Namespace="Bench",
        MetricName="Queue",
        Statistic="Maximum",
        Period=PERIOD_S,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[policy],
    )
    with site.visitors() as visitors:
        rounds = [_scaled(site, visitors) for _ in range(TIMES)]
    site.alarms.delete_alarms(AlarmNames=["breach"])
    site.scaling.delete_policy(AutoScalingGroupName=NAME, PolicyName="one-more")
    site.wants(len(ZONES))
    return in_parts(
        f"alarm of one period of {PERIOD_S} s breached → new capacity serving",
        "AWS: launch activity seen to take 32 s",
        "the period has to end",
        rounds,
    )


def _scaled(site: Site, visitors: Visitors) -> Round:
    site.wants(len(ZONES))
    until(lambda: True if site.alarmed("breach") is None else None, "the alarm does not end")
    known = set(site.wait_spread())
    began = time.monotonic()
    datum = {"MetricName": "Queue", "Value": 1.0, "StorageResolution": 1}
    site.alarms.put_metric_data(Namespace="Bench", MetricData=[datum])
    alarmed = until(lambda: site.alarmed("breach"), "there is no alarm")
    return react(site, visitors, known, began, alarmed)


def followed(site: Site) -> list[Figure]:
    """Target tracking, as it comes, when a load begins that is several times what is aimed at."""
    label = "/".join((site.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2], site.targets.rpartition(":")[2]))
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    with site.visitors(CROWD) as visitors:
        known = set(site.wait_spread())
        began = time.monotonic()
        made = site.scaling.put_scaling_policy(
            AutoScalingGroupName=NAME,
            PolicyName="follow",
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={"PredefinedMetricSpecification": metric, "TargetValue": TARGET},
        )
        high = next(one["AlarmName"] for one in made["Alarms"] if "AlarmHigh" in one["AlarmName"])
        alarmed = until(lambda: site.alarmed(high), "there is no alarm")
        once = react(site, visitors, known, began, alarmed)
    site.scaling.delete_policy(AutoScalingGroupName=NAME, PolicyName="follow")
    site.wants(len(ZONES))
    return in_parts(
        "target tracking breached → new capacity serving",
        "AWS: alarm 3 min + launch",
        "3 minutes over the target, of data that come once a minute",
        [once],
    )


class Struck(NamedTuple):
    calm_s: float  # until the last visit began that failed
    elsewhere_s: float  # the same of visits to nodes of the balancer that were not struck
    share: float  # of failed visits, until the group was whole
    whole_s: float


def struck(site: Site) -> list[Figure]:
    """The power of one zone of three goes, under visitors who remember names for as long as they may."""
    rounds = [_struck(site, zone) for zone in ZONES[:QUAKES]]
    calm, elsewhere, shares, whole = ([one[place] for one in rounds] for place in range(4))
    load = f"load average {os.getloadavg()[0]:.1f}"
    return [
        Figure(
            "zone of three lost → no failing request",
            statistics.median(calm),
            "s",
            f"{spread_s(calm)}; AWS: names of balancers live {NOMINAL_TTL_S} s; {load}",
        ),
        Figure(
            "  the same, of requests to nodes in other zones",
            statistics.median(elsewhere),
            "s",
            f"{spread_s(elsewhere)}; the settings demand up to {CHECKS * (CHECK_EVERY_S + CHECK_TIMEOUT_S)} s",
        ),
        Figure(
            f"  requests that failed in the {NOMINAL_TTL_S + CALM_S:.0f} s after it",
            statistics.median(shares),
            "%",
            f"n={len(shares)}",
        ),
        Figure("zone of three lost → the group whole in the others", statistics.median(whole), "s", spread_s(whole)),
    ]


def _struck(site: Site, zone: str) -> Struck:
    site.wait_spread()
    moments: dict[str, float] = {}

    def both() -> bool | None:
        """Whether it is whole again and calm; each has its own moment."""
        if _elsewhere(site, zone):
            moments.setdefault("whole", time.monotonic())
        if (over := _calm(visitors, began)) is not None:
            moments["calm"] = over
        return True if len(moments) == 2 and time.monotonic() > began + NOMINAL_TTL_S + CALM_S else None

    with site.visitors() as visitors:
        until(lambda: True if len(visitors.visits) > WARM else None, "nobody visits")
        began = time.monotonic()
        site.region.command("quake", zone)
        until(both, "the group is not whole again, or visits still fail")
    site.region.command("heal", zone)
    after = [visit for visit in visitors.visits if visit.began >= began]
    failed = [visit for visit in after if not visit.served]
    standing = {visit.address for visit in after if visit.served and visit.began > moments["calm"]}
    return Struck(
        calm_s=moments["calm"] - began,
        elsewhere_s=max((one.began - began for one in failed if one.address in standing), default=0.0),
        share=100 * len(failed) / len(after),
        whole_s=moments["whole"] - began,
    )


def _elsewhere(site: Site, zone: str) -> dict[str, str] | None:
    members = site.settled()
    return members if members and zone not in members.values() else None


def _calm(visitors: Visitors, since: float) -> float | None:
    """When the last visit began that failed, once none has for a while."""
    latest = max((visit.began for visit in visitors.failed(since=since)), default=since)
    return latest if time.monotonic() - latest > CALM_S else None


def measure(launcher: Launcher) -> Iterator[list[Figure]]:
    site = Site(launcher)
    site.wait_spread()
    with site.visitors() as visitors:
        until(lambda: stranger(visitors, set(), 0.0), "the load balancer does not answer")
    yield followed(site)  # first: the load of the others would already be in the minutes that its alarm looks at
    yield replaced(site)
    yield scaled(site)
    yield struck(site)
    site.scaling.delete_auto_scaling_group(AutoScalingGroupName=NAME, ForceDelete=True)
    site.balancing.delete_load_balancer(LoadBalancerArn=site.balancer["LoadBalancerArn"])
