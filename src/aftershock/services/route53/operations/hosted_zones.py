"""Hosted zones, and the VPCs that see private ones."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.route53.records import (
    HOSTED_ZONES,
    RECORD_SETS,
    USED_REFERENCES,
    HostedZone,
    UsedReference,
    ZoneVpc,
    order_key,
    record_key,
)
from aftershock.services.route53.rules import errors, zones
from aftershock.services.route53.rules.names import InvalidName, normal
from aftershock.services.route53.rules.parameters import page_size, refuse, zone_id

from .found import Sources, change_view, record_change, require_zone, zone_view

Handler = Callable[[Sources, Call, Params], Result]
PRIVATE = "PrivateHostedZone"


def create_hosted_zone(sources: Sources, call: Call, params: Params) -> Result:
    if params.get("DelegationSetId"):
        text = f"A reusable delegation set with the specified ID does not exist: {params['DelegationSetId']}"
        raise AwsError("NoSuchDelegationSet", text, status=400)
    name = _require_name(params["Name"])
    config = params.get("HostedZoneConfig") or {}
    given = params.get("VPC")
    if config.get("PrivateZone") and not given:
        raise errors.invalid_input(
            "When you're creating a private hosted zone (when you specify true for PrivateZone), "
            "you must also specify values for VPCId and VPCRegion."
        )
    vpcs = (ZoneVpc(*sources.require_vpc(call.tx, call.region, given)),) if given else ()
    reference = f"zone {call.account} {params['CallerReference']}"
    if USED_REFERENCES.get(call.tx, reference):
        raise errors.zone_exists()
    own = HOSTED_ZONES.where(call.tx, "account", call.account)
    if len(own) >= zones.MAX_ZONES:
        text = (
            f"This operation can't be completed because the current account has reached the limit of {zones.MAX_ZONES}"
        )
        raise AwsError("TooManyHostedZones", f"{text} hosted zones.")
    for vpc in vpcs:
        _require_no_conflict(call, vpc, name)
    zone = _make(call, params["CallerReference"], name, config.get("Comment"), vpcs)
    USED_REFERENCES.put(call.tx, UsedReference(reference))
    result: dict[str, Any] = {
        "HostedZone": zone_view(call, zone),
        "ChangeInfo": change_view(record_change(call)),
        "Location": f"https://route53.amazonaws.com/2013-04-01/hostedzone/{zone.id}",
    }
    return result | (_vpc_view(zone.vpcs[0], "VPC") if zone.private else {"DelegationSet": _servers(zone)})


def _make(call: Call, reference: str, name: str, comment: str | None, vpcs: tuple[ZoneVpc, ...]) -> HostedZone:
    new = zones.opaque_id("Z", call.new_id("zone"))
    zone = HostedZone(
        id=new,
        account=call.account,
        name=name,
        caller_reference=reference,
        comment=comment,
        private=bool(vpcs),
        vpcs=vpcs,
        name_servers=zones.PRIVATE_SERVERS if vpcs else zones.name_servers(new),
        created_at=call.now,
    )
    HOSTED_ZONES.put(call.tx, zone)
    for record in zones.own_records(zone):
        RECORD_SETS.put(call.tx, record)
    return zone


def _require_name(given: str) -> str:
    try:
        name = normal(given)
    except InvalidName as error:
        raise errors.invalid_domain_name(str(error)) from error
    if name == "." or name.startswith("\\052."):
        raise errors.invalid_domain_name(f"The domain name {given} is not valid for a hosted zone.")
    return name


def _require_no_conflict(call: Call, vpc: ZoneVpc, name: str) -> None:
    if any(zone.name == name for zone in HOSTED_ZONES.where(call.tx, "vpc", vpc.id)):
        raise errors.conflicting_domain(vpc.id, vpc.region, name)


def get_hosted_zone(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["Id"])
    result: dict[str, Any] = {"HostedZone": zone_view(call, zone)}
    if zone.private:
        return result | {"VPCs": [_vpc_view(vpc, "VPC")["VPC"] for vpc in zone.vpcs]}
    return result | {"DelegationSet": _servers(zone)}


def delete_hosted_zone(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["Id"])
    records = RECORD_SETS.where(call.tx, "zone", zone.id)
    if any(record.name != zone.name or record.type not in ("NS", "SOA") for record in records):
        raise errors.zone_not_empty()
    for record in records:
        RECORD_SETS.forget(call.tx, record_key(record))
    HOSTED_ZONES.forget(call.tx, zone.id)
    return {"ChangeInfo": change_view(record_change(call))}


def update_hosted_zone_comment(sources: Sources, call: Call, params: Params) -> Result:
    zone = replace(require_zone(call, params["Id"]), comment=params.get("Comment"))
    HOSTED_ZONES.put(call.tx, zone)
    return {"HostedZone": zone_view(call, zone)}


# --- lists -----------------------------------------------------------------------------------------------------


def list_hosted_zones(sources: Sources, call: Call, params: Params) -> Result:
    refuse(params, "DelegationSetId")
    size = page_size(params)
    found = HOSTED_ZONES.where(call.tx, "account", call.account)
    if params.get("HostedZoneType") == PRIVATE:
        found = [zone for zone in found if zone.private]
    marker = params.get("Marker")
    rest = [zone for zone in found if marker is None or zone.id >= zone_id(marker)]
    return {
        "HostedZones": [zone_view(call, zone) for zone in rest[:size]],
        "Marker": marker or "",
        "IsTruncated": len(rest) > size,
        "NextMarker": rest[size].id if len(rest) > size else None,
        "MaxItems": str(size),
    }


def list_hosted_zones_by_name(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: in the order of their names with the labels reversed; of one name, in the order of their ids."""
    size = page_size(params)
    if params.get("HostedZoneId") and not params.get("DNSName"):
        raise errors.invalid_input("If you specify a value for HostedZoneId, you must also specify DNSName.")
    start = ("", "")
    if params.get("DNSName"):
        start = order_key(_require_listed_name(params["DNSName"])), zone_id(params.get("HostedZoneId") or "")
    found = sorted(HOSTED_ZONES.where(call.tx, "account", call.account), key=_by_name)
    rest = [zone for zone in found if _by_name(zone) >= start]
    after = rest[size] if len(rest) > size else None
    return {
        "HostedZones": [zone_view(call, zone) for zone in rest[:size]],
        "DNSName": params.get("DNSName"),
        "HostedZoneId": params.get("HostedZoneId"),
        "IsTruncated": after is not None,
        "NextDNSName": after.name if after else None,
        "NextHostedZoneId": after.id if after else None,
        "MaxItems": str(size),
    }


