"""What tags may be, and how they are written on the wire."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aftershock.aws.call import Principal
from aftershock.aws.errors import AwsError

MAX_TAGS = 50  # AWS: "Maximum number of tags per resource – 50"
MAX_KEY = 127  # characters; the API's Tag: "accept a maximum of 127 Unicode characters"
MAX_VALUE = 256  # characters; "accept a maximum of 256 Unicode characters"
RESERVED = "aws:"


def specified(
    specifications: Sequence[Mapping[str, Any]] | None, *kinds: str, by: Principal | None = None
) -> dict[str, dict[str, str]]:
    """The tags of TagSpecifications for each of the kinds of resource that the operation makes, `by` whom.

    Raises:
        AwsError: InvalidParameterValue or TagLimitExceeded.
    """
    found: dict[str, dict[str, str]] = {}
    for one in specifications or ():
        kind = one.get("ResourceType")
        if kind is None:
            raise AwsError("InvalidParameterValue", "Tag specification resource type must have a value")
        if kind not in kinds:
            raise AwsError(
                "InvalidParameterValue", f"'{kind}' is not a valid taggable resource type for this operation."
            )
        if kind in found:
            raise AwsError("InvalidParameterValue", f"Duplicate resource type '{kind}' in tag specifications.")
        if not one.get("Tags"):
            raise AwsError("InvalidParameterValue", "Tag specification must have at least one tag")
        found[kind] = checked(one["Tags"], by=by)
    return {kind: found.get(kind, {}) for kind in kinds}


def checked(
    tags: Iterable[Mapping[str, str]], *, before: Mapping[str, str] | None = None, by: Principal | None = None
) -> dict[str, str]:
    """The tags as a mapping, on top of those the resource had before; AWS's own services may reserve keys.

    Raises:
        AwsError: InvalidParameterValue or TagLimitExceeded.
    """
    new: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key"), tag.get("Value", "")
        if not key:
            raise AwsError("InvalidParameterValue", "Tag key cannot be empty.")
        if by is None or not by.service:
            _check_key(key)
        if len(value) > MAX_VALUE:
            raise AwsError(
                "InvalidParameterValue",
                f"Tag value exceeds the maximum length of {MAX_VALUE} characters.",
            )
        if key in new:
            raise AwsError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        new[key] = value
    merged = {**(before or {}), **new}
    if len([key for key in merged if not key.startswith(RESERVED)]) > MAX_TAGS:
        raise AwsError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    return merged


def without(before: Mapping[str, str], tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """The tags that DeleteTags leaves.

    AWS: a tag without a value is deleted whatever its value; with one (an empty one too) only if it has that value;
    with no tags given, all the user's own tags are deleted.

    Raises:
        AwsError: InvalidParameterValue, for a reserved key.
    """
    if not tags:
        return {key: value for key, value in before.items() if key.startswith(RESERVED)}
    left = dict(before)
    for tag in tags:
        key = tag.get("Key", "")
        _check_key(key)
        if key in left and tag.get("Value", left[key]) == left[key]:
            del left[key]
    return left


def _check_key(key: str) -> None:
    if key.lower().startswith(RESERVED):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ( {key} ) for parameter key is invalid. "
            "Tag keys starting with 'aws:' are reserved for internal use",
        )
    if len(key) > MAX_KEY:
        raise AwsError("InvalidParameterValue", f"Tag key exceeds the maximum length of {MAX_KEY} characters.")


def view(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
