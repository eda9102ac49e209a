"""Health checks: which settings are good, and when an endpoint counts as healthy."""

import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from msgspec.structs import replace

from aftershock.services.route53.records import Check, Health, HealthCheck, Observation, Probes

from .errors import invalid_input

MAX_CHECKS = 200
MAX_CHILDREN = 255
INTERVALS_S = (10, 30)
DEFAULT_PORTS = {"HTTP": 80, "HTTP_STR_MATCH": 80, "HTTPS": 443, "HTTPS_STR_MATCH": 443}
CALCULATED = "CALCULATED"
UNSUPPORTED = ("CLOUDWATCH_METRIC", "RECOVERY_CONTROL")

# AWS: "you can't create a health check for addresses in the local, private, nonroutable, or multicast ranges"
_REFUSED = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_OF_CALCULATED = frozenset({"Type", "Inverted", "Disabled", "HealthThreshold", "ChildHealthChecks"})
_RESET: Mapping[str, tuple[str, Any]] = {
    "FullyQualifiedDomainName": ("domain", None),
    "ResourcePath": ("path", None),
    "Regions": ("regions", ()),
    "ChildHealthChecks": ("children", ()),
}
_OF_METRICS = ("AlarmIdentifier", "InsufficientDataHealthStatus")


def check_of(given: Mapping[str, Any]) -> Check:
    """
    Raises:
        AwsError: InvalidInput
    """
    kind = given["Type"]
    if kind in UNSUPPORTED or given.get("RoutingControlArn"):
        raise invalid_input(f"Invalid parameter : health checks of type {kind} are not supported in this region.")
    if given.get("AlarmIdentifier"):
        raise invalid_input("Invalid parameter : Basic health checks must not have an metric region specified.")
    if given.get("InsufficientDataHealthStatus"):
        raise invalid_input(
            "Invalid parameter : Basic health checks must not have an insufficient data health status specified."
        )
    found = Check(
        type=kind,
        address=given.get("IPAddress"),
        port=given.get("Port", DEFAULT_PORTS.get(kind)),
        path=given.get("ResourcePath"),
        domain=given.get("FullyQualifiedDomainName"),
        search=given.get("SearchString"),
        interval_s=given.get("RequestInterval", 30),
        failure_threshold=given.get("FailureThreshold", 3),
        measure_latency=given.get("MeasureLatency", False),
        inverted=given.get("Inverted", False),
        disabled=given.get("Disabled", False),
        health_threshold=given.get("HealthThreshold"),
        children=tuple(given.get("ChildHealthChecks") or ()),
        sni=given.get("EnableSNI", True if kind.startswith("HTTPS") else None),
        regions=tuple(given.get("Regions") or ()),
    )
    if kind == CALCULATED:
        _require_calculated(given, found)
    else:
        require_basic(found)
    return found


def _require_calculated(given: Mapping[str, Any], check: Check) -> None:
    for name, value in given.items():
        if value is not None and name not in _OF_CALCULATED:
            raise invalid_input(f"Invalid parameter : Calculated health checks must not have {name} specified.")
    if check.health_threshold is None:
        raise invalid_input("Invalid parameter : Calculated health checks must have a health threshold specified.")
    require_children(check)


def require_children(check: Check) -> None:
    if len(set(check.children)) != len(check.children):
        raise invalid_input("Invalid parameter : Child health checks must not be specified twice.")
    if len(check.children) > MAX_CHILDREN:
        raise invalid_input(f"Invalid parameter : at most {MAX_CHILDREN} child health checks can be specified.")


def require_basic(check: Check) -> None:
    """
    Raises:
        AwsError: InvalidInput
    """
    if check.health_threshold is not None or check.children:
        raise invalid_input("Invalid parameter : Basic health checks must not have child health checks specified.")
    if not check.address and not check.domain:
        raise invalid_input(
            "Invalid parameter : Either the IP address or the fully qualified domain name must be specified."
        )
    if check.address:
        _require_address(check.address)
    if check.domain and not _HOST.fullmatch(check.domain):
        raise invalid_input(f"Invalid parameter : {check.domain} is not a fully qualified domain name.")
    if check.path and not (check.path.isprintable() and " " not in check.path):
        raise invalid_input("Invalid parameter : The resource path contains characters that a path can't have.")
    if check.interval_s not in INTERVALS_S:
        raise invalid_input("Invalid parameter : request interval must be 10 or 30 seconds.")
    if check.type == "TCP":
        if check.address and check.domain:
            raise invalid_input(
                "TCP health checks that have IP address must not have a fully qualified domain name specified."
            )
        if check.path:
            raise invalid_input("Invalid parameter : TCP health checks must not have a resource path specified.")
        if check.port is None:
            raise invalid_input("Invalid parameter : TCP health checks must have a port specified.")
    if check.type.endswith("_STR_MATCH") != bool(check.search):
        must = "must" if check.type.endswith("_STR_MATCH") else "must not"
        raise invalid_input(f"Invalid parameter : {check.type} health checks {must} have a search string specified.")
    if check.sni is not None and not check.type.startswith("HTTPS"):
        raise invalid_input(f"Invalid parameter : {check.type} health checks must not have EnableSNI specified.")


