"""Records: changed in batches, listed in order, and asked for as a client would."""

from collections.abc import Callable
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.route53.records import (
    CHANGES,
    HEALTH_CHECKS,
    RECORD_SETS,
    Location,
    RecordSet,
    order_key,
    record_key,
)
from aftershock.services.route53.rules import batch, errors, names
from aftershock.services.route53.rules.names import InvalidName
from aftershock.services.route53.rules.parameters import page_size, refuse

from .found import Sources, change_view, record_change, require_zone

Handler = Callable[[Sources, Call, Params], Result]
MAX_LISTED = 300


def change_resource_record_sets(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["HostedZoneId"])
    given = params["ChangeBatch"]
    wanted = batch.read(zone, given["Changes"])
    for one in wanted:
        check = one.record.health_check_id
        if one.action != "DELETE" and check and HEALTH_CHECKS.get(call.tx, check) is None:
            raise errors.no_such_health_check(check)
    before = [
        record
        for name in sorted(batch.touched(zone, wanted))
        for record in RECORD_SETS.where(call.tx, "name", f"{zone.id} {name}")
    ]
    aliased = any(one.record.alias for one in wanted)
    effect = batch.apply(zone, before, wanted, sources.targets(call.tx) if aliased else batch.Targets({}, {}))
    for key in effect.forget:
        RECORD_SETS.forget(call.tx, key)
    for record in effect.put:
        RECORD_SETS.put(call.tx, record)
    batch.require_room(RECORD_SETS.count(call.tx, "zone", zone.id))
    return {"ChangeInfo": change_view(record_change(call, given.get("Comment")))}


def list_resource_record_sets(sources: Sources, call: Call, params: Params) -> Result:
    zone = require_zone(call, params["HostedZoneId"])
    size = page_size(params, MAX_LISTED)
    start = _start(zone.id, params)
    records = [record for record in RECORD_SETS.where(call.tx, "zone", zone.id) if _position(record) >= start]
    after = records[size] if len(records) > size else None
    return {
        "ResourceRecordSets": [view(record) for record in records[:size]],
        "IsTruncated": after is not None,
        "NextRecordName": after.name if after else None,
        "NextRecordType": after.type if after else None,
        "NextRecordIdentifier": after.identifier if after else None,
        "MaxItems": str(size),
    }


def _position(record: RecordSet) -> str:
    return record_key(record)


def _start(zone_id: str, params: Params) -> str:
    name, kind, identifier = (params.get(f"StartRecord{part}") for part in ("Name", "Type", "Identifier"))
    if kind and not name:
        raise errors.invalid_input("If you specify StartRecordType, you must also specify StartRecordName.")
    if identifier and not kind:
        raise errors.invalid_input(
            "If you specify StartRecordIdentifier, you must also specify StartRecordName and StartRecordType."
        )
    if not name:
        return ""
    try:
        return f"{zone_id} {order_key(names.normal(name))} {kind or ''}" + (f" {identifier or ''}" if kind else "")
    except InvalidName as error:
        raise errors.invalid_input(str(error)) from error


def view(record: RecordSet) -> dict[str, Any]:
    alias = record.alias
    return {
        "Name": record.name,
        "Type": record.type,
        "SetIdentifier": record.identifier,
        "Weight": record.weight,
        "Region": record.region,
        "GeoLocation": _place(record.location) if record.location else None,
        "Failover": record.failover,
        "MultiValueAnswer": record.multivalue or None,
        "TTL": record.ttl_s,
        "ResourceRecords": [{"Value": value} for value in record.values] or None,
        "AliasTarget": alias
        and {
            "HostedZoneId": alias.zone_id,
            "DNSName": alias.name,
            "EvaluateTargetHealth": alias.evaluate_target_health,
        },
        "HealthCheckId": record.health_check_id,
    }


def _place(location: Location) -> dict[str, Any]:
    return {
        "ContinentCode": location.continent,
        "CountryCode": location.country,
        "SubdivisionCode": location.subdivision,
    }


def get_change(sources: Sources, call: Call, params: Params) -> Result:
    change_id = params["Id"].removeprefix("/").removeprefix("change/")
    change = CHANGES.get(call.tx, change_id)
    if change is None or change.account != call.account:
        raise errors.no_such_change(change_id)
    return {"ChangeInfo": change_view(change)}


def test_dns_answer(sources: Sources, call: Call, params: Params) -> Result:
    """What the region's resolver answers now; AWS: for public hosted zones only."""
    refuse(params, "ResolverIP", "EDNS0ClientSubnetIP", "EDNS0ClientSubnetMask")
    zone = require_zone(call, params["HostedZoneId"])
    if zone.private:
        raise errors.invalid_input("You can use TestDNSAnswer only with public hosted zones.")
    try:
        name = names.normal(params["RecordName"])
    except InvalidName as error:
        raise errors.invalid_input(str(error)) from error
    if not names.lies_in(name, zone.name):
        raise errors.invalid_input(f"The record name {params['RecordName']} does not lie in the hosted zone.")
    found = sources.outside.ask(names.dns(name), params["RecordType"])
    return {
        "Nameserver": zone.name_servers[0].removesuffix("."),
        "RecordName": params["RecordName"],
        "RecordType": params["RecordType"],
        "RecordData": list(found.values),
        "ResponseCode": found.status,
        "Protocol": "UDP",
    }


OPERATIONS: dict[str, Handler] = {
    "ChangeResourceRecordSets": change_resource_record_sets,
    "ListResourceRecordSets": list_resource_record_sets,
    "GetChange": get_change,
    "TestDNSAnswer": test_dns_answer,
}
