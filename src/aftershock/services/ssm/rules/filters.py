"""The filters of DescribeParameters and GetParametersByPath."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aftershock.aws.errors import AwsError

from . import errors, names

DESCRIBED_BY = ("Path", "Name", "Type", "KeyId", "Tier", "DataType")
BY_PATH = ("Type", "KeyId")
_VALUES = {
    "Type": ("String", "StringList", "SecureString"),
    "Tier": ("Standard", "Advanced", "Intelligent-Tiering"),
}
Filter = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the filters look at of one parameter."""

    name: str
    type: str
    tier: str
    data_type: str
    key_id: str | None
    tags: Mapping[str, str]


def check(filters: Sequence[Filter], *, by_path: bool) -> None:
    """
    Raises:
        AwsError: InvalidFilterKey, InvalidFilterOption, InvalidFilterValue, ValidationException
    """
    seen: set[str] = set()
    for one in filters:
        key, option, values = one["Key"], one.get("Option"), one.get("Values") or ()
        if by_path and key == "Label":
            continue
        known = BY_PATH if by_path else DESCRIBED_BY
        if key not in known and (by_path or not key.startswith("tag:")):
            valid = ", ".join(known)
            text = f"The following filter key is not valid: {key}. Valid filter keys include: [{valid}]."
            raise AwsError("InvalidFilterKey", text)
        if key in seen:
            text = (
                f"The following filter is duplicated in the request: {key}. "
                "A request can contain only one occurrence of a specific filter."
            )
            raise AwsError("InvalidFilterKey", text)
        seen.add(key)
        if not values and not key.startswith("tag:"):
            text = f"The following filter values are missing : null for filter key {key}."
            raise AwsError("InvalidFilterValue", text)
        _check_option(key, option)
        _check_values(key, values)


def _check_option(key: str, option: str | None) -> None:
    options: tuple[str, ...] = ("BeginsWith", "Equals")
    if key == "Path":
        options = ("Recursive", "OneLevel")
    elif key == "Name":
        options = ("BeginsWith", "Equals", "Contains")
    if option is not None and option not in options:
        valid = ", ".join(options)
        text = f"The following filter option is not valid: {option}. Valid options include: [{valid}]."
        raise AwsError("InvalidFilterOption", text)


def _check_values(key: str, values: Sequence[str]) -> None:
    for value in values:
        if key in _VALUES and value not in _VALUES[key]:
            valid = ", ".join(_VALUES[key])
            text = f"The following filter value is not valid: {value}. Valid values include: [{valid}]."
            raise AwsError("InvalidFilterOption", text)
        if key == "Path":
            if value.lower().startswith(("/aws", "/ssm")):
                raise errors.validation(
                    'Filters for common parameters can\'t be prefixed with "aws" or "ssm" (case-insensitive). '
                    "When using global parameters, please specify within a global namespace."
                )
            names.check_path(value)


def passes(facts: Facts, filters: Sequence[Filter]) -> bool:
    return all(_passes(facts, one) for one in filters)


def _passes(facts: Facts, one: Filter) -> bool:
    key, values = one["Key"], one.get("Values") or ()
    if key == "Path":
        recursive = one.get("Option", "OneLevel") == "Recursive"
        return any(names.is_below(facts.name, path, recursive=recursive) for path in values)
    if key.startswith("tag:"):
        actual = facts.tags.get(key.removeprefix("tag:"))
        if not values:
            return actual is not None
    else:
        actual = {
            "Name": facts.name,
            "Type": facts.type,
            "Tier": facts.tier,
            "DataType": facts.data_type,
            "KeyId": facts.key_id,
        }[key]
    if actual is None:
        return False
    match one.get("Option", "Equals"):
        case "BeginsWith":
            return actual.startswith(tuple(values))
        case "Contains":
            return any(value in actual for value in values)
    return actual in values


def from_old(filters: Sequence[Filter]) -> list[Filter]:
    """The filters of an older kind (`Filters`) as those of today; a name there is the beginning of a name."""
    return [{**one, "Option": "BeginsWith" if one["Key"] == "Name" else "Equals"} for one in filters]