def _require_address(address: str) -> None:
    try:
        given = IPv4Address(address)
    except AddressValueError:
        raise invalid_input("Invalid parameter : IPv6 addresses are not supported in this region.") from None
    if any(given in network for network in _REFUSED):
        raise invalid_input(
            f"Invalid parameter : The IP address {address} is in a range that can't be used for health checks."
        )


def view(check: HealthCheck) -> dict[str, Any]:
    """As the model has it."""
    c = check.check
    basic = c.type != CALCULATED
    return {
        "Id": check.id,
        "CallerReference": check.caller_reference,
        "HealthCheckVersion": check.version,
        "HealthCheckConfig": {
            "Type": c.type,
            "IPAddress": c.address,
            "Port": c.port,
            "ResourcePath": c.path,
            "FullyQualifiedDomainName": c.domain,
            "SearchString": c.search,
            "RequestInterval": c.interval_s if basic else None,
            "FailureThreshold": c.failure_threshold if basic else None,
            "MeasureLatency": c.measure_latency if basic else None,
            "Inverted": c.inverted,
            "Disabled": c.disabled,
            "HealthThreshold": c.health_threshold,
            "ChildHealthChecks": list(c.children) or None,
            "EnableSNI": c.sni,
            "Regions": list(c.regions) or None,
        },
    }


# --- from observations to health -------------------------------------------------------------------------------


def probed(
    check: HealthCheck, probes: Probes | None, health: Health | None, *, ok: bool, status: str, at: datetime
) -> tuple[Probes, Health]:
    """What is known after one more probe.

    AWS: as many probes in a row as the threshold says must differ from the present state to change it.
    """
    seen = Observation(at=at, succeeded=ok, status=status)
    before = probes if probes and probes.version == check.version else None
    in_a_row = before.in_a_row + 1 if before and before.last.succeeded == ok else 1
    healthy = health.healthy if health else True
    if healthy != ok and in_a_row >= check.check.failure_threshold:
        healthy = ok
    failed = seen if not ok else (before.last_failure if before else None)
    return (
        Probes(id=check.id, version=check.version, in_a_row=in_a_row, last=seen, last_failure=failed),
        Health(id=check.id, healthy=healthy),
    )


def verdicts(checks: Mapping[str, HealthCheck], health: Mapping[str, Health]) -> dict[str, bool]:
    """Each check's own word: with what it calculates, and what is inverted or disabled."""
    found: dict[str, bool] = {}

    def verdict(check_id: str, above: frozenset[str]) -> bool:
        if check_id in found:
            return found[check_id]
        known = checks.get(check_id)
        if known is None or check_id in above:
            return False  # a child that is gone does not speak for anything
        check = known.check
        # AWS: "After you disable a health check, Route 53 considers the status of the health check to always be
        # healthy.  If you configured DNS failover [and] want to stop routing traffic, change the value of Inverted".
        if check.disabled:
            healthy = True
        elif check.type == CALCULATED:
            healthy = sum(verdict(child, above | {check_id}) for child in check.children) >= (
                check.health_threshold or 0
            )
        else:
            state = health.get(check_id)
            healthy = state.healthy if state else True
        found[check_id] = healthy != check.inverted
        return found[check_id]

    for check_id in checks:
        verdict(check_id, frozenset())
    return found


def updated(before: Check, params: Mapping[str, Any]) -> Check:
    """The settings after an update.  What is not named stays as it is; what is named in `ResetElements` goes back.

    Raises:
        AwsError: InvalidInput
    """
    fields = {
        "IPAddress": "address",
        "Port": "port",
        "ResourcePath": "path",
        "FullyQualifiedDomainName": "domain",
        "SearchString": "search",
        "FailureThreshold": "failure_threshold",
        "Inverted": "inverted",
        "Disabled": "disabled",
        "HealthThreshold": "health_threshold",
        "EnableSNI": "sni",
    }
    for name in _OF_METRICS:
        if params.get(name) is not None:
            raise invalid_input(f"Invalid parameter : {name} is not supported in this region.")
    changes: dict[str, Any] = {field: params[name] for name, field in fields.items() if params.get(name) is not None}
    for name, field in (("ChildHealthChecks", "children"), ("Regions", "regions")):
        if params.get(name) is not None:
            changes[field] = tuple(params[name])
    for name in params.get("ResetElements") or ():
        field, empty = _RESET[name]
        changes[field] = empty
    after = replace(before, **changes)
    if after.type == CALCULATED:
        basic = {"address", "port", "path", "domain", "search", "failure_threshold", "sni", "regions"}
        if wrong := sorted(basic & {field for field, value in changes.items() if value not in (None, ())}):
            raise invalid_input(f"Invalid parameter : Calculated health checks must not have {wrong[0]} specified.")
        require_children(after)
    else:
        require_basic(after)
    return after
