"""Internet gateways.  Which VPC one is attached to stands in that VPC's record."""

from datetime import datetime

from aftershock.store import Table

from .resource import Resource


class InternetGateway(Resource, frozen=True, kw_only=True):
    created_at: datetime


INTERNET_GATEWAYS = Table("ec2_internet_gateway", InternetGateway)
