"""Stage 4: private instances behind a load balancer, which an alias record leads to."""

import json
import time

from aftershock.sites.story import StoryFailed, until
from aftershock.sites.visitors import Visitors

from .names import TTL_S, VISITORS
from .site import (
    DOMAIN,
    FRONT,
    NAME,
    STATE_CHANGE,
    Site,
    change_name,
)

HEALTH_INTERVAL_S = 5  # the least that AWS takes
DRAIN_S = 5  # 300 unless told otherwise
HEALTHY_WITHIN_S = 60.0
ACTIVE_WITHIN_S = 120.0
WATCHED_S = 5.0  # before and after what happens


def behind_a_balancer(site: Site) -> None:
    tell = site.teller
    tell.say("Stage 4: machines without public addresses, and a load balancer in front that knows who is well")
    subnets = subnets_of(site, "us-east-1a", "us-east-1b")
    site.front = tell.aws(
        *("ec2", "create-security-group", "--group-name", FRONT, "--description", "The load balancer: HTTP from all"),
        query="GroupId",
    )
    tell.aws(
        *("ec2", "authorize-security-group-ingress", "--group-id", site.front),
        *("--protocol", "tcp", "--port", "80", "--cidr", "0.0.0.0/0"),
        query="SecurityGroupRules[].SecurityGroupRuleId",
    )
    make_balancer(site, subnets)
    tell.say("Three machines that only the load balancer can reach:")
    tell.aws(
        *("ec2", "authorize-security-group-ingress", "--group-id", site.group),
        *("--protocol", "tcp", "--port", "80", "--source-group", site.front),
        query="SecurityGroupRules[].SecurityGroupRuleId",
    )
    public = list(site.instances)
    private = launch_privately(site, subnets[0], 3)
    tell.aws("elbv2", "register-targets", "--target-group-arn", site.targets, *targets(private))
    wait_healthy(site, len(private))
    switch(site, public)
    one_goes(site, private)


def make_balancer(site: Site, subnets: list[str]) -> None:
    """A load balancer with one listener and one target group, waited for until it is active."""
    tell = site.teller
    site.balancer = tell.aws(
        *("elbv2", "create-load-balancer", "--name", NAME, "--subnets", *subnets, "--security-groups", site.front),
        query="LoadBalancers[0].LoadBalancerArn",
    )
    vpc = tell.aws("ec2", "describe-vpcs", "--filters", "Name=is-default,Values=true", query="Vpcs[0].VpcId")
    site.targets = tell.aws(
        *("elbv2", "create-target-group", "--name", NAME, "--protocol", "HTTP", "--port", "80", "--vpc-id", vpc),
        *("--health-check-path", "/health", "--health-check-interval-seconds", str(HEALTH_INTERVAL_S)),
        *("--health-check-timeout-seconds", "2", "--healthy-threshold-count", "2", "--unhealthy-threshold-count", "2"),
        query="TargetGroups[0].TargetGroupArn",
    )
    tell.aws(
        *("elbv2", "modify-target-group-attributes", "--target-group-arn", site.targets),
        *("--attributes", f"Key=deregistration_delay.timeout_seconds,Value={DRAIN_S}"),
        query="Attributes[?Key=='deregistration_delay.timeout_seconds'].Value",
    )
    tell.aws(
        *("elbv2", "create-listener", "--load-balancer-arn", site.balancer, "--protocol", "HTTP", "--port", "80"),
        *("--default-actions", f"Type=forward,TargetGroupArn={site.targets}"),
        query="Listeners[0].ListenerArn",
    )
    state = ("elbv2", "describe-load-balancers", "--load-balancer-arns", site.balancer)
    until(
        lambda: _is(str(tell.aws(*state, query="LoadBalancers[0].State.Code", quiet=True)), "active"),
        ACTIVE_WITHIN_S,
        "the load balancer is not active",
    )
    site.balancer_name, site.balancer_zone = tell.aws(
        *state, query="LoadBalancers[0].[DNSName,CanonicalHostedZoneId]"
    ).split()


