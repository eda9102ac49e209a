"""AWS::Route53: hosted zones, records, health checks."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    STRINGS,
    TAGS,
    Kind,
    Need,
    changed,
    changing,
    fixed,
    many,
    members,
)

from .model import Doing, FailedError, ResourceType, Seen, found, unless_gone

NO_ZONE, NO_CHECK = "NoSuchHostedZone", "NoSuchHealthCheck"
_CHANGE = "change"


def _bare(text: str) -> str:
    return text.rpartition("/")[2]


def _batch(doing: Doing, zone_id: str, changes: list[dict[str, Any]]) -> dict[str, Any]:
    """What `advance` waits with: the change that the name servers are to answer from."""
    answer = doing.ask("route53", "ChangeResourceRecordSets", HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    return {_CHANGE: _bare(answer["ChangeInfo"]["Id"])}


def _in_sync(doing: Doing, _physical_id: str) -> Mapping[str, Any]:
    """A change is done when the name servers answer from it."""
    answer = doing.ask("route53", "GetChange", Id=doing.state[_CHANGE])
    return {} if answer["ChangeInfo"]["Status"] == "INSYNC" else doing.state


def _create_zone(doing: Doing) -> tuple[str, Mapping[str, Any]]:
    vpcs = doing.properties.get("VPCs", [])
    asked = doing.given("Name", "HostedZoneConfig")
    if vpcs:
        asked["VPC"] = vpcs[0]
    answer = doing.ask("route53", "CreateHostedZone", CallerReference=f"{doing.stack_id} {doing.token}"[-128:], **asked)
    zone_id = _bare(answer["HostedZone"]["Id"])
    for vpc in vpcs[1:]:
        doing.ask("route53", "AssociateVPCWithHostedZone", HostedZoneId=zone_id, VPC=vpc)
    _retag(doing, "hostedzone", zone_id, "HostedZoneTags", {})
    return zone_id, {_CHANGE: _bare(answer["ChangeInfo"]["Id"])}


def _retag(doing: Doing, kind: str, physical_id: str, name: str, before: Mapping[str, Any]) -> None:
    was = {tag["Key"]: tag["Value"] for tag in before.get(name, [])}
    now = {tag["Key"]: tag["Value"] for tag in doing.properties.get(name, [])}
    put = [{"Key": key, "Value": value} for key, value in now.items() if was.get(key) != value]
    gone = sorted(was.keys() - now.keys())
    if put or gone:
        asked = {**({"AddTags": put} if put else {}), **({"RemoveTagKeys": gone} if gone else {})}
        doing.ask("route53", "ChangeTagsForResource", ResourceType=kind, ResourceId=physical_id, **asked)


def _read_zone(doing: Doing, zone_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("route53", "GetHostedZone", Id=zone_id), NO_ZONE)
    if answer is None:
        return None
    return Seen({"Id": zone_id, "NameServers": answer.get("DelegationSet", {}).get("NameServers", [])})


def _update_zone(doing: Doing, zone_id: str, before: Mapping[str, Any]) -> None:
    was, now = before.get("VPCs", []), doing.properties.get("VPCs", [])
    for vpc in now:
        if vpc not in was:
            doing.ask("route53", "AssociateVPCWithHostedZone", HostedZoneId=zone_id, VPC=vpc)
    for vpc in was:
        if vpc not in now:
            doing.ask("route53", "DisassociateVPCFromHostedZone", HostedZoneId=zone_id, VPC=vpc)
    if before.get("HostedZoneConfig") != doing.properties.get("HostedZoneConfig"):
        comment = doing.properties.get("HostedZoneConfig", {}).get("Comment", "")
        doing.ask("route53", "UpdateHostedZoneComment", Id=zone_id, Comment=comment)
    _retag(doing, "hostedzone", zone_id, "HostedZoneTags", before)


def _delete_zone(doing: Doing, zone_id: str) -> None:
    unless_gone(lambda: doing.ask("route53", "DeleteHostedZone", Id=zone_id), NO_ZONE)


def _becomes_private(before: Mapping[str, Any], after: Mapping[str, Any], _policy: Any) -> Need:
    """A public zone cannot be made private, nor the other way round."""
    return Need.REPLACEMENT if bool(before.get("VPCs")) != bool(after.get("VPCs")) else Need.NOTHING


HOSTED_ZONE = ResourceType(
    name="AWS::Route53::HostedZone",
    properties={
        "HostedZoneConfig": changing(members(Comment=STRING)),
        "HostedZoneTags": changing(TAGS),
        "Name": fixed(STRING, required=True),
        "VPCs": changing(many(members("VPCId VPCRegion", VPCId=STRING, VPCRegion=STRING))),
    },
    create=_create_zone,
    read=_read_zone,
    update=_update_zone,
    advance=_in_sync,
    delete=_delete_zone,
    attributes=("Id", "NameServers"),
    need_of=_becomes_private,
)

_RECORD: dict[str, Kind] = {
    "AliasTarget": members("DNSName HostedZoneId", DNSName=STRING, EvaluateTargetHealth=BOOLEAN, HostedZoneId=STRING),
    "Failover": STRING,
    "GeoLocation": members(ContinentCode=STRING, CountryCode=STRING, SubdivisionCode=STRING),
    "HealthCheckId": STRING,
    "MultiValueAnswer": BOOLEAN,
    "Region": STRING,
    "ResourceRecords": STRINGS,
    "SetIdentifier": STRING,
    "TTL": STRING,
    "Weight": INTEGER,
}


def record(written: Mapping[str, Any]) -> dict[str, Any]:
    """A record as Route 53's operations take it."""
    plain = ("Name", "Type", "Failover", "HealthCheckId", "MultiValueAnswer", "Region", "SetIdentifier", "Weight")
    made = {name: written[name] for name in plain if name in written}
    if "TTL" in written:
        if not written["TTL"].isdecimal():
            raise FailedError(f"Invalid TTL: {written['TTL']}")
        made["TTL"] = int(written["TTL"])
    if "ResourceRecords" in written:
        made["ResourceRecords"] = [{"Value": value} for value in written["ResourceRecords"]]
    if "AliasTarget" in written:
        made["AliasTarget"] = {"EvaluateTargetHealth": False, **written["AliasTarget"]}
    if "GeoLocation" in written:
        made["GeoLocation"] = written["GeoLocation"]
    return made


