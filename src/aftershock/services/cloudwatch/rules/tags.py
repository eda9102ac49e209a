"""Tags of alarms and dashboards."""

from collections.abc import Iterable, Mapping

from .errors import invalid_value

MAX_TAGS = 50


def tagged(present: Mapping[str, str], given: Iterable[Mapping[str, str]], *, by_service: bool) -> dict[str, str]:
    """The tags after; keys that begin with `aws:` are for AWS's own services to give.

    Raises:
        AwsError: InvalidParameterValue for a reserved key, one given twice, or too many tags
    """
    after, seen = dict(present), set()
    for tag in given:
        key = tag["Key"]
        if key.lower().startswith("aws:") and not by_service:
            raise invalid_value(f"The tag key {key} is invalid: keys that begin with aws: are reserved.")
        if key in seen:
            raise invalid_value(f"Duplicate tag key found: {key}.")
        seen.add(key)
        after[key] = tag["Value"]
    if len(after) > MAX_TAGS:
        raise invalid_value(f"A resource can have at most {MAX_TAGS} tags.")
    return after


def view(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
