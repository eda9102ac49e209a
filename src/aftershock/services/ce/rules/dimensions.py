"""What a bill's lines can be grouped and filtered by."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import invalid
from .lines import COMPUTE, Line
from .prices import family

NONE = {
    "AZ": "NoAZ",
    "INSTANCE_TYPE": "NoInstanceType",
    "INSTANCE_TYPE_FAMILY": "NoInstanceTypeFamily",
    "OPERATING_SYSTEM": "NoOperatingSystem",
    "PLATFORM": "NoPlatform",
    "PURCHASE_TYPE": "NoPurchaseType",
    "RESERVATION_ID": "NoReservationId",
    "TENANCY": "NoTenancy",
}  # what AWS calls a line that has none

READ: Mapping[str, Callable[[Line], str | None]] = {
    "AZ": lambda line: line.zone,
    "INSTANCE_TYPE": lambda line: line.instance_type,
    "INSTANCE_TYPE_FAMILY": lambda line: family(line.instance_type) if line.instance_type else None,
    "LINKED_ACCOUNT": lambda line: line.account,
    "OPERATING_SYSTEM": lambda line: "Linux" if line.service == COMPUTE else None,
    "OPERATION": lambda line: line.operation,
    "PLATFORM": lambda line: "Linux/UNIX" if line.service == COMPUTE else None,
    "PURCHASE_TYPE": lambda line: line.purchase_type,
    "RECORD_TYPE": lambda line: line.record_type,
    "REGION": lambda line: line.region,
    "RESERVATION_ID": lambda line: line.reservation,
    "SERVICE": lambda line: line.service,
    "TENANCY": lambda line: "Shared" if line.service == COMPUTE else None,
    "USAGE_TYPE": lambda line: line.usage_type,
}
MAX_GROUPS = 2  # AWS: "up to two different groups"


def value(line: Line, dimension: str) -> str:
    return READ[dimension](line) or NONE.get(dimension, "")


def check_dimension(name: str | None) -> str:
    """
    Raises:
        AwsError: ValidationException
    """
    if name is None or name not in READ:
        known = ", ".join(sorted(READ))
        raise invalid(f"Dimension {name} is not supported in this region. Supported dimensions are: {known}")
    return name


Group = Callable[[Line], str]


def groups(definitions: Sequence[Mapping[str, Any]] | None) -> list[Group]:
    """
    Raises:
        AwsError: ValidationException
    """
    asked = [(one.get("Type"), one.get("Key")) for one in definitions or ()]
    if len(asked) > MAX_GROUPS:
        raise invalid(f"Group definitions can be at most {MAX_GROUPS}.")
    if len(set(asked)) < len(asked):
        raise invalid("Group definitions have to be different.")
    return [_group(kind, key) for kind, key in asked]


def _group(kind: str | None, key: str | None) -> Group:
    if kind == "DIMENSION":
        name = check_dimension(key)
        return lambda line: value(line, name)
    if kind == "TAG" and key:
        return lambda line: f"{key}${line.tags.get(key, '')}"
    raise invalid("Group Definition type is invalid.")
