"""The errors that experiments inject into other services' operations."""

from collections.abc import Mapping
from functools import partial

from aftershock.aws.call import Call, Operation, Params, Result

from .records import API_FAULTS, ApiFault
from .rules.faults import concerns, error


def under_faults(service: str, operations: Mapping[str, Operation]) -> dict[str, Operation]:
    """The service's operations, each of which first asks whether an experiment wants this very call to fail."""
    return {name: partial(_checked, service, name, operation) for name, operation in operations.items()}


def lacks_capacity(call: Call, zone: str) -> bool:
    """Whether an experiment wants this caller to find no capacity in the zone."""
    return any(fault.kind == "capacity" and zone in fault.zones for fault in _concerned(call))


def _checked(service: str, name: str, operation: Operation, call: Call, params: Params) -> Result:
    if (refusal := error(_concerned(call), service, name)) is not None:
        raise refusal
    return operation(call, params)


def _concerned(call: Call) -> list[ApiFault]:
    return [fault for fault in API_FAULTS.every(call.tx) if concerns(fault, call.principal, call.request_id)]
