"""WhatIsTheTime.com, stages 1 to 3: an Elastic IP, a bigger machine behind it, and more of them, up to the limit."""

import time
from dataclasses import dataclass, field

from aftershock.doors.access import Access
from aftershock.sites.story import Prober, StoryFailed, Teller

from .pack import HERE

NAME = "WhatIsTheTime"
GROUP = "whatisthetime"
IMAGE_PARAMETER = "/aws/service/debian/release/12/latest/amd64"
ELASTIC_IPS = 5  # AWS: "All AWS accounts are limited to five Elastic IP addresses per Region"


@dataclass
class Site:
    """What the story has made so far."""

    teller: Teller
    image: str = ""
    group: str = ""
    instances: list[str] = field(default_factory=list)
    addresses: list[tuple[str, str]] = field(default_factory=list)  # (allocation id, address)


def tell(access: Access, *, stage: int, keep: bool) -> None:
    """Tell the story up to a stage, and leave the site running if `keep`.

    Raises:
        StoryFailed: something came otherwise than told; what was made so far is left, to be looked at.
    """
    site = Site(Teller(access, HERE))
    remove_earlier(site)
    for number, part in enumerate((one_instance, a_bigger_one, three_and_the_limit)[:stage], start=1):
        if number > 1:
            print(flush=True)
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
    if site.instances or site.group:
        remove(site)
        print(flush=True)
    site.instances, site.addresses, site.group = [], [], ""


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
