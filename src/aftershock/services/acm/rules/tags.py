"""Tags of certificates.  Lengths and characters are the model's business."""

from collections.abc import Iterable, Mapping

from aftershock.aws.errors import AwsError

MAX_TAGS = 50


def tagged(present: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """
    Raises:
        AwsError: InvalidTagException, TooManyTagsException
    """
    after, seen = dict(present), set()
    for tag in given:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidTagException", f"The tag key {key} is invalid: keys must not begin with aws:.")
        if key in seen:
            raise AwsError("InvalidTagException", f"The tag key {key} was specified more than once.")
        seen.add(key)
        after[key] = tag.get("Value") or ""
    if len(after) > MAX_TAGS:
        raise AwsError("TooManyTagsException", f"A certificate can have at most {MAX_TAGS} tags.")
    return after


def untagged(present: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """AWS: a tag given with a value goes only if that is its value."""
    gone = {tag["Key"]: tag.get("Value") for tag in given}
    return {key: value for key, value in present.items() if key not in gone or gone[key] not in (None, value)}


def view(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
