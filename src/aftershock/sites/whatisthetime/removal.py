"""Takes the site away again, whichever of its stages was told: what there is of it is looked up by its names."""

import json
from concurrent.futures import ThreadPoolExecutor

from aftershock.sites.story import Teller, until

from .site import DOMAIN, FRONT, GROUP, NAME, STATE_CHANGE

LIVING = "pending,running,stopping,stopped,shutting-down"
# What to ask for each kind of thing, and the part of the answer that names them.
FOUND_BY = {
    "groups": (
        ("autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", NAME),
        "AutoScalingGroups[].AutoScalingGroupName",
    ),
    "templates": (
        ("ec2", "describe-launch-templates", "--filters", f"Name=launch-template-name,Values={NAME}"),
        "LaunchTemplates[].LaunchTemplateId",
    ),
    "balancers": (
        ("elbv2", "describe-load-balancers"),
        f"LoadBalancers[?LoadBalancerName=='{NAME}'].LoadBalancerArn",
    ),
    "targets": (
        ("elbv2", "describe-target-groups"),
        f"TargetGroups[?TargetGroupName=='{NAME}'].TargetGroupArn",
    ),
    "instances": (
        (
            *("ec2", "describe-instances", "--filters", f"Name=tag:Name,Values={NAME}"),
            f"Name=instance-state-name,Values={LIVING}",
        ),
        "Reservations[].Instances[].InstanceId",
    ),
    "addresses": (
        ("ec2", "describe-addresses", "--filters", f"Name=tag:Name,Values={NAME}"),
        "Addresses[].AllocationId",
    ),
    "security groups": (
        ("ec2", "describe-security-groups", "--filters", f"Name=group-name,Values={GROUP},{FRONT}"),
        # The machines' group first: it refers to the other.
        "sort_by(SecurityGroups,&GroupName)[].GroupId",
    ),
    "zones": (
        ("route53", "list-hosted-zones-by-name", "--dns-name", DOMAIN),
        f"HostedZones[?Name=='{DOMAIN}.'].Id",
    ),
}
GONE_WITHIN_S = 120.0
Found = dict[str, list[str]]


def remove(tell: Teller) -> bool:
    """Leave nothing of the site, and say whether there was anything."""
    found = look(tell)
    if not any(found.values()):
        return False
    tell.say("What the site was made of is removed:")
    for name in found["groups"]:
        tell.aws("autoscaling", "delete-auto-scaling-group", "--auto-scaling-group-name", name, "--force-delete")
        wait_gone(tell, "groups")
    for template in found["templates"]:
        tell.aws(
            *("ec2", "delete-launch-template", "--launch-template-id", template),
            query="LaunchTemplate.LaunchTemplateName",
        )
    for balancer in found["balancers"]:
        tell.aws("elbv2", "delete-load-balancer", "--load-balancer-arn", balancer)
    if found["balancers"]:
        wait_gone(tell, "balancers")
    for group in found["targets"]:
        tell.aws("elbv2", "delete-target-group", "--target-group-arn", group)
    if instances := found["instances"] and names_of(tell, "instances"):  # those of a group are gone by now
        tell.aws("ec2", "terminate-instances", "--instance-ids", *instances, query=STATE_CHANGE)
        wait_gone(tell, "instances")
    for allocation in found["addresses"]:
        tell.aws("ec2", "release-address", "--allocation-id", allocation)
    for group in found["security groups"]:
        remove_group(tell, group)
    for zone in found["zones"]:
        remove_zone(tell, zone)
    return True


def look(tell: Teller) -> Found:
    """What there is of the site now, by kind."""
    with ThreadPoolExecutor(4) as pool:  # each question is a program that takes its time to start
        return dict(zip(FOUND_BY, pool.map(lambda kind: names_of(tell, kind), FOUND_BY), strict=True))


def names_of(tell: Teller, kind: str) -> list[str]:
    question, query = FOUND_BY[kind]
    names: str = tell.aws(*question, query=query, quiet=True)
    return names.split()


def wait_gone(tell: Teller, kind: str) -> None:
    until(lambda: None if names_of(tell, kind) else "gone", GONE_WITHIN_S, f"the site's {kind} are still there")


def remove_group(tell: Teller, group: str) -> None:
    """It can go when the last interface that it was for has gone, which is soon after its machine or balancer."""
    in_use = ("ec2", "describe-network-interfaces", "--filters", f"Name=group-id,Values={group}")
    query = "NetworkInterfaces[].NetworkInterfaceId"
    until(
        lambda: None if tell.aws(*in_use, query=query, quiet=True) else "free",
        GONE_WITHIN_S,
        f"{group} is still in use",
    )
    tell.aws("ec2", "delete-security-group", "--group-id", group, query="Return")


def remove_zone(tell: Teller, zone: str) -> None:
    """The zone, which has to be empty of all records but its own before."""
    found = tell.aws("route53", "list-resource-record-sets", "--hosted-zone-id", zone, quiet=True)
    records = [record for record in found["ResourceRecordSets"] if record["Type"] == "A"]
    if records:
        changes = [{"Action": "DELETE", "ResourceRecordSet": record} for record in records]
        tell.aws(
            *("route53", "change-resource-record-sets", "--hosted-zone-id", zone),
            *("--change-batch", json.dumps({"Changes": changes})),
            query="ChangeInfo.Status",
        )
    tell.aws("route53", "delete-hosted-zone", "--id", zone, query="ChangeInfo.Status")
