"""The region's availability zones."""

import re
from dataclasses import dataclass

from aftershock.aws.errors import AwsError

LETTERS = "abc"


@dataclass(frozen=True, slots=True)
class Zone:
    name: str  # "us-east-1a"
    id: str  # "use1-az1"


def zones(region: str) -> tuple[Zone, ...]:
    return tuple(
        Zone(name=region + letter, id=f"{_short(region)}-az{number}") for number, letter in enumerate(LETTERS, 1)
    )


def zone_named(region: str, name: str) -> Zone:
    """
    Raises:
        AwsError: InvalidParameterValue, as AWS puts it for CreateSubnet.
    """
    for zone in zones(region):
        if zone.name == name:
            return zone
    known = ", ".join(zone.name for zone in zones(region))
    raise AwsError(
        "InvalidParameterValue",
        f"Value ({name}) for parameter availabilityZone is invalid. "
        f"Subnets can currently only be created in the following availability zones: {known}.",
    )


def zone_with_id(region: str, zone_id: str) -> Zone:
    for zone in zones(region):
        if zone.id == zone_id:
            return zone
    known = ", ".join(zone.id for zone in zones(region))
    raise AwsError(
        "InvalidParameterValue",
        f"Value ({zone_id}) for parameter availabilityZoneId is invalid. "
        f"Subnets can currently only be created in the following availability zones: {known}.",
    )


def _short(region: str) -> str:
    """AWS's short form in zone ids: "us-east-1" is "use1", "ap-northeast-2" is "apne2"."""
    area, *directions, number = region.split("-")
    words = re.findall("north|south|east|west|central", "".join(directions))
    return area + "".join(word[0] for word in words) + number
