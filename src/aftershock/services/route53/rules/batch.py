"""A batch of changes to a zone's records: all of it, or nothing and the list of what is wrong.

The changes are made one after the other in memory; what must hold of the zone as a whole is looked at in the end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aftershock.services.route53.records import Alias, HostedZone, Location, RecordSet, record_key

from . import errors, names, values
from .names import InvalidName
from .routing import CONTINENTS, distinction, policy
from .values import InvalidValue
from .zones import MAX_RECORD_SETS

MAX_VALUES, MAX_CHARACTERS = 1000, 32_000  # of a batch; AWS: an UPSERT counts twice
MAX_VALUES_PER_SET = 400
MAX_SETS_PER_NAME = 100
POLICIES = ("Weight", "Region", "Failover", "GeoLocation", "MultiValueAnswer")
UNSUPPORTED = ("CidrRoutingConfig", "GeoProximityLocation", "TrafficPolicyInstanceId")
NEVER_ALIAS = ("NS", "SOA")


@dataclass(frozen=True, slots=True)
class Wanted:
    action: str
    record: RecordSet


@dataclass(frozen=True, slots=True)
class Effect:
    put: tuple[RecordSet, ...]
    forget: tuple[str, ...]  # keys


class Targets:
    """What aliases may lead to outside their own zone: zone ids, and the names that each has now."""

    def __init__(self, names_by_zone: Mapping[str, frozenset[str]], domains: Mapping[str, frozenset[str]]) -> None:
        """Names as they are shown; `domains` are those that a zone's names lie in."""
        self._names, self._domains = names_by_zone, domains

    def problem(self, alias: Alias) -> str | None:
        name = alias.name.removeprefix("dualstack.")
        if name in self._names.get(alias.zone_id, ()):
            return None
        if any(names.lies_in(name, domain) for domain in self._domains.get(alias.zone_id, ())):
            return "but that target was not found"
        return "but the alias target name does not lie within the target zone"


# --- reading ---------------------------------------------------------------------------------------------------


