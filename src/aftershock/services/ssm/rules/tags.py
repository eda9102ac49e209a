"""Tags of parameters."""

from collections.abc import Iterable, Mapping

from aftershock.aws.errors import AwsError

from . import errors

MAX_TAGS = 50


def tagged(present: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """
    Raises:
        AwsError: ValidationException for a reserved key or one given twice, TooManyTagsError
    """
    after, seen = dict(present), set()
    for tag in given:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise errors.validation(f"The tag key {key} is invalid: keys that begin with aws: are reserved.")
        if key in seen:
            raise errors.validation(f"Duplicate tag key found: {key}.")
        seen.add(key)
        after[key] = tag["Value"]
    if len(after) > MAX_TAGS:
        raise AwsError("TooManyTagsError", f"A parameter can have at most {MAX_TAGS} tags.")
    return after
