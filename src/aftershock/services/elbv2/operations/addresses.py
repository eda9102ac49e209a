"""Addresses that the owner of a network load balancer chose for its nodes: Elastic IPs, or private ones.

They belong to the nodes from their beginning to their end, and stay the account's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call
from aftershock.aws.errors import AwsError
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, Kind, Scheme, ZonePlace
from aftershock.services.elbv2.rules import errors

from .found import Sources


def chosen(
    sources: Sources,
    call: Call,
    zones: Sequence[ZonePlace],
    mappings: Sequence[Mapping[str, Any]],
    *,
    kind: Kind,
    scheme: Scheme,
    before: Sequence[ZonePlace] = (),
) -> tuple[ZonePlace, ...]:
    """The places with the addresses that the subnet mappings choose; a subnet that was there keeps what it has.

    Raises:
        AwsError: AllocationIdNotFound, InvalidConfigurationRequest
    """
    _check(mappings, kind, scheme)
    asked = {one.get("SubnetId"): one for one in mappings}
    kept = {place.subnet_id: place for place in before}
    missing = [one for one in _allocations(mappings) if _elastic_ip(sources, call, one) is None]
    if missing:
        raise errors.no_allocations(missing)
    found = []
    for place in zones:
        made = _with_addresses(sources, call, place, asked.get(place.subnet_id) or {})
        if (now := kept.get(place.subnet_id)) is not None:
            if made not in (place, now):
                raise errors.configuration(f"The addresses of the subnet '{place.subnet_id}' cannot be changed")
            made = now
        found.append(made)
    if len({place.allocation_id is None for place in found}) > 1:
        raise errors.configuration("Elastic IPs must be specified for all subnets or for none of them")
    return tuple(found)


def _check(mappings: Sequence[Mapping[str, Any]], kind: Kind, scheme: Scheme) -> None:
    for member, what, of_scheme in (
        ("AllocationId", "Elastic IPs", "internet-facing"),
        ("PrivateIPv4Address", "Private IPv4 addresses", "internal"),
    ):
        if not any(one.get(member) for one in mappings):
            continue
        if kind != "network":
            raise errors.configuration(f"{what} are not supported for load balancers of type '{kind}'")
        if scheme != of_scheme:
            raise errors.configuration(f"{what} are not supported for load balancers with scheme '{scheme}'")


def _allocations(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    return [one["AllocationId"] for one in mappings if one.get("AllocationId")]


def _elastic_ip(sources: Sources, call: Call, allocation_id: str) -> str | None:
    found = sources.outside.interfaces.elastic_ip(call.tx, call.account, allocation_id)
    return found.public_ip if found else None


def _with_addresses(sources: Sources, call: Call, place: ZonePlace, asked: Mapping[str, Any]) -> ZonePlace:
    allocation_id = asked.get("AllocationId") or None
    return replace(
        place,
        allocation_id=allocation_id,
        elastic_ip=_elastic_ip(sources, call, allocation_id) if allocation_id else None,
        private_ip=asked.get("PrivateIPv4Address") or None,
    )


def require_free(sources: Sources, call: Call, zones: Sequence[ZonePlace]) -> None:
    """Nobody has the addresses, and no load balancer is about to.

    Raises:
        AwsError: ResourceInUse, InvalidConfigurationRequest
    """
    interfaces = sources.outside.interfaces
    promised = {
        place.allocation_id for one in LOAD_BALANCERS.where(call.tx, "account", call.account) for place in one.zones
    }
    for place in zones:
        if place.private_ip is not None:
            try:
                interfaces.check_private_ip(call.tx, place.subnet_id, place.private_ip)
            except AwsError as error:
                raise errors.configuration(error.message) from error
        if place.allocation_id is None:
            continue
        found = interfaces.elastic_ip(call.tx, call.account, place.allocation_id)
        if found is None or found.used or place.allocation_id in promised:
            raise errors.allocations_in_use()
        promised.add(place.allocation_id)
