"""Route 53: what is stored.  Every record names its account."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from aftershock.store import Table


class ZoneVpc(Struct, frozen=True):
    region: str
    id: str


class HostedZone(Struct, frozen=True, kw_only=True):
    id: str  # "Z…", without the path that it has in answers
    account: str
    name: str  # as AWS shows it: lower case, octal escapes, a final dot
    caller_reference: str
    comment: str | None = None
    private: bool = False
    vpcs: tuple[ZoneVpc, ...] = ()
    name_servers: tuple[str, ...]
    created_at: datetime
    tags: dict[str, str] = {}


class Location(Struct, frozen=True, omit_defaults=True):
    continent: str | None = None
    country: str | None = None
    subdivision: str | None = None


class Alias(Struct, frozen=True):
    zone_id: str
    name: str  # as AWS shows it
    evaluate_target_health: bool


class RecordSet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    zone_id: str
    name: str  # as AWS shows it
    type: str
    identifier: str | None = None
    weight: int | None = None
    region: str | None = None
    failover: str | None = None
    location: Location | None = None
    multivalue: bool = False
    ttl_s: int | None = None
    values: tuple[str, ...] = ()  # as they were given
    alias: Alias | None = None
    health_check_id: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    """One change of zones or records; in sync when the resolver was seen to serve it."""

    id: str  # "C…"
    account: str
    comment: str | None = None
    submitted_at: datetime
    revision: int

    # Written by the controller of names.
    in_sync: bool = False


class Revision(Struct, frozen=True):
    """How many changes there have been."""

    id: str
    number: int


class UsedReference(Struct, frozen=True):
    """A caller reference is used up for good, also by what has been deleted since."""

    id: str


class Check(Struct, frozen=True, kw_only=True):
    """A health check's settings: those of the model, by its own names."""

    type: str
    address: str | None = None
    port: int | None = None
    path: str | None = None
    domain: str | None = None
    search: str | None = None
    interval_s: int = 30
    failure_threshold: int = 3
    measure_latency: bool = False
    inverted: bool = False
    disabled: bool = False
    health_threshold: int | None = None
    children: tuple[str, ...] = ()
    sni: bool | None = None
    regions: tuple[str, ...] = ()


class HealthCheck(Struct, frozen=True, kw_only=True):
    id: str
    account: str
    caller_reference: str
    check: Check
    version: int = 1
    created_at: datetime
    tags: dict[str, str] = {}
    asked: str = ""  # the settings it was created with, to know the same request again


class Observation(Struct, frozen=True, kw_only=True):
    at: datetime
    succeeded: bool
    status: str  # as GetHealthCheckStatus says it


class Health(Struct, frozen=True, kw_only=True):
    """Whether a health check's endpoint is healthy; written by its controller, and only when that changes."""

    id: str  # the health check's
    healthy: bool = True  # AWS: "considered to be healthy until there's enough data"


class Probes(Struct, frozen=True, kw_only=True):
    """What was observed of an endpoint; written by the controller at every probe."""

    id: str  # the health check's
    version: int  # of the settings that it was probed with
    in_a_row: int  # probes with the last one's outcome, counted back from it
    last: Observation
    last_failure: Observation | None = None


def order_key(name: str) -> str:
    """AWS: names are sorted by "the labels in reverse order", in the order of ASCII: "com.example.www."."""
    return ".".join(reversed(name.removesuffix(".").split("."))) + "."


def record_key(record: RecordSet) -> str:
    # No name holds a blank, it is escaped; and it comes before whatever may stand in one.
    return f"{record.zone_id} {order_key(record.name)} {record.type} {record.identifier or ''}"


HOSTED_ZONES = Table(
    "route53_hosted_zone",
    HostedZone,
    indexes={
        "account": lambda zone: zone.account,
        "name": lambda zone: zone.name,
        "vpc": lambda zone: [vpc.id for vpc in zone.vpcs],
    },
)
RECORD_SETS = Table(
    "route53_record_set",
    RecordSet,
    key=record_key,
    indexes={
        "zone": lambda record: record.zone_id,
        "name": lambda record: f"{record.zone_id} {record.name}",
        "health_check": lambda record: record.health_check_id,
    },
)
CHANGES = Table("route53_change", Change, indexes={"pending": lambda change: None if change.in_sync else "pending"})
REVISIONS = Table("route53_revision", Revision)
USED_REFERENCES = Table("route53_used_reference", UsedReference)
HEALTH_CHECKS = Table(
    "route53_health_check",
    HealthCheck,
    indexes={"account": lambda check: check.account, "child": lambda check: check.check.children},
)
HEALTH = Table("route53_health", Health)
PROBES = Table("route53_probes", Probes)

TABLES: tuple[Table[Any], ...] = (
    HOSTED_ZONES,
    RECORD_SETS,
    CHANGES,
    REVISIONS,
    USED_REFERENCES,
    HEALTH_CHECKS,
    HEALTH,
    PROBES,
)
