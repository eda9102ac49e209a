"""Health checks: what is checked, and what was observed."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.route53.records import (
    HEALTH_CHECKS,
    PROBES,
    USED_REFERENCES,
    Check,
    HealthCheck,
    Observation,
    UsedReference,
)
from aftershock.services.route53.rules import errors, health
from aftershock.services.route53.rules.parameters import page_size

from .found import Sources, require_check

Handler = Callable[[Sources, Call, Params], Result]
# The checker is the internet segment's own host, and the only one there is.
CHECKER = "198.19.255.254"


def create_health_check(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: the same request again answers with what the first one made, as long as that exists."""
    check = health.check_of(params["HealthCheckConfig"])
    _require_children(call, None, check)
    reference = f"check {call.account} {params['CallerReference']}"
    asked = msgspec.json.encode(check).decode()
    own = HEALTH_CHECKS.where(call.tx, "account", call.account)
    if USED_REFERENCES.get(call.tx, reference):
        same = [one for one in own if one.caller_reference == params["CallerReference"] and one.asked == asked]
        if not same:
            raise errors.check_exists()
        return _created(same[0])
    if len(own) >= health.MAX_CHECKS:
        text = f"This health check can't be created because the current account has reached the limit of {len(own)}."
        raise AwsError("TooManyHealthChecks", text)
    made = HealthCheck(
        id=_uuid(call.new_id("check")),
        account=call.account,
        caller_reference=params["CallerReference"],
        check=check,
        created_at=call.now,
        asked=asked,
    )
    HEALTH_CHECKS.put(call.tx, made)
    USED_REFERENCES.put(call.tx, UsedReference(reference))
    return _created(made)


def _created(check: HealthCheck) -> Result:
    location = f"https://route53.amazonaws.com/2013-04-01/healthcheck/{check.id}"
    return {"HealthCheck": health.view(check), "Location": location}


def _uuid(seed: str) -> str:
    digits = hashlib.sha256(seed.encode()).hexdigest()[:32]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _require_children(call: Call, own_id: str | None, check: Check) -> None:
    """
    Raises:
        AwsError: InvalidInput, if a child is not there, or has this check below itself
    """
    left, seen = list(check.children), set()
    while left:
        child = left.pop()
        if child == own_id:
            raise errors.invalid_input("Invalid parameter : A health check can't monitor itself.")
        found = HEALTH_CHECKS.get(call.tx, child)
        if found is None or found.account != call.account:
            raise errors.invalid_input(f"Invalid parameter : The child health check {child} does not exist.")
        if child not in seen:
            seen.add(child)
            left += found.check.children


def get_health_check(sources: Sources, call: Call, params: Params) -> Result:
    return {"HealthCheck": health.view(require_check(call, params["HealthCheckId"]))}


def update_health_check(sources: Sources, call: Call, params: Params) -> Result:
    before = require_check(call, params["HealthCheckId"])
    version = params.get("HealthCheckVersion")
    if version is not None and version != before.version:
        text = (
            "The value of HealthCheckVersion in the request doesn't match the value of HealthCheckVersion "
            "in the health check."
        )
        raise AwsError("HealthCheckVersionMismatch", text, status=409)
    check = health.updated(before.check, params)
    _require_children(call, before.id, check)
    after = replace(before, check=check, version=before.version + 1)
    HEALTH_CHECKS.put(call.tx, after)
    return {"HealthCheck": health.view(after)}


def delete_health_check(sources: Sources, call: Call, params: Params) -> Result:
    """AWS "does not prevent you from deleting a health check even if the health check is associated with one or more
    resource record sets"; such a record counts as one without a check."""
    HEALTH_CHECKS.forget(call.tx, require_check(call, params["HealthCheckId"]).id)
    return {}


def list_health_checks(sources: Sources, call: Call, params: Params) -> Result:
    size = page_size(params, 1000)
    marker = params.get("Marker")
    found = HEALTH_CHECKS.where(call.tx, "account", call.account)
    rest = [check for check in found if marker is None or check.id >= marker]
    return {
        "HealthChecks": [health.view(check) for check in rest[:size]],
        "Marker": marker or "",
        "IsTruncated": len(rest) > size,
        "NextMarker": rest[size].id if len(rest) > size else None,
        "MaxItems": str(size),
    }


def get_health_check_count(sources: Sources, call: Call, params: Params) -> Result:
    return {"HealthCheckCount": len(HEALTH_CHECKS.where(call.tx, "account", call.account))}


def get_health_check_status(sources: Sources, call: Call, params: Params) -> Result:
    check = _require_probed(call, params["HealthCheckId"])
    probes = PROBES.get(call.tx, check.id)
    return {"HealthCheckObservations": _observations(probes.last if probes else None, call.region)}


def get_health_check_last_failure_reason(sources: Sources, call: Call, params: Params) -> Result:
    check = _require_probed(call, params["HealthCheckId"])
    probes = PROBES.get(call.tx, check.id)
    return {"HealthCheckObservations": _observations(probes.last_failure if probes else None, call.region)}


def _require_probed(call: Call, check_id: str) -> HealthCheck:
    check = require_check(call, check_id)
    if check.check.type == health.CALCULATED:
        raise errors.invalid_input("You can't get the status of a calculated health check.")
    return check


def _observations(seen: Observation | None, region: str) -> list[dict[str, Any]]:
    if seen is None:
        return []
    report = {"Status": seen.status, "CheckedTime": seen.at}
    return [{"Region": region, "IPAddress": CHECKER, "StatusReport": report}]


def get_checker_ip_ranges(sources: Sources, call: Call, params: Params) -> Result:
    return {"CheckerIpRanges": [f"{CHECKER}/32"]}


OPERATIONS: dict[str, Handler] = {
    "CreateHealthCheck": create_health_check,
    "GetHealthCheck": get_health_check,
    "UpdateHealthCheck": update_health_check,
    "DeleteHealthCheck": delete_health_check,
    "ListHealthChecks": list_health_checks,
    "GetHealthCheckCount": get_health_check_count,
    "GetHealthCheckStatus": get_health_check_status,
    "GetHealthCheckLastFailureReason": get_health_check_last_failure_reason,
    "GetCheckerIpRanges": get_checker_ip_ranges,
}
