"""Stage 5: a group that grows and shrinks with its visitors."""

import base64
import json
import statistics
import time

from aftershock.sites.story import StoryFailed, until
from aftershock.sites.visitors import Visit, Visitors

from .balanced import subnets_of, targets, wait_healthy
from .pack import USER_DATA
from .site import DOMAIN, NAME, STATE_CHANGE, Site

LEAST, MOST = 2, 6
FEW, MANY = 8, 60  # visitors
PER_TARGET_S = 20  # requests that one machine shall get in a real second
GRACE_S, WARM_UP_S = 300, 60
COOL_S = 5.0  # what each phase is watched for after its group has settled
# Target tracking waits for three minutes above and fifteen below; twice that, and the machines' own time, is plenty.
OUT_WITHIN_NOMINAL_S, IN_WITHIN_NOMINAL_S, SLACK_S = 600.0, 2400.0, 60.0


def a_group(site: Site) -> None:
    tell = site.teller
    tell.say("Stage 5: nobody starts machines by hand any more: a launch template, and a group that uses it")
    (subnet,) = subnets_of(site, "us-east-1a")
    make_template(site)
    tell.aws(
        *("autoscaling", "create-auto-scaling-group", "--auto-scaling-group-name", NAME),
        *("--launch-template", f"LaunchTemplateName={NAME}", "--vpc-zone-identifier", subnet),
        *("--min-size", str(LEAST), "--max-size", str(MOST), "--target-group-arns", site.targets),
        *("--health-check-type", "ELB", "--health-check-grace-period", str(GRACE_S)),
        *("--default-instance-warmup", str(WARM_UP_S)),
        *("--tags", f"Key=Name,Value={NAME},PropagateAtLaunch=true"),
    )
    wait_in_service(site, LEAST)
    by_hand = list(site.instances)
    wait_healthy(site, LEAST + len(by_hand))
    tell.say("The machines that were started by hand go:")
    tell.aws("elbv2", "deregister-targets", "--target-group-arn", site.targets, *targets(by_hand))
    wait_healthy(site, LEAST)
    tell.aws("ec2", "terminate-instances", "--instance-ids", *by_hand, query=STATE_CHANGE)
    site.instances.clear()
    follow_the_load(site)


def make_template(site: Site) -> None:
    interface = {"DeviceIndex": 0, "Groups": [site.group], "AssociatePublicIpAddress": False}
    data = {
        "ImageId": site.image,
        "InstanceType": "t2.micro",
        "NetworkInterfaces": [interface],
        "UserData": base64.b64encode(USER_DATA.read_bytes()).decode(),
    }
    site.teller.say("(The user data is what user-data.sh says, in base64.)")
    site.teller.aws(
        *("ec2", "create-launch-template", "--launch-template-name", NAME),
        *("--launch-template-data", json.dumps(data)),
        query="LaunchTemplate.LaunchTemplateId",
    )


def follow_the_load(site: Site) -> None:
    tell, pace = site.teller, site.teller.access.pace
    # The service's name for a target group and its load balancer, from their ARNs.
    label = "/".join((site.balancer.partition(":loadbalancer/")[2], site.targets.rpartition(":")[2]))
    per_minute = PER_TARGET_S * 60 / pace
    settings = {
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "ALBRequestCountPerTarget",
            "ResourceLabel": label,
        },
        "TargetValue": per_minute,
    }
    tell.say(f"{per_minute:g} requests a minute for each machine, and as many machines as that takes:")
    tell.aws(
        *("autoscaling", "put-scaling-policy", "--auto-scaling-group-name", NAME, "--policy-name", "requests"),
        *("--policy-type", "TargetTrackingScaling", "--target-tracking-configuration", json.dumps(settings)),
        query="Alarms[].AlarmName",
    )
    if pace != 1:
        tell.say(f"Time runs {pace:g} times as fast here: a minute of AWS's takes {60 / pace:g} s.")
    with Visitors(tell.access, DOMAIN, FEW) as few:
        time.sleep(COOL_S)
        tell.say(f"{FEW} visitors: {latency(few.visits)}.  Now there are {FEW + MANY}:")
        rose = time.monotonic()
        with Visitors(tell.access, DOMAIN, MANY) as many:
            before = capacity(site)
            until(
                lambda: "more" if capacity(site) > before else None,
                OUT_WITHIN_NOMINAL_S / pace + SLACK_S,
                "the group has not grown",
            )
            grown = settled(site)
            took_s = time.monotonic() - rose
            time.sleep(COOL_S)
            calm = time.monotonic() - COOL_S
        tell.say(f"{grown} machines after {took_s:.0f} s; before: {latency(many.visits, until_s=rose + took_s)};")
        tell.say(f"now: {latency([visit for visit in many.visits if visit.began >= calm])}.  The {MANY} leave again:")
        fell = time.monotonic()
        until(
            lambda: "fewer" if capacity(site) == LEAST else None,
            IN_WITHIN_NOMINAL_S / pace + SLACK_S,
            f"the group has not shrunk to {LEAST}",
        )
        tell.say(f"{LEAST} machines again after {time.monotonic() - fell:.0f} s.")
        time.sleep(COOL_S)
    show_activities(site)
    visits = few.visits + many.visits
    if failed := few.failed() + many.failed():
        raise StoryFailed(f"{len(failed)} of {len(visits)} visits failed: {failed[:3]}")
    tell.say(f"{len(visits)} visits, 0 without a page.")


def latency(visits: list[Visit], *, until_s: float = float("inf")) -> str:
    took = sorted(visit.took_s * 1000 for visit in visits if visit.served and visit.began < until_s)
    if len(took) < 2:
        return "too few visits to say"
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return f"a page within {cuts[49]:.0f} ms (median), {cuts[98]:.0f} ms (99 of 100)"


def capacity(site: Site) -> int:
    return int(
        site.teller.aws(
            *("autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", NAME),
            query="AutoScalingGroups[0].DesiredCapacity",
            quiet=True,
        )
    )


def settled(site: Site) -> int:
    """Wait until what the group has is what it wants, and return how many that are."""

    def same() -> str | None:
        wanted = capacity(site)
        return str(wanted) if in_service(site) == wanted else None

    return int(until(same, SLACK_S, "the group has not settled"))


def in_service(site: Site) -> int:
    """How many of the group's machines are in service."""
    found: str = site.teller.aws(
        *("autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", NAME),
        query="AutoScalingGroups[0].Instances[?LifecycleState=='InService' && HealthStatus=='Healthy'].InstanceId",
        quiet=True,
    )
    return len(found.split())


def wait_in_service(site: Site, count: int) -> None:
    until(lambda: "all" if in_service(site) == count else None, SLACK_S, f"the group has not {count} machines")


def show_activities(site: Site) -> None:
    site.teller.aws(
        *(
            "autoscaling",
            "describe-scaling-activities",
            "--auto-scaling-group-name",
            NAME,
            "--max-records",
            "3",
            "--no-paginate",
        ),
        query="Activities[].[Description,Cause]",
    )
