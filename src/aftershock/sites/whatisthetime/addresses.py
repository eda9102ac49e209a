"""WhatIsTheTime.com, stages 1 to 3: an Elastic IP, a bigger machine behind it, and more of them under one name."""

import json
import time
from dataclasses import dataclass, field

from aftershock.doors.access import Access
from aftershock.sites.story import Prober, StoryFailed, Teller, until
from aftershock.sites.visitors import Visitors

from .pack import HERE

NAME = "WhatIsTheTime"
GROUP = "whatisthetime"
IMAGE_PARAMETER = "/aws/service/debian/release/12/latest/amd64"
DOMAIN = "whatisthetime.com"
TTL_S = 15  # short, for the sake of who watches; an hour is usual, and everything below takes that much longer
VISITORS = 30
ELASTIC_IPS = 5  # AWS: "All AWS accounts are limited to five Elastic IP addresses per Region"


@dataclass
class Site:
    """What the story has made so far."""

    teller: Teller
    image: str = ""
    group: str = ""
    instances: list[str] = field(default_factory=list)
    addresses: list[tuple[str, str]] = field(default_factory=list)  # (allocation id, address)
    zone: str = ""


def tell(access: Access, *, stage: int, keep: bool) -> None:
    """Tell the story up to a stage, and leave the site running if `keep`.

    Raises:
        StoryFailed: something came otherwise than told; what was made so far is left, to be looked at.
    """
    site = Site(Teller(access, HERE))
    remove_earlier(site)
    for number, parts in enumerate(STAGES[:stage], start=1):
        if number > 1:
            print(flush=True)
        for part in parts:
            part(site)
    print(flush=True)
    if not keep:
        remove(site)
        return
    site.teller.say("WhatIsTheTime.com is being served. Ask it yourself:")
    for _, address in site.addresses:
        print(f"  curl --proxy {access.proxy} http://{address}/")
    print("or set a browser's SOCKS 5 proxy to " + f"127.0.0.1:{access.socks_port} and open one of these addresses.")


def one_instance(site: Site) -> None:
    tell = site.teller
    tell.say("Stage 1: one t2.micro with an Elastic IP")
    site.image = tell.aws("ssm", "get-parameter", "--name", IMAGE_PARAMETER, query="Parameter.Value")
    site.group = tell.aws(
        *("ec2", "create-security-group", "--group-name", GROUP, "--description", "HTTP from everywhere"),
        query="GroupId",
    )
    tell.aws(
        *("ec2", "authorize-security-group-ingress", "--group-id", site.group),
        *("--protocol", "tcp", "--port", "80", "--cidr", "0.0.0.0/0"),
        query="SecurityGroupRules[].SecurityGroupRuleId",
    )
    began, commands_s = time.monotonic(), tell.commands_s
    (instance,) = launch(site, 1)
    automatic = address_of(site, instance)
    tell.page(automatic)
    tell.say(
        f"The page came {time.monotonic() - began:.1f} s after run-instances was typed, from a fresh instance; "
        f"the two commands ran for {tell.commands_s - commands_s:.1f} s of these."
    )
    tell.say("An address that AWS gave by itself changes at stop and start:")
    stop_and_start(site, instance)
    another = address_of(site, instance)
    if another == automatic:
        raise StoryFailed(f"the automatic address {automatic} survived stop and start; on AWS it does not")
    tell.page(another)

    tell.say("So an Elastic IP, which does not:")
    address = attach_address(site, instance)
    tell.page(address)
    stop_and_start(site, instance)
    if address_of(site, instance) != address:
        raise StoryFailed(f"the Elastic IP {address} did not survive stop and start")
    tell.page(address)


def a_bigger_one(site: Site) -> None:
    tell, instance, (_, address) = site.teller, site.instances[0], site.addresses[0]
    tell.say("Stage 2: more visitors, so a bigger machine; a client asks for the page every 50 ms meanwhile")
    commands_s = tell.commands_s
    with Prober(tell.access, f"http://{address}/") as prober:
        tell.aws(*("ec2", "stop-instances", "--instance-ids", instance), query=STATE_CHANGE)
        tell.wait_state(instance, "stopped")
        tell.aws(
            *("ec2", "modify-instance-attribute", "--instance-id", instance),
            *("--instance-type", "Value=m5.large"),
        )
        tell.aws(*("ec2", "start-instances", "--instance-ids", instance), query=STATE_CHANGE)
        commands_s = tell.commands_s - commands_s
        page = tell.page(address)
        time.sleep(1)  # so that the prober, too, has seen it come back
    if page["type"] != "m5.large":
        raise StoryFailed(f"the machine says that it is a {page['type']}")
    tell.say(
        f"Same address, other machine.  Nobody answered for {prober.longest_silence_s():.1f} s "
        f"({prober.asked - len(prober.answers)} of {prober.asked} requests); "
        f"the commands above ran for {commands_s:.1f} s in all."
    )


def three_and_the_limit(site: Site) -> None:
    tell = site.teller
    tell.say("Stage 3: more visitors still; three machines, and users have to know three addresses")
    for instance in launch(site, 2):
        attach_address(site, instance)
    pages = [tell.page(address) for _, address in site.addresses]
    if len({page["instance"] for page in pages}) != len(site.instances):
        raise StoryFailed("the addresses do not lead to different instances")
    tell.say(f"An account has {ELASTIC_IPS} Elastic IPs per region:")
    spare = [allocate(site) for _ in range(ELASTIC_IPS - len(site.addresses))]
    tell.refused("ec2", "allocate-address", with_code="AddressLimitExceeded")
    tell.say("The two that nothing uses are given back; unused ones cost money, too.")
    for allocation, _ in spare:
        tell.aws("ec2", "release-address", "--allocation-id", allocation)


