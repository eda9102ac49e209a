"""Elastic IPs, and how far the region's pool of public addresses has been handed out."""

from datetime import datetime

from msgspec import Struct

from aftershock.store import Table

from .resource import Resource


class Address(Resource, frozen=True, kw_only=True):
    """An allocated Elastic IP.  What it is associated with stands on the network interface."""

    public_ip: str
    allocated_at: datetime


class Pool(Struct, frozen=True, kw_only=True):
    """Public addresses are handed out in order, so that one just released comes again only after all others."""

    id: str  # the region
    last: str  # the address that was handed out last


ADDRESSES = Table("ec2_address", Address, indexes={"public_ip": lambda address: address.public_ip})
POOLS = Table("ec2_public_pool", Pool)
