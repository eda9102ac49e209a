"""Tags of load balancers, listeners, rules and target groups.  Lengths and characters are the model's business."""

from collections.abc import Iterable, Mapping

from aftershock.aws.errors import AwsError

from . import errors, quotas

RESERVED = "aws:"


def tagged(present: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """
    Raises:
        AwsError: DuplicateTagKeys, ValidationError for a reserved key, TooManyTags
    """
    after, seen = dict(present), set()
    for tag in given:
        key = tag["Key"]
        if key in seen:
            raise AwsError("DuplicateTagKeys", f"Tag key was specified more than once: {key}")
        if key.lower().startswith(RESERVED):
            raise errors.invalid(f"The tag key '{key}' is invalid: keys that begin with '{RESERVED}' are reserved")
        seen.add(key)
        after[key] = tag.get("Value") or ""
    quotas.require_within("TooManyTags", len(after), quotas.TAGS)
    return after


def view(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