def _by_name(zone: HostedZone) -> tuple[str, str]:
    return order_key(zone.name), zone.id


def _require_listed_name(given: str) -> str:
    try:
        return normal(given)
    except InvalidName as error:
        raise errors.invalid_domain_name(str(error)) from error


def list_hosted_zones_by_vpc(sources: Sources, call: Call, params: Params) -> Result:
    size = page_size(params)
    _, vpc_id = sources.require_vpc(call.tx, call.region, params)
    found = HOSTED_ZONES.where(call.tx, "vpc", vpc_id)
    try:
        chosen, token = page(found, key=lambda zone: zone.id, token=params.get("NextToken"), size=size)
    except InvalidToken:
        text = f"The value that you specified to get the second or subsequent page of results is invalid: {size}"
        raise AwsError("InvalidPaginationToken", text) from None
    return {
        "HostedZoneSummaries": [
            {"HostedZoneId": zone.id, "Name": zone.name, "Owner": {"OwningAccount": zone.account}} for zone in chosen
        ],
        "MaxItems": str(size),
        "NextToken": token,
    }


def get_hosted_zone_count(sources: Sources, call: Call, params: Params) -> Result:
    return {"HostedZoneCount": len(HOSTED_ZONES.where(call.tx, "account", call.account))}


# --- VPCs ------------------------------------------------------------------------------------------------------


def associate_vpc(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["HostedZoneId"])
    vpc = ZoneVpc(*sources.require_vpc(call.tx, call.region, params["VPC"]))
    if not zone.private:
        raise errors.public_zone(zone.id, vpc.id)
    if vpc in zone.vpcs or any(one.name == zone.name for one in HOSTED_ZONES.where(call.tx, "vpc", vpc.id)):
        raise errors.conflicting_domain(vpc.id, vpc.region, zone.name)
    if len(zone.vpcs) >= zones.MAX_VPCS:
        raise AwsError("LimitsExceeded", f"A private hosted zone can be associated with {zones.MAX_VPCS} VPCs.")
    HOSTED_ZONES.put(call.tx, replace(zone, vpcs=(*zone.vpcs, vpc)))
    return {"ChangeInfo": change_view(record_change(call, params.get("Comment")))}


def disassociate_vpc(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["HostedZoneId"])
    given = params["VPC"]
    if not given.get("VPCId") or not given.get("VPCRegion"):
        raise errors.invalid_input("You must specify both VPCId and VPCRegion.")
    vpc = ZoneVpc(given["VPCRegion"], given["VPCId"])
    if vpc not in zone.vpcs:
        text = f"The VPC: {vpc.id} that you provided is not associated with the hosted zone: {zone.id}."
        raise AwsError("VPCAssociationNotFound", text, status=404)
    if len(zone.vpcs) == 1:
        text = "You can't disassociate the last VPC from a private hosted zone."
        raise AwsError("LastVPCAssociation", text)
    HOSTED_ZONES.put(call.tx, replace(zone, vpcs=tuple(one for one in zone.vpcs if one != vpc)))
    return {"ChangeInfo": change_view(record_change(call, params.get("Comment")))}


def _vpc_view(vpc: ZoneVpc, name: str) -> dict[str, Any]:
    return {name: {"VPCRegion": vpc.region, "VPCId": vpc.id}}


def _servers(zone: HostedZone) -> dict[str, Any]:
    return {"NameServers": [server.removesuffix(".") for server in zone.name_servers]}


OPERATIONS: dict[str, Handler] = {
    "CreateHostedZone": create_hosted_zone,
    "GetHostedZone": get_hosted_zone,
    "DeleteHostedZone": delete_hosted_zone,
    "UpdateHostedZoneComment": update_hosted_zone_comment,
    "ListHostedZones": list_hosted_zones,
    "ListHostedZonesByName": list_hosted_zones_by_name,
    "ListHostedZonesByVPC": list_hosted_zones_by_vpc,
    "GetHostedZoneCount": get_hosted_zone_count,
    "AssociateVPCWithHostedZone": associate_vpc,
    "DisassociateVPCFromHostedZone": disassociate_vpc,
}
