"""Stage 3 by name: A records with a time to live, and what that costs when a machine goes."""

import time

from aftershock.sites.story import StoryFailed
from aftershock.sites.visitors import Visitors

from .site import DOMAIN, STATE_CHANGE, Site, change_name

# How long visitors remember, in real seconds: short, for the sake of who watches.  An hour is usual, and everything
# below takes that much longer.
TTL_S = 15
VISITORS = 30


def one_name_for_all(site: Site) -> None:
    tell = site.teller
    addresses = [address for _, address in site.addresses]
    tell.say(f"Instead of three addresses, one name, which visitors may remember for {nominal_ttl_s(site)} s:")
    if tell.access.pace != 1:
        tell.say(f"(Time runs {tell.access.pace:g} times as fast here, so that these pass in {TTL_S} s.)")
    site.zone = tell.aws(
        *("route53", "create-hosted-zone", "--name", DOMAIN, "--caller-reference", f"story-{time.time_ns()}"),
        query="HostedZone.Id",
    )
    name_leads_to(site, addresses)
    with Visitors(tell.access, DOMAIN, VISITORS) as visitors:
        time.sleep(3)
        gone = time.monotonic()
        tell.say(
            f"{VISITORS} visitors ask all the time.  One of the three machines goes, and its address is taken out:"
        )
        tell.aws("ec2", "terminate-instances", "--instance-ids", site.instances.pop(), query=STATE_CHANGE)
        name_leads_to(site, addresses[:-1])
        corrected = time.monotonic()
        time.sleep(TTL_S + 3)
        forgotten = time.monotonic() - 3
    failed = visitors.failed(since=gone)
    if not failed:
        raise StoryFailed("nobody missed the machine that went, although its address was still remembered")
    if late := visitors.failed(since=forgotten):
        raise StoryFailed(f"{len(late)} visits failed although the old answer's time to live was over")
    last = max(visit.began for visit in failed)
    unlucky = len({visit.visitor for visit in failed})
    tell.say(
        f"The name was right again after {corrected - gone:.1f} s.  {unlucky} of {VISITORS} visitors "
        f"({unlucky / VISITORS:.0%}) remembered the old answer, and got no page for up to {last - gone:.1f} s."
    )
    tell.say("What is missing is something in front that knows who is well: the next stage's load balancer.")


def name_leads_to(site: Site, addresses: list[str]) -> None:
    """Have the name's A record say these addresses, and wait until Route 53 says that it is served."""
    values = [{"Value": address} for address in addresses]
    change_name(site, {"Name": DOMAIN, "Type": "A", "TTL": nominal_ttl_s(site), "ResourceRecords": values})


def nominal_ttl_s(site: Site) -> int:
    return round(TTL_S * site.teller.access.pace)
