"""Load balancers: where they may stand, and how they are answered."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Any

from aftershock.services.elbv2.outside import Subnet
from aftershock.services.elbv2.records.load_balancer import Kind, LoadBalancer, ZonePlace

from . import errors, names, quotas

SMALLEST_PREFIX = 27  # AWS: "at least a /27 bitmask"


def places(kind: Kind, subnets: Sequence[Subnet]) -> tuple[ZonePlace, ...]:
    """Where a load balancer with these subnets stands.

    Raises:
        AwsError: ValidationError, InvalidConfigurationRequest, InvalidSubnet
    """
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise errors.configuration("The subnets must belong to the same VPC")
    zones = [subnet.zone for subnet in subnets]
    if len(set(zones)) < len(zones):
        raise errors.configuration(
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        )
    if kind == "application" and len(zones) < 2:
        raise errors.invalid("At least two subnets in two different Availability Zones must be specified")
    if not zones:
        raise errors.invalid("At least one subnet must be specified")
    found = [ZonePlace(zone=subnet.zone, subnet_id=subnet.id) for subnet in subnets]
    return tuple(sorted(found, key=lambda place: place.zone))


def require_room(subnets: Sequence[Subnet]) -> None:
    """
    Raises:
        AwsError: InvalidSubnet
    """
    for subnet in subnets:
        small = IPv4Network(subnet.cidr).prefixlen > SMALLEST_PREFIX
        if small or subnet.free_addresses < quotas.FREE_ADDRESSES:
            raise errors.invalid_subnet(
                f"Not enough IP space available in {subnet.id}. ELB requires at least {quotas.FREE_ADDRESSES} free "
                "IP addresses in each subnet."
            )


def zones_view(zones: Sequence[ZonePlace]) -> list[dict[str, Any]]:
    """AWS shows those addresses of nodes that were chosen."""
    return [
        {"ZoneName": place.zone, "SubnetId": place.subnet_id, "LoadBalancerAddresses": _addresses(place)}
        for place in zones
    ]


def _addresses(place: ZonePlace) -> list[dict[str, str]]:
    if place.allocation_id is not None and place.elastic_ip is not None:
        return [{"IpAddress": place.elastic_ip, "AllocationId": place.allocation_id}]
    return [{"PrivateIPv4Address": place.private_ip}] if place.private_ip is not None else []


def view(balancer: LoadBalancer) -> dict[str, Any]:
    return {
        "LoadBalancerArn": balancer.arn,
        "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": names.ALIAS_ZONES[balancer.kind],
        "CreatedTime": balancer.created_at,
        "LoadBalancerName": balancer.name,
        "Scheme": balancer.scheme,
        "VpcId": balancer.vpc_id,
        "State": {"Code": balancer.state, "Reason": balancer.fault or None},
        "Type": balancer.kind,
        "AvailabilityZones": zones_view(balancer.zones),
        "SecurityGroups": [*balancer.group_ids] or None,
        "IpAddressType": "ipv4",
    }
