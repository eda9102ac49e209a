"""What the stages of WhatIsTheTime.com share: what was made so far, and the making of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aftershock.sites.story import Teller, until

NAME = "WhatIsTheTime"
GROUP = "whatisthetime"  # the security group of the machines
FRONT = "whatisthetime-front"  # and of what stands in front of them
IMAGE_PARAMETER = "/aws/service/debian/release/12/latest/amd64"
DOMAIN = "whatisthetime.com"
STATE_CHANGE = "*[].[PreviousState.Name,CurrentState.Name]"
IN_SYNC_WITHIN_S = 60


@dataclass
class Site:
    """What the story has made so far."""

    teller: Teller
    image: str = ""
    group: str = ""
    instances: list[str] = field(default_factory=list)
    addresses: list[tuple[str, str]] = field(default_factory=list)  # (allocation id, address)
    zone: str = ""  # of Route 53
    front: str = ""
    balancer: str = ""
    balancer_name: str = ""
    balancer_zone: str = ""  # Route 53's, for alias records
    targets: str = ""


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
    answer = site.teller.aws(
        *("ec2", "allocate-address"),
        *("--tag-specifications", f"ResourceType=elastic-ip,Tags=[{{Key=Name,Value={NAME}}}]"),
        query="[AllocationId,PublicIp]",
    )
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


def change_name(site: Site, record: Mapping[str, Any]) -> None:
    """Set a record of the site's zone, and wait until Route 53 says that it is served."""
    tell = site.teller
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    change = tell.aws(
        *("route53", "change-resource-record-sets", "--hosted-zone-id", site.zone),
        *("--change-batch", json.dumps(batch)),
        query="ChangeInfo.Id",
    )
    until(lambda: _in_sync(tell, change), IN_SYNC_WITHIN_S, f"the change {change} is not INSYNC")


def _in_sync(tell: Teller, change: str) -> str | None:
    status = str(tell.aws("route53", "get-change", "--id", change, query="ChangeInfo.Status", quiet=True))
    return status if status == "INSYNC" else None