def one_name_for_all(site: Site) -> None:
    """A records with a time to live, and what that costs when a machine goes."""
    tell = site.teller
    addresses = [address for _, address in site.addresses]
    tell.say(f"Instead of three addresses, one name, which visitors may remember for {TTL_S} s:")
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
        tell.aws("ec2", "terminate-instances", "--instance-ids", site.instances[-1], query=STATE_CHANGE)
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
    tell = site.teller
    records = ",".join(f"{{Value={address}}}" for address in addresses)
    record = f"{{Name={DOMAIN},Type=A,TTL={TTL_S},ResourceRecords=[{records}]}}"
    change = tell.aws(
        *("route53", "change-resource-record-sets", "--hosted-zone-id", site.zone),
        *("--change-batch", f"Changes=[{{Action=UPSERT,ResourceRecordSet={record}}}]"),
        query="ChangeInfo.Id",
    )
    until(
        lambda: _in_sync(tell, change),
        60,
        f"the change {change} is not INSYNC",
    )


def _in_sync(tell: Teller, change: str) -> str | None:
    status = str(tell.aws("route53", "get-change", "--id", change, query="ChangeInfo.Status", quiet=True))
    return status if status == "INSYNC" else None


STAGES = ((one_instance,), (a_bigger_one,), (three_and_the_limit, one_name_for_all))
STATE_CHANGE = "*[].[PreviousState.Name,CurrentState.Name]"


def launch(site: Site, count: int) -> list[str]:
    answer = site.teller.aws(
        *("ec2", "run-instances", "--image-id", site.image, "--instance-type", "t2.micro", "--count", str(count)),
        *("--security-group-ids", site.group, "--user-data", "file://user-data.sh"),
        *("--tag-specifications", f"ResourceType=instance,Tags=[{{Key=Name,Value={NAME}}}]"),
        query="Instances[].InstanceId",
    )
    instances: list[str] = answer.split()
    site.instances += instances
    return instances


def stop_and_start(site: Site, instance: str) -> None:
    site.teller.aws("ec2", "stop-instances", "--instance-ids", instance, query=STATE_CHANGE)
    site.teller.wait_state(instance, "stopped")
    site.teller.aws("ec2", "start-instances", "--instance-ids", instance, query=STATE_CHANGE)


def address_of(site: Site, instance: str) -> str:
    address: str = site.teller.aws(
        *("ec2", "describe-instances", "--instance-ids", instance),
        query="Reservations[0].Instances[0].PublicIpAddress",
    )
    return address


def allocate(site: Site) -> tuple[str, str]:
    answer = site.teller.aws("ec2", "allocate-address", query="[AllocationId,PublicIp]")
    allocation, address = answer.split()
    return allocation, address


def attach_address(site: Site, instance: str) -> str:
    allocation, address = allocate(site)
    site.addresses.append((allocation, address))
    site.teller.wait_state(instance, "running")
    site.teller.aws(
        *("ec2", "associate-address", "--instance-id", instance, "--allocation-id", allocation),
        query="AssociationId",
    )
    return address


def remove_earlier(site: Site) -> None:
    """Take over what an earlier telling has left, and remove it."""
    tell = site.teller
    living = "pending,running,stopping,stopped,shutting-down"
    site.instances = tell.aws(
        *("ec2", "describe-instances", "--filters", f"Name=tag:Name,Values={NAME}"),
        f"Name=instance-state-name,Values={living}",
        query="Reservations[].Instances[].InstanceId",
        quiet=True,
    ).split()
    site.group = tell.aws(
        *("ec2", "describe-security-groups", "--filters", f"Name=group-name,Values={GROUP}"),
        query="SecurityGroups[0].GroupId",
        quiet=True,
    )
    if site.instances:
        pairs = tell.aws(
            *("ec2", "describe-addresses", "--filters", f"Name=instance-id,Values={','.join(site.instances)}"),
            query="Addresses[].[AllocationId,PublicIp]",
            quiet=True,
        ).split()
        site.addresses = list(zip(pairs[::2], pairs[1::2], strict=True))
    site.zone = tell.aws(
        *("route53", "list-hosted-zones-by-name", "--dns-name", DOMAIN),
        query=f"HostedZones[?Name=='{DOMAIN}.'].Id | [0]",
        quiet=True,
    )
    if site.instances or site.group or site.zone:
        remove(site)
        print(flush=True)
    site.instances, site.addresses, site.group, site.zone = [], [], "", ""


def remove(site: Site) -> None:
    tell = site.teller
    tell.say("What the site was made of is removed:")
    if site.instances:
        tell.aws("ec2", "terminate-instances", "--instance-ids", *site.instances, query=STATE_CHANGE)
        for instance in site.instances:
            tell.wait_state(instance, "terminated")
    for allocation, _ in site.addresses:
        tell.aws("ec2", "release-address", "--allocation-id", allocation)
    if site.group:
        tell.aws("ec2", "delete-security-group", "--group-id", site.group)
    if site.zone:
        remove_name(site)


def remove_name(site: Site) -> None:
    """The zone, which has to be empty of all records but its own before."""
    tell = site.teller
    found = tell.aws("route53", "list-resource-record-sets", "--hosted-zone-id", site.zone, quiet=True)
    records = [record for record in found["ResourceRecordSets"] if record["Type"] == "A"]
    if records:
        changes = [{"Action": "DELETE", "ResourceRecordSet": record} for record in records]
        tell.aws(
            *("route53", "change-resource-record-sets", "--hosted-zone-id", site.zone),
            *("--change-batch", json.dumps({"Changes": changes})),
            query="ChangeInfo.Status",
        )
    tell.aws("route53", "delete-hosted-zone", "--id", site.zone, query="ChangeInfo.Status")
