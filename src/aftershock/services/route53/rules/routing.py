"""Routing policies: which a record set has, which may stand side by side, and how they come out as answers.

Every client of this region is where the region is: its addresses are not on any map.  So latency records answer with
the region's own, or else that of the nearest by name (us-east-1: us-east-2 before us-west-1 before eu-west-1), and
geolocation records with the smallest place that the region lies in.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from aftershock.services.route53.records import Location, RecordSet

# ISO 3166; AWS: where its regions are.
PLACES = {
    "us-east-1": ("NA", "US", "VA"),
    "us-east-2": ("NA", "US", "OH"),
    "us-west-1": ("NA", "US", "CA"),
    "us-west-2": ("NA", "US", "OR"),
    "ca-central-1": ("NA", "CA", None),
    "sa-east-1": ("SA", "BR", None),
    "eu-west-1": ("EU", "IE", None),
    "eu-west-2": ("EU", "GB", None),
    "eu-west-3": ("EU", "FR", None),
    "eu-central-1": ("EU", "DE", None),
    "eu-north-1": ("EU", "SE", None),
    "ap-northeast-1": ("AS", "JP", None),
    "ap-southeast-1": ("AS", "SG", None),
    "ap-southeast-2": ("OC", "AU", None),
    "ap-south-1": ("AS", "IN", None),
}
CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "OC": "Oceania",
    "NA": "North America",
    "SA": "South America",
}


def policy(record: RecordSet) -> str:
    if record.weight is not None:
        return "weighted"
    if record.region is not None:
        return "latency"
    if record.failover is not None:
        return "failover"
    if record.location is not None:
        return "geolocation"
    return "multivalue" if record.multivalue else "simple"


def distinction(record: RecordSet) -> str | None:
    """What no two record sets of one name, type and policy may share; None where they may."""
    match policy(record):
        case "latency":
            return f"region {record.region}"
        case "failover":
            return f"failover {record.failover}"
        case "geolocation":
            return f"geolocation {spelt(record.location)}"
    return None


def spelt(location: Location | None) -> str:
    if location is None:
        return ""
    return "-".join(part for part in (location.continent, location.country, location.subdivision) if part)


def ordered(records: Sequence[RecordSet], region: str) -> list[RecordSet]:
    """Records of one name, type and policy in the order in which they are preferred; without those that never answer
    a client of the region."""
    match policy(records[0]):
        case "latency":
            return sorted(records, key=lambda record: _distance(record.region or "", region))
        case "failover":
            return sorted(records, key=lambda record: record.failover != "PRIMARY")
        case "geolocation":
            ranked = [(rank, record) for record in records if (rank := _fit(record.location, region)) is not None]
            return [record for _, record in sorted(ranked, key=lambda pair: pair[0])]
    return list(records)


def _distance(other: str, region: str) -> tuple[int, str]:
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(other, region, strict=False)))
    return -same if other != region else -len(region) - 1, other


def _fit(location: Location | None, region: str) -> int | None:
    """How small the place is: 0 for a part of a country … 3 for everywhere; None if the region is not in it."""
    continent, country, subdivision = PLACES.get(region, (None, None, None))
    match location:
        case Location(country="*"):
            return 3
        case Location(subdivision=str(part), country=where):
            return 0 if (where, part) == (country, subdivision) else None
        case Location(country=str(where)):
            return 1 if where == country else None
        case Location(continent=str(where)):
            return 2 if where == continent else None
    return None


def all_of(records: Iterable[RecordSet]) -> dict[tuple[str, str], list[RecordSet]]:
    """By name and type, in the order given."""
    found: dict[tuple[str, str], list[RecordSet]] = {}
    for record in records:
        found.setdefault((record.name, record.type), []).append(record)
    return found
