"""Routes: which destinations and targets will do, and what of the internet they reach."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.route_table import Route

from .addressing import block

MAX_ROUTES = 50  # AWS: "Routes per route table: 50"


def destination(text: str, vpc_cidr: str, *, through: bool = False) -> str:
    """The destination of a new route, its host bits cleared; `through` says that it leads through an interface.

    Raises:
        AwsError: it is no range, or inside the VPC, where only the local route leads.
    """
    found = block(text, "destinationCidrBlock")
    local = IPv4Network(vpc_cidr)
    if found == local:
        raise AwsError("RouteAlreadyExists", f"The route identified by {text} already exists.")
    if found.subnet_of(local) and through:
        raise AwsError(
            "UnsupportedOperation",
            f"The destination CIDR block {text} is within this VPC's CIDR block, where only the local route leads "
            "in this region.",
        )
    if found.subnet_of(local):
        raise AwsError(
            "InvalidParameterValue",
            f"The destination CIDR block {text} is equal to or more specific than one of this VPC's CIDR blocks. "
            "This route can target only an interface or an instance.",
        )
    return str(found)


@dataclass(frozen=True, slots=True)
class Ways:
    """Where destinations go; what is in neither is a black hole."""

    internet: tuple[str, ...] = ()
    via: tuple[tuple[str, str], ...] = ()  # a range, and the private address of the interface that it goes through


def ways(routes: Iterable[Route], attached_gateway: str | None, through: Mapping[str, str]) -> Ways:
    """The ranges that these routes lead to the VPC's attached internet gateway, and through which interfaces others.

    `through` has the addresses of what sends on what it gets.  The most specific route decides; one to a gateway that
    is not attached, or to something that sends nothing on, is a black hole, and swallows its range out of a wider
    one.  (The VPC's own range is not cut out: the router delivers it before it asks here.)
    """
    ranges: dict[str | None, list[IPv4Network]] = {}
    for route in sorted(routes, key=lambda route: IPv4Network(route.destination).prefixlen):
        target = IPv4Network(route.destination)
        ranges = {place: _without(those, target) for place, those in ranges.items()}
        if route.through is not None and route.through in through:
            ranges.setdefault(through[route.through], []).append(target)
        elif route.gateway_id is not None and route.gateway_id == attached_gateway:
            ranges.setdefault(None, []).append(target)
    return Ways(
        internet=tuple(str(one) for one in collapse_addresses(ranges.pop(None, []))),
        via=tuple((str(one), str(place)) for place, those in ranges.items() for one in collapse_addresses(those)),
    )


def _without(ranges: Sequence[IPv4Network], hole: IPv4Network) -> list[IPv4Network]:
    left: list[IPv4Network] = []
    for one in ranges:
        if not one.overlaps(hole):
            left.append(one)
        elif hole != one and hole.subnet_of(one):
            left.extend(one.address_exclude(hole))
    return left
