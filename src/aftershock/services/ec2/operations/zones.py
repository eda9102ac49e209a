"""Regions and availability zones."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.zone_outage import dark_zones
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.zone_outages import zone_view
from aftershock.services.ec2.rules.zones import zones

from .describing import Path, at


@honours("ZoneNames", "ZoneIds", "AllAvailabilityZones", "Filters")
def describe_availability_zones(call: Call, params: Params) -> Result:
    """None has to be opted into; one that is out says so."""
    out = dark_zones(call.tx)
    found = [
        {
            "ZoneName": zone.name,
            "ZoneId": zone.id,
            "RegionName": call.region,
            "OptInStatus": "opt-in-not-required",
            "GroupName": f"{call.region}-zg-1",
            "GroupLongName": f"{call.region} 1",
            "NetworkBorderGroup": call.region,
            "ZoneType": "availability-zone",
            **zone_view(out.get(zone.name)),
        }
        for zone in zones(call.region)
    ]
    _require("ZoneNames", "availabilityZones", "ZoneName", params, found)
    _require("ZoneIds", "zoneIds", "ZoneId", params, found)
    names, ids = params.get("ZoneNames") or (), params.get("ZoneIds") or ()
    found = [zone for zone in found if (not names or zone["ZoneName"] in names) and (not ids or zone["ZoneId"] in ids)]
    return {"AvailabilityZones": matching(found, params.get("Filters"), fields=_fields(ZONE_FILTERS))}


def _require(parameter: str, said: str, member: str, params: Params, found: list[Result]) -> None:
    known = {one[member] for one in found}
    for value in params.get(parameter) or ():
        if value not in known:
            raise AwsError("InvalidParameterValue", f"Invalid {said}: [{value}]")


ZONE_FILTERS: Mapping[str, Path] = {
    "group-name": ("GroupName",),
    "message": ("Messages", "Message"),
    "opt-in-status": ("OptInStatus",),
    "region-name": ("RegionName",),
    "state": ("State",),
    "zone-id": ("ZoneId",),
    "zone-name": ("ZoneName",),
    "zone-type": ("ZoneType",),
}


@honours("RegionNames", "AllRegions", "Filters")
def describe_regions(call: Call, params: Params) -> Result:
    """The one region that there is."""
    found: list[Result] = [
        {
            "RegionName": call.region,
            "Endpoint": f"ec2.{call.region}.amazonaws.com",
            "OptInStatus": "opt-in-not-required",
        }
    ]
    _require("RegionNames", "region names", "RegionName", params, found)
    return {"Regions": matching(found, params.get("Filters"), fields=_fields(REGION_FILTERS))}


REGION_FILTERS: Mapping[str, Path] = {
    "endpoint": ("Endpoint",),
    "opt-in-status": ("OptInStatus",),
    "region-name": ("RegionName",),
}


def _fields(filters: Mapping[str, Path]) -> dict[str, Field[Result]]:
    return {name: _field(path) for name, path in filters.items()}


def _field(path: Path) -> Field[Result]:
    return lambda one: at(one, path)


OPERATIONS: dict[str, Operation] = {
    "DescribeAvailabilityZones": describe_availability_zones,
    "DescribeRegions": describe_regions,
}
