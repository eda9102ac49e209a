"""Reserved instances: what is offered, what was bought, and buying."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.reserved_instances import RESERVED_INSTANCES, ReservedInstances
from aftershock.services.ec2.rules import reserved_instances as rules
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.times import wire_time
from aftershock.services.ec2.rules.zones import zones

from .describing import paged

PAGE = 100  # AWS: "The maximum is 100.  Default: 100"
MIN_DURATION_S, MAX_DURATION_S = 2_592_000, 94_608_000  # AWS's defaults: a month, three years


@honours(
    "ReservedInstancesOfferingIds",
    "InstanceType",
    "AvailabilityZone",
    "AvailabilityZoneId",
    "MinDuration",
    "MaxDuration",
    "OfferingClass",
    "OfferingType",
    "ProductDescription",
    "InstanceTenancy",
    "IncludeMarketplace",
    "MaxInstanceCount",
    "Filters",
    "NextToken",
    "MaxResults",
)
def describe_reserved_instances_offerings(call: Call, params: Params) -> Result:
    """All are AWS's own: there is no marketplace, for which `IncludeMarketplace` and `MaxInstanceCount` are meant."""
    if params.get("InstanceTenancy") == "host":
        raise AwsError("InvalidParameterValue", "Value (host) for parameter instanceTenancy is invalid.")
    if (size := params.get("MaxResults") or PAGE) > PAGE:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value less than or equal to {PAGE}.",
        )
    if ids := params.get("ReservedInstancesOfferingIds"):
        found = [rules.offering(call.region, one) for one in dict.fromkeys(ids)]
    else:
        found = list(rules.offerings(call.region).values())
    shown = [rules.offering_view(one, call.region) for one in found if _offered(call, params, one)]
    return paged(
        params if ids else {**params, "MaxResults": size},
        matching(shown, params.get("Filters"), fields=_OFFERING_FIELDS),
        key=lambda one: one["ReservedInstancesOfferingId"],
        ids="ReservedInstancesOfferingIds",
        answer="ReservedInstancesOfferings",
        view=lambda one: one,
    )


def _offered(call: Call, params: Params, one: rules.Offering) -> bool:
    least, most = params.get("MinDuration") or MIN_DURATION_S, params.get("MaxDuration") or MAX_DURATION_S
    zone = _zone(call, params)
    wanted = {
        one.instance_type: params.get("InstanceType"),
        one.price.payment: params.get("OfferingType"),
        "standard": params.get("OfferingClass"),
        "default": params.get("InstanceTenancy"),
        rules.PLATFORM: params.get("ProductDescription"),
    }
    return (
        least <= one.duration_s <= most
        and (zone is None or one.zone == zone)
        and all(asked in (None, has) for has, asked in wanted.items())
    )


def _zone(call: Call, params: Params) -> str | None:
    zone, zone_id = params.get("AvailabilityZone"), params.get("AvailabilityZoneId")
    if zone and zone_id:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter availabilityZone cannot be used with the parameter availabilityZoneId",
        )
    for known in zones(call.region):
        if known.name == zone or known.id == zone_id:
            return known.name
    if zone or zone_id:
        raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{zone or zone_id}]")
    return None


@honours("ReservedInstancesOfferingId", "InstanceCount")
def purchase_reserved_instances_offering(call: Call, params: Params) -> Result:
    """Buy now.  The controller puts the purchase on the bill, and from then on it is active."""
    wanted = rules.offering(call.region, params["ReservedInstancesOfferingId"])
    count = params["InstanceCount"]
    rules.check_count(count)
    rules.check_quota(_every(call), wanted, count, call.now)
    bought = ReservedInstances(
        id=rules.purchase_id(call.new_id("r")),
        account=call.account,
        region=call.region,
        offering_id=wanted.id,
        instance_type=wanted.instance_type,
        zone=wanted.zone,
        count=count,
        payment=wanted.price.payment,
        years=wanted.price.years,
        upfront=wanted.price.upfront,
        hourly=wanted.price.hourly,
        bought_at=call.now,
    )
    RESERVED_INSTANCES.put(call.tx, bought)
    return {"ReservedInstancesId": bought.id}


@honours("ReservedInstancesIds", "Filters", "OfferingClass", "OfferingType")
def describe_reserved_instances(call: Call, params: Params) -> Result:
    known = {one.id: one for one in _every(call)}
    ids = params.get("ReservedInstancesIds")
    for one in ids or ():
        if one not in known:
            raise AwsError("InvalidReservedInstancesId", f"The Reserved Instances ID '{one}' does not exist")
    found = [known[one] for one in dict.fromkeys(ids)] if ids else list(known.values())
    shown = [
        rules.purchase_view(one, call.region, call.now)
        for one in found
        if params.get("OfferingType") in (None, one.payment) and params.get("OfferingClass") in (None, "standard")
    ]
    return {"ReservedInstances": matching(shown, params.get("Filters"), fields=_PURCHASE_FIELDS, tags=lambda one: {})}


def _every(call: Call) -> list[ReservedInstances]:
    return [one for one in RESERVED_INSTANCES.every(call.tx) if one.account == call.account]


def _member(name: str) -> Field[Result]:
    return lambda one: one[name]


_COMMON: Mapping[str, Field[Result]] = {
    "availability-zone": _member("AvailabilityZone"),
    "availability-zone-id": _member("AvailabilityZoneId"),
    "duration": _member("Duration"),
    "fixed-price": lambda one: str(one["FixedPrice"]),
    "instance-type": _member("InstanceType"),
    "product-description": _member("ProductDescription"),
    "scope": _member("Scope"),
    "usage-price": lambda one: str(one["UsagePrice"]),
}
_OFFERING_FIELDS: Mapping[str, Field[Result]] = {
    **_COMMON,
    "marketplace": _member("Marketplace"),
    "reserved-instances-offering-id": _member("ReservedInstancesOfferingId"),
}
_PURCHASE_FIELDS: Mapping[str, Field[Result]] = {
    **_COMMON,
    "end": lambda one: wire_time(one["End"]),
    "reserved-instances-id": _member("ReservedInstancesId"),
    "start": lambda one: wire_time(one["Start"]),
    "state": _member("State"),
}

OPERATIONS: dict[str, Operation] = {
    "DescribeReservedInstances": describe_reserved_instances,
    "DescribeReservedInstancesOfferings": describe_reserved_instances_offerings,
    "PurchaseReservedInstancesOffering": purchase_reserved_instances_offering,
}
