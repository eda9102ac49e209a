"""Errors that are injected into calls: whose, how many, and which."""

import hashlib
from collections.abc import Iterable

from aftershock.aws.call import Principal
from aftershock.aws.errors import AwsError
from aftershock.services.fis.records import ApiFault

# What EC2 says of itself; source: EC2 API reference, "Error codes for the Amazon EC2 API", server error codes.
ERRORS = {
    "throttle": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "unavailable": ("Unavailable", "The server is overloaded and can't handle the request.", 503),
    "internal": ("InternalError", "An internal error has occurred", 500),
}


def concerns(fault: ApiFault, principal: Principal, request_id: str) -> bool:
    """Whether this call of a role's session is one of those that fail; the same call is always answered alike."""
    if principal.account != fault.account or _role_name(principal.arn) not in {_name(arn) for arn in fault.roles}:
        return False
    chance = int.from_bytes(hashlib.sha256(f"{fault.id} {request_id}".encode()).digest()[:4], "big") % 100
    return chance < fault.percentage


def error(faults: Iterable[ApiFault], service: str, operation: str) -> AwsError | None:
    """What the call is answered with, of those faults that concern it."""
    for fault in faults:
        if fault.kind != "capacity" and fault.service == service and operation in fault.operations:
            code, message, status = ERRORS[fault.kind]
            return AwsError(code, message, status=status)
    return None


def _role_name(arn: str) -> str | None:
    """Of `arn:aws:sts::123456789012:assumed-role/NAME/SESSION`."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return rest.partition("/")[0] if kind == "assumed-role" else None


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]
