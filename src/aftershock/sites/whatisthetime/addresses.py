"""Stages 1 to 3 by address: an Elastic IP, a bigger machine behind it, and more of them up to the account's limit."""

import time

from aftershock.sites.story import Prober, StoryFailed

from .site import (
    GROUP,
    IMAGE_PARAMETER,
    STATE_CHANGE,
    Site,
    address_of,
    allocate,
    attach_address,
    launch,
    stop_and_start,
)

ELASTIC_IPS = 5  # AWS: "All AWS accounts are limited to five Elastic IP addresses per Region"


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
