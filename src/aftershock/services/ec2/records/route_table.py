"""Route tables, with their routes and with the subnets that use them."""

from datetime import datetime

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

from .nat_gateway import NAT_GATEWAYS
from .network_interface import NETWORK_INTERFACES, NetworkInterface
from .resource import Resource


class Route(Struct, frozen=True):
    """A route beside the local one, which every table has and nobody can change.

    It leads to an internet gateway, to a NAT gateway, or to an interface; an instance is named besides the interface
    that it had then.
    """

    destination: str
    gateway_id: str | None = None
    nat_gateway_id: str | None = None
    instance_id: str | None = None
    interface_id: str | None = None

    @property
    def through(self) -> str | None:
        """What it leads through, if that is not the internet gateway."""
        return self.nat_gateway_id or self.interface_id


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
        "through": lambda table: {route.through for route in table.routes if route.through},
    },
)


def main_table(tx: Tx, vpc_id: str) -> RouteTable:
    """The VPC's main route table; every VPC has one from its first moment to its last."""
    return next(table for table in ROUTE_TABLES.where(tx, "vpc", vpc_id) if table.main)


def table_of(tx: Tx, subnet_id: str, vpc_id: str) -> RouteTable:
    """The route table that a subnet uses: its own, or else the VPC's main one."""
    own = ROUTE_TABLES.where(tx, "subnet", subnet_id)
    return own[0] if own else main_table(tx, vpc_id)


def interface_of(tx: Tx, route: Route) -> NetworkInterface | None:
    """The interface that a route leads through, if it is there."""
    if route.interface_id:
        return NETWORK_INTERFACES.get(tx, route.interface_id)
    gateway = NAT_GATEWAYS.get(tx, route.nat_gateway_id) if route.nat_gateway_id else None
    return NETWORK_INTERFACES.get(tx, gateway.interface_id) if gateway and gateway.interface_id else None


def tables_through(tx: Tx, interface_id: str) -> list[RouteTable]:
    """The route tables with a route through this interface."""
    gateways = NAT_GATEWAYS.where(tx, "interface", interface_id)
    return [
        table for one in (interface_id, *(g.id for g in gateways)) for table in ROUTE_TABLES.where(tx, "through", one)
    ]
