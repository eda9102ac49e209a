"""What there is in the account right now, for a drawing and for counting: by describe calls only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .clients import Clients

GONE = ("terminated", "shutting-down")


@dataclass(frozen=True, slots=True)
class Machine:
    id: str
    type: str
    state: str
    zone: str
    public_address: str | None
    elastic: bool  # that address stays when the machine stops
    health: str | None  # as its target group sees it; None: it is in none

    @property
    def serves(self) -> bool:
        return self.state == "running" and self.health in (None, "healthy")


@dataclass(frozen=True, slots=True)
class Zone:
    name: str
    available: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A load balancer's, in one zone."""

    zone: str
    address: str


@dataclass(frozen=True, slots=True)
class Name:
    """A record that leads to the site."""

    name: str
    values: tuple[str, ...]
    ttl_s: int | None
    alias: bool


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    least: int
    most: int
    wanted: int
    in_service: int
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    zones: tuple[Zone, ...]
    machines: tuple[Machine, ...]
    nodes: tuple[Node, ...]
    names: tuple[Name, ...]
    group: Group | None
    reserved: int = 0

    @property
    def serving(self) -> int:
        return sum(machine.serves for machine in self.machines)

    @property
    def zones_used(self) -> int:
        return len({machine.zone for machine in self.machines if machine.serves})

    def unsettled(self) -> str | None:
        """What is still under way, in words; None if nothing is."""
        for machine in self.machines:
            if machine.state not in ("running", "stopped"):
                return f"{machine.id} is {machine.state}"
            if machine.health not in (None, "healthy"):
                return f"{machine.id} is {machine.health}"
        if self.group and self.group.in_service != self.group.wanted:
            return f"{self.group.in_service} of {self.group.wanted} machines are in service"
        return None


def look(clients: Clients) -> Scene:
    """The whole account: the lab has a region of its own."""
    ec2 = clients("ec2")
    group = _group(clients)
    health = dict(_health(clients))
    elastic = {one["PublicIp"] for one in ec2.describe_addresses()["Addresses"]}
    return Scene(
        zones=tuple(
            Zone(one["ZoneName"], one["State"] == "available")
            for one in ec2.describe_availability_zones()["AvailabilityZones"]
        ),
        machines=tuple(_machine(one, elastic, health) for one in _instances(ec2)),
        nodes=tuple(sorted(_nodes(ec2), key=lambda node: (node.zone, node.address))),
        names=tuple(_names(clients)),
        group=group,
        reserved=sum(
            one["InstanceCount"]
            for one in ec2.describe_reserved_instances()["ReservedInstances"]
            if one["State"] == "active"
        ),
    )


def _instances(ec2: Any) -> list[dict[str, Any]]:
    pages = ec2.get_paginator("describe_instances").paginate()
    found = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
    living = [one for one in found if one["State"]["Name"] not in GONE]
    return sorted(living, key=lambda one: (one["Placement"]["AvailabilityZone"], one["LaunchTime"], one["InstanceId"]))


def _machine(one: dict[str, Any], elastic: set[str], health: dict[str, str]) -> Machine:
    address = one.get("PublicIpAddress")
    return Machine(
        id=one["InstanceId"],
        type=one["InstanceType"],
        state=one["State"]["Name"],
        zone=one["Placement"]["AvailabilityZone"],
        public_address=address,
        elastic=address in elastic,
        health=health.get(one["InstanceId"]),
    )


def _health(clients: Clients) -> Iterator[tuple[str, str]]:
    elbv2 = clients("elbv2")
    for group in elbv2.describe_target_groups()["TargetGroups"]:
        for one in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]:
            yield one["Target"]["Id"], one["TargetHealth"]["State"]


def _nodes(ec2: Any) -> Iterator[Node]:
    for one in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        if one.get("Description", "").startswith("ELB "):
            address = one.get("Association", {}).get("PublicIp") or one["PrivateIpAddress"]
            yield Node(one["AvailabilityZone"], address)


def _names(clients: Clients) -> Iterator[Name]:
    route53 = clients("route53")
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for one in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            if one["Type"] == "A":
                values = [one["AliasTarget"]["DNSName"]] if "AliasTarget" in one else []
                values += [record["Value"] for record in one.get("ResourceRecords", [])]
                yield Name(one["Name"].rstrip("."), tuple(values), one.get("TTL"), "AliasTarget" in one)


def _group(clients: Clients) -> Group | None:
    groups = clients("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    if not groups:
        return None
    one = groups[0]
    healthy = [
        each for each in one["Instances"] if each["LifecycleState"] == "InService" and each["HealthStatus"] == "Healthy"
    ]
    return Group(
        name=one["AutoScalingGroupName"],
        least=one["MinSize"],
        most=one["MaxSize"],
        wanted=one["DesiredCapacity"],
        in_service=len(healthy),
        zones=tuple(one["AvailabilityZones"]),
    )