def read(zone: HostedZone, changes: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """
    Raises:
        AwsError: InvalidInput, InvalidChangeBatch
    """
    for change in changes:
        _require_shape(change)
    wanted, problems = [], []
    for change in changes:
        try:
            wanted.append(Wanted(change["Action"], _record(zone, change["ResourceRecordSet"])))
        except (InvalidName, InvalidValue) as error:
            problems.append(str(error))
    if problems:
        raise errors.invalid_batch(problems)
    _require_size(wanted)
    return wanted


def _require_shape(change: Mapping[str, Any]) -> None:
    given = change["ResourceRecordSet"]
    identifier = given.get("SetIdentifier")
    where = (
        f"Change with [Action={change['Action']}, Name={given['Name']}, Type={given['Type']}, "
        f"SetIdentifier={identifier or 'null'}]"
    )
    for name in UNSUPPORTED:
        if given.get(name) is not None:
            raise errors.invalid_input(f"Invalid request: {name} is not supported in this region, in {where}")
    has_values = given.get("TTL") is not None and bool(given.get("ResourceRecords"))
    parts = given.get("TTL") is not None or bool(given.get("ResourceRecords"))
    exactly = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
    if given.get("AliasTarget") and parts:
        raise errors.invalid_input(f"Invalid request: {exactly}, but found more than one in {where}")
    if not given.get("AliasTarget") and not has_values:
        raise errors.invalid_input(f"Invalid request: {exactly}, but found none in {where}")
    chosen = [name for name in POLICIES if (one := given.get(name)) is not None and one is not False]
    one_of = f"Expected exactly one of [{', '.join(POLICIES[:-1])}, or {POLICIES[-1]}]"
    if identifier is not None and not chosen:
        raise errors.invalid_input(f"Invalid request: {one_of}, but found none in {where}")
    if len(chosen) > 1:
        raise errors.invalid_input(f"Invalid request: {one_of}, but found more than one in {where}")
    if chosen and identifier is None:
        raise errors.invalid_input(f"Invalid request: Missing field 'SetIdentifier' in {where}")
    if given.get("MultiValueAnswer") and given.get("AliasTarget"):
        raise errors.invalid_input(f"Invalid request: MultiValueAnswer is not allowed with AliasTarget in {where}")
    if location := given.get("GeoLocation"):
        _require_place(location, where)


def _require_place(location: Mapping[str, Any], where: str) -> None:
    continent, country, part = (location.get(f"{name}Code") for name in ("Continent", "Country", "Subdivision"))
    if bool(continent) == bool(country):
        problem = "Expected exactly one of [ContinentCode, or CountryCode]"
        raise errors.invalid_input(f"Invalid request: {problem} in the GeoLocation of {where}")
    if continent and continent not in CONTINENTS:
        raise errors.invalid_input(f"Invalid request: {continent} is not a ContinentCode, in {where}")
    if part and not country:
        raise errors.invalid_input(f"Invalid request: SubdivisionCode needs a CountryCode, in {where}")


def _record(zone: HostedZone, given: Mapping[str, Any]) -> RecordSet:
    kind = given["Type"]
    found = tuple(one["Value"] for one in given.get("ResourceRecords") or ())
    for value in found:
        try:
            values.presentation(kind, value)
        except InvalidValue as error:
            raise InvalidValue(f"Invalid Resource Record: '{error}'") from None
    alias, place = given.get("AliasTarget"), given.get("GeoLocation")
    return RecordSet(
        zone_id=zone.id,
        name=names.normal(given["Name"]),
        type=kind,
        identifier=given.get("SetIdentifier"),
        weight=given.get("Weight"),
        region=given.get("Region"),
        failover=given.get("Failover"),
        location=place and Location(place.get("ContinentCode"), place.get("CountryCode"), place.get("SubdivisionCode")),
        multivalue=bool(given.get("MultiValueAnswer")),
        ttl_s=given.get("TTL"),
        values=found,
        alias=alias
        and Alias(
            zone_id=alias["HostedZoneId"].removeprefix("/hostedzone/"),
            name=names.normal(alias["DNSName"]),
            evaluate_target_health=alias["EvaluateTargetHealth"],
        ),
        health_check_id=given.get("HealthCheckId"),
    )


def _require_size(wanted: Sequence[Wanted]) -> None:
    count = characters = 0
    for one in wanted:
        times = 2 if one.action == "UPSERT" else 1
        count += times * max(1, len(one.record.values))
        characters += times * sum(map(len, one.record.values))
    if count > MAX_VALUES:
        raise errors.invalid_batch([f"Number of records limit of {MAX_VALUES} exceeded."])
    if characters > MAX_CHARACTERS:
        raise errors.invalid_batch([f"RDATA character limit of {MAX_CHARACTERS} exceeded."])


# --- applying --------------------------------------------------------------------------------------------------


def touched(zone: HostedZone, wanted: Iterable[Wanted]) -> set[str]:
    """The names whose records decide whether the batch is good: its own, those that its aliases lead to, the apex."""
    found = {zone.name}
    for one in wanted:
        found.add(one.record.name)
        if one.record.alias and one.record.alias.zone_id == zone.id:
            found.add(one.record.alias.name)
    return found


def apply(zone: HostedZone, before: Iterable[RecordSet], wanted: Sequence[Wanted], targets: Targets) -> Effect:
    """What the batch changes, given the records of all `touched` names.

    Raises:
        AwsError: InvalidChangeBatch, with everything that is wrong
    """
    old = {record_key(record): record for record in before}
    now = dict(old)
    problems = []
    for one in wanted:
        if problem := _change(zone, now, one):
            problems.append(problem)
    if not problems:
        problems = [*_apex(zone, now), *_times_to_live(now, wanted), *_aliases(zone, now, wanted, targets)]
    if problems:
        raise errors.invalid_batch(list(dict.fromkeys(problems)))
    return Effect(
        put=tuple(record for key, record in now.items() if old.get(key) != record),
        forget=tuple(key for key in old if key not in now),
    )


def require_room(count: int) -> None:
    if count > MAX_RECORD_SETS:
        raise errors.invalid_batch([f"Number of resource record sets limit of {MAX_RECORD_SETS} exceeded."])


def _change(zone: HostedZone, now: dict[str, RecordSet], one: Wanted) -> str | None:
    record = one.record
    if not names.lies_in(record.name, zone.name):
        return f"RRSet with DNS name {record.name} is not permitted in zone {zone.name}"
    key = record_key(record)
    present = now.get(key)
    if one.action == "DELETE":
        if present is None:
            return f"Tried to delete resource record set {_called(record)} but it was not found"
        if _settled(present) != _settled(record):
            return (
                f"Tried to delete resource record set {_called(record)} "
                "but the values provided do not match the current values"
            )
        del now[key]
        return None
    if one.action == "CREATE" and present is not None:
        return f"Tried to create resource record set {_called(record)} but it already exists"
    others = [other for other_key, other in now.items() if other.name == record.name and other_key != key]
    if problem := _forbidden(zone, record) or _conflict(zone, record, others):
        return problem
    now[key] = record
    return None


def _called(record: RecordSet) -> str:
    identifier = f", set identifier='{record.identifier}'" if record.identifier else ""
    return f"[name='{record.name}', type='{record.type}'{identifier}]"


def _settled(record: RecordSet) -> object:
    """A record set, but for the order of its values."""
    return RecordSet(**{name: getattr(record, name) for name in record.__struct_fields__} | {"values": ()}), sorted(
        record.values
    )


def _forbidden(zone: HostedZone, record: RecordSet) -> str | None:
    at_apex = record.name == zone.name
    called = f"RRSet of type {record.type} with DNS name {record.name}"
    if record.type == "CNAME" and at_apex:
        return f"{called} is not permitted at apex in zone {zone.name}"
    if record.type == "SOA" and not at_apex:
        return f"{called} is not permitted in zone {zone.name}"
    if record.type == "NS" and record.name.startswith("\\052."):
        return f"{called} is not permitted: a wildcard cannot be delegated"
    if record.type == "DS" and at_apex:
        return f"{called} is not permitted at apex in zone {zone.name}"
    if record.type in NEVER_ALIAS and record.alias:
        return f"{called} cannot be an alias"
    if record.type in NEVER_ALIAS and policy(record) != "simple" and at_apex:
        return f"{called} cannot have a set identifier"
    if record.type == "CNAME" and len(record.values) > 1:
        return f"{called} is not permitted to have more than one value"
    if len(record.values) > MAX_VALUES_PER_SET:
        return f"{called} has more than {MAX_VALUES_PER_SET} values"
    if twice := [value for value, count in Counter(record.values).items() if count > 1]:
        return f"Duplicate Resource Record: '{twice[0]}'"
    if record.failover == "PRIMARY" and not record.alias and not record.health_check_id:
        return "A non-alias primary ResourceRecordSet must have an associated health check. No changes made."
    return None


def _conflict(zone: HostedZone, record: RecordSet, others: Sequence[RecordSet]) -> str | None:
    called = f"RRSet of type {record.type} with DNS name {record.name}"
    if record.type == "CNAME" and any(other.type != "CNAME" for other in others):
        return (
            f"{called} is not permitted as it conflicts with other records with the same DNS name in zone {zone.name}"
        )
    if record.type != "CNAME" and any(other.type == "CNAME" for other in others):
        return (
            f"{called} is not permitted because a conflicting RRSet of type CNAME with the same DNS name "
            f"already exists in zone {zone.name}"
        )
    alike = [other for other in others if other.type == record.type]
    called = f"RRSet with DNS name {record.name}, type {record.type}"
    if alike and record.identifier is None:
        return f"{called} cannot be created as other RRSets exist with the same name and type."
    called = f"{called}, SetIdentifier {record.identifier}"
    if any(policy(other) != policy(record) for other in alike):
        # The API says "weighted" of simple records and every policy alike.
        kind = "weighted" if any(other.identifier is None for other in alike) else policy(record)
        return f"{called} cannot be created as a non-{kind} set exists with the same name and type."
    mine = distinction(record)
    if mine and any(distinction(other) == mine for other in alike):
        return f"{called} cannot be created as other RRSets exist with the same name, type and {mine}."
    if len(alike) >= MAX_SETS_PER_NAME:
        return f"{called} cannot be created as {MAX_SETS_PER_NAME} RRSets exist with the same name and type."
    return None


def _apex(zone: HostedZone, now: Mapping[str, RecordSet]) -> list[str]:
    own = [record for record in now.values() if record.name == zone.name]
    problems = []
    if not any(record.type == "NS" for record in own):
        problems.append("A HostedZone must contain at least one NS record for the zone itself.")
    if [len(record.values) for record in own if record.type == "SOA"] != [1]:
        problems.append("A HostedZone must contain exactly one SOA record.")
    return problems


def _times_to_live(now: Mapping[str, RecordSet], wanted: Iterable[Wanted]) -> Iterable[str]:
    """AWS: "You must specify the same value for TTL for all of the records in this group of weighted records".

    It is the batch's end that has to be so: otherwise no batch could change a group's.
    """
    for one in wanted:
        record = one.record
        if record.weight is None or record.alias or now.get(record_key(record)) != record:
            continue
        group = [other for other in now.values() if (other.name, other.type) == (record.name, record.type)]
        if any(other.ttl_s != record.ttl_s for other in group if not other.alias):
            yield (
                f"RRSet with DNS name {record.name}, type {record.type}, SetIdentifier {record.identifier} "
                "cannot be created as weighted sets must contain the same TTL."
            )


def _aliases(
    zone: HostedZone, now: Mapping[str, RecordSet], wanted: Iterable[Wanted], targets: Targets
) -> Iterable[str]:
    there = {(record.name, record.type) for record in now.values()}
    for one in wanted:
        alias, kind = one.record.alias, one.record.type
        if alias is None or now.get(record_key(one.record)) != one.record:
            continue
        if alias.zone_id != zone.id:
            problem = targets.problem(alias)
        elif not names.lies_in(alias.name, zone.name):
            problem = "but the alias target name does not lie within the target zone"
        elif (alias.name, kind) not in there or alias.name == one.record.name:
            problem = "but that target was not found"
        else:
            problem = None
        if problem:
            yield f"Tried to create an alias that targets {alias.name}, type {kind} in zone {alias.zone_id}, {problem}"
