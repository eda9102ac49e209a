"""Zones by the identifiers that experiments give them: a name or an id."""

from collections.abc import Mapping, Sequence
from typing import Any

from aftershock.services.fis.records import Action

from .errors import invalid

Known = Sequence[Mapping[str, Any]]  # as DescribeAvailabilityZones tells them


def named(identifier: str, known: Known) -> str:
    """
    Raises:
        AwsError: ValidationException
    """
    for zone in known:
        if identifier in (zone["ZoneName"], zone["ZoneId"]):
            return str(zone["ZoneName"])
    names = ", ".join(zone["ZoneName"] for zone in known)
    raise invalid(f"{identifier} is not an Availability Zone of this region, which has {names}.")


def of_action(action: Action, known: Known) -> tuple[str, ...]:
    """The names of the zones that an action's parameters name.

    Raises:
        AwsError: ValidationException
    """
    given = action.parameters.get("availabilityZoneIdentifier")
    several = action.parameters.get("availabilityZoneIdentifiers")
    identifiers = [given] if given else several.split(",") if several else []
    return tuple(dict.fromkeys(named(one.strip(), known) for one in identifiers))