def _zone_of(doing: Doing, properties: Mapping[str, Any]) -> str:
    if "HostedZoneId" in properties:
        return _bare(properties["HostedZoneId"])
    name = properties["HostedZoneName"]
    zones = doing.ask("route53", "ListHostedZonesByName", DNSName=name)["HostedZones"]
    same = [zone for zone in zones if zone["Name"] == name.rstrip(".") + "."]
    if len(same) != 1:
        raise FailedError(f"{len(same)} hosted zones are named {name}; give its HostedZoneId")
    return _bare(same[0]["Id"])


def _has_zone(properties: Mapping[str, Any]) -> str | None:
    given = [name for name in ("HostedZoneId", "HostedZoneName") if name in properties]
    return None if len(given) == 1 else "Give either HostedZoneId or HostedZoneName, and not both."


def _create_record(doing: Doing) -> tuple[str, Mapping[str, Any]]:
    changes = [{"Action": "CREATE", "ResourceRecordSet": record(doing.properties)}]
    return doing.properties["Name"], _batch(doing, _zone_of(doing, doing.properties), changes)


def _there(doing: Doing, written: Mapping[str, Any]) -> bool:
    return record_there(doing, written) is not None


def record_there(doing: Doing, written: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The zone's record of this name, type and identifier."""
    asked = {"StartRecordName": written["Name"], "StartRecordType": written["Type"]}
    answer = found(
        lambda: doing.ask("route53", "ListResourceRecordSets", HostedZoneId=_zone_of(doing, doing.properties), **asked),
        NO_ZONE,
    )
    wanted = (_full(written["Name"]), written["Type"], written.get("SetIdentifier"))
    for one in answer["ResourceRecordSets"] if answer else ():
        if (_full(one["Name"]), one["Type"], one.get("SetIdentifier")) == wanted:
            found_: Mapping[str, Any] = one
            return found_
    return None


def _full(name: str) -> str:
    return name.lower().rstrip(".").replace("*", "\\052") + "."


def _read_record(doing: Doing, _name: str) -> Seen | None:
    return Seen() if _there(doing, doing.properties) else None


def _update_record(doing: Doing, _name: str, before: Mapping[str, Any]) -> Mapping[str, Any]:
    changes = [
        {"Action": "DELETE", "ResourceRecordSet": record(before)},
        {"Action": "CREATE", "ResourceRecordSet": record(doing.properties)},
    ]
    return _batch(doing, _zone_of(doing, doing.properties), changes)


def _delete_record(doing: Doing, _name: str) -> None:
    if _there(doing, doing.properties):
        changes = [{"Action": "DELETE", "ResourceRecordSet": record(doing.properties)}]
        _batch(doing, _zone_of(doing, doing.properties), changes)


RECORD_SET = ResourceType(
    name="AWS::Route53::RecordSet",
    properties={
        "Comment": changing(STRING),
        "HostedZoneId": fixed(STRING),
        "HostedZoneName": fixed(STRING),
        "Name": fixed(STRING, required=True),
        "Type": changing(STRING, required=True),
        **{name: changing(kind) for name, kind in _RECORD.items()},
    },
    create=_create_record,
    read=_read_record,
    update=_update_record,
    advance=_in_sync,
    delete=_delete_record,
    check=_has_zone,
)


def _create_records(doing: Doing) -> tuple[str, Mapping[str, Any]]:
    changes = [{"Action": "CREATE", "ResourceRecordSet": record(one)} for one in doing.properties["RecordSets"]]
    return doing.name(64), _batch(doing, _zone_of(doing, doing.properties), changes)


def _read_records(doing: Doing, physical_id: str) -> Seen | None:
    there = any(_there(doing, one) for one in doing.properties["RecordSets"])
    return Seen({"Id": physical_id}) if there else None


def _update_records(doing: Doing, _physical_id: str, before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    was, now = before["RecordSets"], doing.properties["RecordSets"]
    changes = [{"Action": "DELETE", "ResourceRecordSet": record(one)} for one in was if one not in now]
    changes += [{"Action": "CREATE", "ResourceRecordSet": record(one)} for one in now if one not in was]
    return _batch(doing, _zone_of(doing, doing.properties), changes) if changes else None


def _delete_records(doing: Doing, _physical_id: str) -> None:
    left = [record(one) for one in doing.properties["RecordSets"] if _there(doing, one)]
    if left:
        changes = [{"Action": "DELETE", "ResourceRecordSet": one} for one in left]
        _batch(doing, _zone_of(doing, doing.properties), changes)


RECORD_SET_GROUP = ResourceType(
    name="AWS::Route53::RecordSetGroup",
    properties={
        "Comment": changing(STRING),
        "HostedZoneId": fixed(STRING),
        "HostedZoneName": fixed(STRING),
        "RecordSets": changing(many(members("Name Type", Name=STRING, Type=STRING, **_RECORD)), required=True),
    },
    create=_create_records,
    read=_read_records,
    update=_update_records,
    advance=_in_sync,
    delete=_delete_records,
    attributes=("Id",),
    check=_has_zone,
)

_CHECK = members(
    "Type",
    ChildHealthChecks=STRINGS,
    EnableSNI=BOOLEAN,
    FailureThreshold=INTEGER,
    FullyQualifiedDomainName=STRING,
    HealthThreshold=INTEGER,
    Inverted=BOOLEAN,
    IPAddress=STRING,
    MeasureLatency=BOOLEAN,
    Port=INTEGER,
    Regions=STRINGS,
    RequestInterval=INTEGER,
    ResourcePath=STRING,
    SearchString=STRING,
    Type=STRING,
)
_MADE_SO = ("Type", "RequestInterval", "MeasureLatency")  # UpdateHealthCheck does not have them


def _create_check(doing: Doing) -> str:
    answer = doing.ask(
        "route53",
        "CreateHealthCheck",
        CallerReference=f"{doing.logical_id}-{doing.token}"[-64:],
        HealthCheckConfig=doing.properties["HealthCheckConfig"],
    )
    check_id = str(answer["HealthCheck"]["Id"])
    _retag(doing, "healthcheck", check_id, "HealthCheckTags", {})
    return check_id


def _read_check(doing: Doing, check_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("route53", "GetHealthCheck", HealthCheckId=check_id), NO_CHECK)
    return Seen({"HealthCheckId": check_id}) if answer else None


def _update_check(doing: Doing, check_id: str, before: Mapping[str, Any]) -> None:
    was, now = before["HealthCheckConfig"], doing.properties["HealthCheckConfig"]
    names = changed(was, now)
    gone = [name for name in names if name not in now]
    if gone:
        raise FailedError(f"{', '.join(gone)} of a health check cannot be taken away; give a value")
    if names:
        asked = {name: now[name] for name in names}
        doing.ask("route53", "UpdateHealthCheck", HealthCheckId=check_id, **asked)
    _retag(doing, "healthcheck", check_id, "HealthCheckTags", before)


def _delete_check(doing: Doing, check_id: str) -> None:
    unless_gone(lambda: doing.ask("route53", "DeleteHealthCheck", HealthCheckId=check_id), NO_CHECK)


def _made_otherwise(before: Mapping[str, Any], after: Mapping[str, Any], _policy: Any) -> Need:
    was, now = before.get("HealthCheckConfig", {}), after.get("HealthCheckConfig", {})
    other = any(was.get(name) != now.get(name) for name in _MADE_SO)
    return Need.REPLACEMENT if other else Need.NOTHING


HEALTH_CHECK = ResourceType(
    name="AWS::Route53::HealthCheck",
    properties={"HealthCheckConfig": changing(_CHECK, required=True), "HealthCheckTags": changing(TAGS)},
    create=_create_check,
    read=_read_check,
    update=_update_check,
    delete=_delete_check,
    attributes=("HealthCheckId",),
    need_of=_made_otherwise,
)

TYPES = (HOSTED_ZONE, RECORD_SET, RECORD_SET_GROUP, HEALTH_CHECK)
