"""Tags, limits and places; and what is refused because nothing here would be behind it."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.route53.records import HEALTH_CHECKS, HOSTED_ZONES, RECORD_SETS, HealthCheck, HostedZone
from aftershock.services.route53.rules import errors, health, zones
from aftershock.services.route53.rules.parameters import zone_id
from aftershock.services.route53.rules.tags import changed

from .found import Sources, require_check, require_zone

Handler = Callable[[Sources, Call, Params], Result]
ZONE = "hostedzone"


# --- tags ------------------------------------------------------------------------------------------------------


def change_tags(sources: Sources, call: Call, params: Params) -> Result:
    found = _require_tagged(call, params["ResourceType"], params["ResourceId"])
    tags = changed(found.tags, params.get("AddTags") or (), params.get("RemoveTagKeys") or ())
    if isinstance(found, HostedZone):
        HOSTED_ZONES.put(call.tx, replace(found, tags=tags))
    else:
        HEALTH_CHECKS.put(call.tx, replace(found, tags=tags))
    return {}


def list_tags(sources: Sources, call: Call, params: Params) -> Result:
    return {"ResourceTagSet": _tag_set(call, params["ResourceType"], params["ResourceId"])}


def list_tags_of_several(sources: Sources, call: Call, params: Params) -> Result:
    sets = [_tag_set(call, params["ResourceType"], one) for one in params["ResourceIds"]]
    return {"ResourceTagSets": sets}


def _require_tagged(call: Call, kind: str, resource: str) -> HostedZone | HealthCheck:
    return require_zone(call, resource) if kind == ZONE else require_check(call, resource)


def _tag_set(call: Call, kind: str, resource: str) -> dict[str, Any]:
    found = _require_tagged(call, kind, resource)
    return {
        "ResourceType": kind,
        "ResourceId": zone_id(resource),
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(found.tags.items())],
    }


# --- limits ----------------------------------------------------------------------------------------------------


def get_account_limit(sources: Sources, call: Call, params: Params) -> Result:
    kind = params["Type"]
    # AWS: the quotas of an account; of traffic policies and reusable delegation sets there are none here.
    limits = {
        "MAX_HOSTED_ZONES_BY_OWNER": (zones.MAX_ZONES, len(HOSTED_ZONES.where(call.tx, "account", call.account))),
        "MAX_HEALTH_CHECKS_BY_OWNER": (health.MAX_CHECKS, len(HEALTH_CHECKS.where(call.tx, "account", call.account))),
    }
    if kind not in limits:
        raise errors.invalid_input(f"The limit {kind} is not supported in this region.")
    value, count = limits[kind]
    return {"Limit": {"Type": kind, "Value": value}, "Count": count}


def get_hosted_zone_limit(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["HostedZoneId"])
    kind = params["Type"]
    if kind == "MAX_RRSETS_BY_ZONE":
        return {
            "Limit": {"Type": kind, "Value": zones.MAX_RECORD_SETS},
            "Count": RECORD_SETS.count(call.tx, "zone", zone.id),
        }
    if not zone.private:
        raise AwsError("HostedZoneNotPrivate", "The specified hosted zone is a public hosted zone.")
    return {"Limit": {"Type": kind, "Value": zones.MAX_VPCS}, "Count": len(zone.vpcs)}


# --- what there is not -----------------------------------------------------------------------------------------


def create_query_logging_config(sources: Sources, call: Call, params: Params) -> Result:
    """There are no log groups, so that none can be found."""
    require_zone(call, params["HostedZoneId"])
    text = "The specified CloudWatch Logs log group doesn't exist."
    raise AwsError("NoSuchCloudWatchLogsLogGroup", text, status=404)


def list_query_logging_configs(sources: Sources, call: Call, params: Params) -> Result:
    if params.get("HostedZoneId"):
        require_zone(call, params["HostedZoneId"])
    if params.get("NextToken"):
        raise AwsError("InvalidPaginationToken", "The value of NextToken is invalid: no page has another after it.")
    return {"QueryLoggingConfigs": []}


def get_dnssec(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["HostedZoneId"])
    if zone.private:
        raise AwsError("InvalidArgument", "DNSSEC is not supported for private hosted zones.")
    return {"Status": {"ServeSignature": "NOT_SIGNING"}, "KeySigningKeys": []}


OPERATIONS: dict[str, Handler] = {
    "ChangeTagsForResource": change_tags,
    "ListTagsForResource": list_tags,
    "ListTagsForResources": list_tags_of_several,
    "GetAccountLimit": get_account_limit,
    "GetHostedZoneLimit": get_hosted_zone_limit,
    "CreateQueryLoggingConfig": create_query_logging_config,
    "ListQueryLoggingConfigs": list_query_logging_configs,
    "GetDNSSEC": get_dnssec,
}
