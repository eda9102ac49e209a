"""Route tables, with their routes and with the subnets that use them."""

from datetime import datetime

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

from .resource import Resource


class Route(Struct, frozen=True):
    """A route beside the local one, which every table has and nobody can change."""

    destination: str
    gateway_id: str


class Association(Struct, frozen=True):
    id: str
    subnet_id: str | None  # None: the table is the VPC's main one, for subnets that have no other


class RouteTable(Resource, frozen=True, kw_only=True):
    vpc_id: str
    routes: tuple[Route, ...] = ()
    associations: tuple[Association, ...] = ()
    created_at: datetime

    @property
    def main(self) -> bool:
        return any(association.subnet_id is None for association in self.associations)


ROUTE_TABLES = Table(
    "ec2_route_table",
    RouteTable,
    indexes={
        "vpc": lambda table: table.vpc_id,
        "subnet": lambda table: [one.subnet_id for one in table.associations if one.subnet_id],
        "association": lambda table: [one.id for one in table.associations],
        "gateway": lambda table: {route.gateway_id for route in table.routes},
    },
)


def main_table(tx: Tx, vpc_id: str) -> RouteTable:
    """The VPC's main route table; every VPC has one from its first moment to its last."""
    return next(table for table in ROUTE_TABLES.where(tx, "vpc", vpc_id) if table.main)


def table_of(tx: Tx, subnet_id: str, vpc_id: str) -> RouteTable:
    """The route table that a subnet uses: its own, or else the VPC's main one."""
    own = ROUTE_TABLES.where(tx, "subnet", subnet_id)
    return own[0] if own else main_table(tx, vpc_id)
