"""Tags of IAM's resources.  Their keys do not differ by case; lengths and characters are the model's business."""

from collections.abc import Iterable, Mapping

from . import errors, quotas

RESERVED = "aws:"


def tagged(present: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags there are after these were given.

    Raises:
        AwsError: InvalidInput for a key given twice or a reserved one, LimitExceeded for too many tags.
    """
    after = dict(present)
    spelt = {key.lower(): key for key in present}
    seen: set[str] = set()
    for tag in given:
        key, value = tag["Key"], tag["Value"]
        folded = key.lower()
        if folded in seen:
            raise errors.invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if folded.startswith(RESERVED):
            raise errors.invalid_input(f"The tag key {key} is invalid: keys that begin with aws: are reserved.")
        seen.add(folded)
        after.pop(spelt.get(folded, key), None)
        after[key] = value
    if len(after) > quotas.TAGS:
        raise errors.quota("TagsPerResource", quotas.TAGS)
    return after


def untagged(present: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = {key.lower() for key in keys}
    return {key: value for key, value in present.items() if key.lower() not in gone}


def view(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
