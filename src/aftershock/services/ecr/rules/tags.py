"""Tags of repositories."""

from collections.abc import Iterable, Mapping

from aftershock.aws.errors import AwsError

MOST_TAGS = 50  # ECR user guide, "Tagging a private repository"
_KEY_CHARACTERS, _VALUE_CHARACTERS = 128, 256


def tagged(present: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """
    Raises:
        AwsError: InvalidTagParameterException, TooManyTagsException
    """
    after, seen = dict(present), set()
    for tag in given:
        key, value = tag["Key"], tag["Value"]
        if key in seen:
            raise _invalid(f"Duplicate tag keys found: '{key}'")
        if key.lower().startswith("aws:"):
            raise _invalid(f"The tag key '{key}' begins with 'aws:', which is reserved for AWS")
        if not 1 <= len(key) <= _KEY_CHARACTERS:
            raise _invalid(f"A tag key has 1 to {_KEY_CHARACTERS} characters: '{key[:200]}'")
        if len(value) > _VALUE_CHARACTERS:
            raise _invalid(f"The value of the tag '{key}' has more than {_VALUE_CHARACTERS} characters")
        seen.add(key)
        after[key] = value
    if len(after) > MOST_TAGS:
        raise AwsError("TooManyTagsException", f"A repository can have at most {MOST_TAGS} tags")
    return after


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidTagParameterException", message)


def view(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