def switch(site: Site, public: list[str]) -> None:
    """Lead the name to the load balancer, and give up the public machines when nobody remembers them any more."""
    tell = site.teller
    tell.say(f"The name leads to the load balancer from now on; {VISITORS} visitors ask all the time:")
    with Visitors(tell.access, DOMAIN, VISITORS) as visitors:
        time.sleep(WATCHED_S)
        lead_to_balancer(site)
        time.sleep(TTL_S + WATCHED_S)
        tell.say("Whoever remembered one of the old addresses has forgotten it by now; they are given back:")
        tell.aws("ec2", "terminate-instances", "--instance-ids", *public, query=STATE_CHANGE)
        for instance in public:
            tell.wait_state(instance, "terminated")
            site.instances.remove(instance)
        for allocation, _ in site.addresses:
            tell.aws("ec2", "release-address", "--allocation-id", allocation)
        site.addresses.clear()
        tell.aws(
            *("ec2", "revoke-security-group-ingress", "--group-id", site.group),
            *("--protocol", "tcp", "--port", "80", "--cidr", "0.0.0.0/0"),
            query="Return",
        )
        time.sleep(WATCHED_S)
    if failed := visitors.failed():
        raise StoryFailed(f"{len(failed)} of {len(visitors.visits)} visits failed while the name changed: {failed[:3]}")
    tell.say(f"All of {len(visitors.visits)} visits were served meanwhile.")


def lead_to_balancer(site: Site) -> None:
    alias = {
        "HostedZoneId": site.balancer_zone,
        "DNSName": f"dualstack.{site.balancer_name}",
        "EvaluateTargetHealth": False,
    }
    change_name(site, {"Name": DOMAIN, "Type": "A", "AliasTarget": alias})


def one_goes(site: Site, private: list[str]) -> None:
    """The same loss as in stage 3, and nobody notices."""
    tell = site.teller
    tell.say("Now the same as before: one of the three machines goes.")
    with Visitors(tell.access, DOMAIN, VISITORS) as visitors:
        time.sleep(WATCHED_S)
        gone = private[-1]
        tell.aws("elbv2", "deregister-targets", "--target-group-arn", site.targets, *targets([gone]))
        until(lambda: _gone(site, gone), DRAIN_S + HEALTHY_WITHIN_S, f"{gone} is still being drained")
        tell.aws("ec2", "terminate-instances", "--instance-ids", gone, query=STATE_CHANGE)
        tell.wait_state(gone, "terminated")
        site.instances.remove(gone)
        time.sleep(TTL_S + WATCHED_S)
    served = {visit.instance for visit in visitors.visits} - {None}
    if failed := visitors.failed():
        raise StoryFailed(f"{len(failed)} of {len(visitors.visits)} visits failed: {failed[:3]}")
    if served != set(private):
        raise StoryFailed(f"the visitors were served by {served}, and not by {private}")
    tell.say(f"No request failed: {len(visitors.visits)} visits, {VISITORS} visitors, 0 without a page.")


def subnets_of(site: Site, *zones: str) -> list[str]:
    """The default VPC's own subnets in these zones, in their order."""
    found: str = site.teller.aws(
        *("ec2", "describe-subnets", "--filters", "Name=default-for-az,Values=true"),
        f"Name=availability-zone,Values={','.join(zones)}",
        query="sort_by(Subnets,&AvailabilityZone)[].SubnetId",
    )
    return found.split()


def launch_privately(site: Site, subnet: str, count: int) -> list[str]:
    """Instances without a public address."""
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [site.group], "AssociatePublicIpAddress": False}
    answer = site.teller.aws(
        *("ec2", "run-instances", "--image-id", site.image, "--instance-type", "t2.micro", "--count", str(count)),
        *("--network-interfaces", json.dumps([interface]), "--user-data", "file://user-data.sh"),
        *("--tag-specifications", f"ResourceType=instance,Tags=[{{Key=Name,Value={NAME}}}]"),
        query="Instances[].InstanceId",
    )
    instances: list[str] = answer.split()
    site.instances += instances
    for instance in instances:
        site.teller.wait_state(instance, "running")
    return instances


def targets(instances: list[str]) -> list[str]:
    return ["--targets", *(f"Id={instance}" for instance in instances)]


def wait_healthy(site: Site, count: int) -> None:
    health = ("elbv2", "describe-target-health", "--target-group-arn", site.targets)
    query = "TargetHealthDescriptions[?TargetHealth.State=='healthy'].Target.Id"
    until(
        lambda: _is(str(len(site.teller.aws(*health, query=query, quiet=True).split())), str(count)),
        HEALTHY_WITHIN_S,
        f"not all of the {count} targets are healthy",
    )
    site.teller.aws(*health, query="TargetHealthDescriptions[].[Target.Id,TargetHealth.State]")


def _gone(site: Site, instance: str) -> str | None:
    query = f"TargetHealthDescriptions[?Target.Id=='{instance}'].TargetHealth.State | [0]"
    health = ("elbv2", "describe-target-health", "--target-group-arn", site.targets)
    return _is(str(site.teller.aws(*health, query=query, quiet=True)), "")


def _is(now: str, wanted: str) -> str | None:
    return now if now == wanted else None
