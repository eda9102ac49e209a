"""Zones, records and health checks, as they are just now."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.types.model import Doing
from aftershock.services.cloudformation.types.route53 import record_there

from .words import Live, tags, told


def _tags(doing: Doing, kind: str, physical_id: str) -> list[dict[str, str]]:
    answer = doing.ask("route53", "ListTagsForResource", ResourceType=kind, ResourceId=physical_id)
    return tags(answer["ResourceTagSet"])


def _zone(doing: Doing, zone_id: str) -> Mapping[str, Any]:
    zone = doing.ask("route53", "GetHostedZone", Id=zone_id)
    return {
        "HostedZoneConfig": told(doing.properties.get("HostedZoneConfig"), zone["HostedZone"].get("Config", {})),
        "HostedZoneTags": _tags(doing, "hostedzone", zone_id),
        "VPCs": zone.get("VPCs", []),
    }


def _check(doing: Doing, check_id: str) -> Mapping[str, Any]:
    check = doing.ask("route53", "GetHealthCheck", HealthCheckId=check_id)["HealthCheck"]
    return {
        "HealthCheckConfig": told(doing.properties["HealthCheckConfig"], check["HealthCheckConfig"]),
        "HealthCheckTags": _tags(doing, "healthcheck", check_id),
    }


_SAME = ("Failover", "GeoLocation", "HealthCheckId", "MultiValueAnswer", "Region", "Weight")


def _record(doing: Doing, _name: str) -> Mapping[str, Any]:
    there = record_there(doing, doing.properties)
    assert there is not None  # it was there a moment ago, in this transaction
    return {
        **{name: there.get(name) for name in _SAME},
        "ResourceRecords": [one["Value"] for one in there.get("ResourceRecords", [])],
        "TTL": str(there["TTL"]) if "TTL" in there else None,
    }


LIVE: Mapping[str, Live] = {
    "AWS::Route53::HealthCheck": _check,
    "AWS::Route53::HostedZone": _zone,
    "AWS::Route53::RecordSet": _record,
}
