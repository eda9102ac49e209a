"""Virtual private clouds, and the DHCP option sets that they use, all of which say the same."""

from datetime import datetime

from aftershock.aws.call import Tx
from aftershock.store import Table

from .resource import Resource


class Vpc(Resource, frozen=True, kw_only=True):
    cidr: str
    cidr_association_id: str
    is_default: bool = False
    dns_hostnames: bool = False
    dhcp_options_id: str  # "default", which means none, where the account asked for that
    internet_gateway_id: str | None = None  # an attachment stands here and nowhere else
    created_at: datetime
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of routers.
    routed: bool = False  # its router was there when last looked at
    seen_generation: int = 0  # the generation that `routed` was seen for
    reason: str = "not looked at yet"

    @property
    def ready(self) -> bool:
        """Its router is as it is wanted now, not as it was wanted a moment ago."""
        return self.routed and self.seen_generation == self.generation


class DhcpOptions(Resource, frozen=True, kw_only=True):
    """The region's own resolver and domain name."""

    domain_name: str
    made: bool = False  # by the account, and not the one that every VPC starts with


VPCS = Table(
    "ec2_vpc",
    Vpc,
    indexes={
        "account": lambda vpc: vpc.account,
        "internet_gateway": lambda vpc: vpc.internet_gateway_id,
    },
)
DHCP_OPTIONS = Table("ec2_dhcp_options", DhcpOptions, indexes={"account": lambda options: options.account})


def default_vpc(tx: Tx, account: str) -> Vpc | None:
    return next((vpc for vpc in VPCS.where(tx, "account", account) if vpc.is_default), None)
