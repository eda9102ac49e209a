"""Stage 6: an earthquake, in the only zone and in one of three."""

import time

from aftershock.sites.story import StoryFailed, until
from aftershock.sites.visitors import Visit, Visitors

from .balanced import subnets_of
from .elastic import SLACK_S, settled, wait_in_service
from .site import DOMAIN, NAME, Site

STRUCK = "us-east-1a"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
VISITORS = 30
WATCHED_S = 5.0
DARK_S = 15.0
SERVED_AGAIN_WITHIN_S = 180.0
CALM_S = 5.0  # so long nobody fails any more, and it counts as over; longer than a visitor waits


def in_the_only_zone(site: Site) -> None:
    tell = site.teller
    tell.say(f"Stage 6: an earthquake.  All of the group's machines are in {STRUCK}, and its power fails:")
    with Visitors(tell.access, DOMAIN, VISITORS) as visitors:
        time.sleep(WATCHED_S)
        struck = time.monotonic()
        tell.aftershock("quake", STRUCK)
        time.sleep(DARK_S)
        dark = [visit for visit in visitors.visits if visit.began >= struck + CALM_S]
        healed = time.monotonic()
        tell.aftershock("heal", STRUCK)
        over = calm(visitors, healed)
    failed = sum(not visit.served for visit in dark)
    if failed < len(dark):
        raise StoryFailed(f"{len(dark) - failed} of {len(dark)} visits were served by a zone without power")
    tell.say(f"While the zone was dark, {failed} of {len(dark)} visits failed: {failed / len(dark):.0%}.")
    tell.say(f"It was dark for {healed - struck:.0f} s, and the last visit failed {over - healed:.1f} s after that.")
    settled(site)


def in_one_of_three(site: Site) -> None:
    tell = site.teller
    tell.say("The same in three zones: the load balancer and the group are spread over all of them.")
    subnets = subnets_of(site, *ZONES)
    tell.aws(
        *("elbv2", "set-subnets", "--load-balancer-arn", site.balancer, "--subnets", *subnets),
        query="AvailabilityZones[].ZoneName",
    )
    tell.aws(
        *("autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", NAME, "--min-size", str(len(ZONES))),
        *("--vpc-zone-identifier", ",".join(subnets)),
    )
    wait_spread(site)
    with Visitors(tell.access, DOMAIN, VISITORS) as visitors:
        time.sleep(WATCHED_S)
        struck = time.monotonic()
        tell.aftershock("quake", STRUCK)
        over = calm(visitors, struck)
        wait_in_service(site, len(ZONES))
        whole = time.monotonic()
        time.sleep(WATCHED_S)
        tell.aftershock("heal", STRUCK)
        wait_spread(site)
        time.sleep(WATCHED_S)
    after = [visit for visit in visitors.visits if visit.began >= struck]
    failed = [visit for visit in after if not visit.served]
    if late := [visit for visit in failed if visit.began > over]:
        raise StoryFailed(f"{len(late)} visits failed although all had been well: {late[:3]}")
    tell.say(f"{len(failed)} of {len(after)} visits failed ({len(failed) / len(after):.1%})" + last(failed, struck))
    tell.say(f"{len(ZONES)} machines were in service again after {whole - struck:.0f} s, in the zones that were left;")
    tell.say("after the zone was healed the group spread itself over all three again.")


def last(failed: list[Visit], struck: float) -> str:
    if not failed:
        return "."
    return f", the last one {max(visit.began for visit in failed) - struck:.1f} s after the earthquake."


def calm(visitors: Visitors, since: float) -> float:
    """Wait until nobody fails any more, and return when the last visit failed that did, or `since`."""
    deadline = time.monotonic() + SERVED_AGAIN_WITHIN_S
    while time.monotonic() < deadline:
        time.sleep(0.1)
        latest = max((visit.began for visit in visitors.failed(since=since)), default=since)
        if time.monotonic() - latest > CALM_S and visitors.visits[-1].served:
            return latest
    raise StoryFailed(f"visits still fail after {SERVED_AGAIN_WITHIN_S:.0f} s: {visitors.failed(since=since)[-3:]}")


def wait_spread(site: Site) -> None:
    """Wait until the group has a machine in service in every zone, and none to spare."""
    query = "AutoScalingGroups[0].Instances[?LifecycleState=='InService' && HealthStatus=='Healthy'].AvailabilityZone"
    group = ("autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", NAME)
    until(
        lambda: "spread" if set(site.teller.aws(*group, query=query, quiet=True).split()) == set(ZONES) else None,
        SLACK_S,
        "the group is not spread over all zones",
    )
    settled(site)
    site.teller.aws(*group, query=query)
