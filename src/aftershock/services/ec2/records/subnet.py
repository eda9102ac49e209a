"""Subnets: a range of a VPC's addresses, in one availability zone."""

from datetime import datetime

from aftershock.aws.call import Tx
from aftershock.store import Table

from .resource import Resource
from .vpc import default_vpc


class Subnet(Resource, frozen=True, kw_only=True):
    vpc_id: str
    cidr: str
    zone: str
    map_public_ip_on_launch: bool = False
    default_for_az: bool = False
    created_at: datetime


SUBNETS = Table("ec2_subnet", Subnet, indexes={"vpc": lambda subnet: subnet.vpc_id})


def default_subnet(
    tx: Tx, account: str, zone: str | None = None, *, without: frozenset[str] = frozenset()
) -> Subnet | None:
    """The default subnet of the zone; without a zone, that of the first zone that has one and is none of `without`."""
    vpc = default_vpc(tx, account)
    subnets = SUBNETS.where(tx, "vpc", vpc.id) if vpc else []
    chosen = (subnet for subnet in subnets if subnet.default_for_az and zone in (None, subnet.zone))
    chosen = (subnet for subnet in chosen if subnet.zone not in without)
    return min(chosen, key=lambda subnet: subnet.zone, default=None)
