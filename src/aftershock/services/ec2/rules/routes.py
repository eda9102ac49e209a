"""Routes: which destinations and targets will do, and what of the internet they reach."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, collapse_addresses

from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.route_table import Route

from .addressing import block

MAX_ROUTES = 50  # AWS: "Routes per route table: 50"


def destination(text: str, vpc_cidr: str) -> str:
    """The destination of a new route, its host bits cleared.

    Raises:
        AwsError: it is no range, or inside the VPC, where only the local route leads.
    """
    found = block(text, "destinationCidrBlock")
    local = IPv4Network(vpc_cidr)
    if found == local:
        raise AwsError("RouteAlreadyExists", f"The route identified by {text} already exists.")
    if found.subnet_of(local):
        raise AwsError(
            "InvalidParameterValue",
            f"The destination CIDR block {text} is equal to or more specific than one of this VPC's CIDR blocks. "
            "This route can target only an interface or an instance.",
        )
    return str(found)


def internet(routes: Iterable[Route], attached_gateway: str | None) -> tuple[str, ...]:
    """The ranges that these routes lead to the VPC's attached internet gateway.

    The most specific route decides; a route to a gateway that is not attached is a black hole, and swallows its
    range out of a wider one.  (The VPC's own range is not cut out: the router delivers it before it asks here.)
    """
    ranges: list[IPv4Network] = []
    for route in sorted(routes, key=lambda route: IPv4Network(route.destination).prefixlen):
        target = IPv4Network(route.destination)
        if route.gateway_id == attached_gateway:
            ranges.append(target)
        else:
            ranges = _without(ranges, target)
    return tuple(str(one) for one in collapse_addresses(ranges))


def _without(ranges: Sequence[IPv4Network], hole: IPv4Network) -> list[IPv4Network]:
    left: list[IPv4Network] = []
    for one in ranges:
        if not one.overlaps(hole):
            left.append(one)
        elif hole != one and hole.subnet_of(one):
            left.extend(one.address_exclude(hole))
    return left
