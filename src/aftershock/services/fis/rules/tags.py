"""Tags of templates and experiments."""

from collections.abc import Iterable, Mapping

from .errors import invalid

MAX_TAGS = 50


def checked(present: Mapping[str, str], add: Mapping[str, str], remove: Iterable[str] = ()) -> dict[str, str]:
    """
    Raises:
        AwsError: ValidationException, for a reserved key or too many tags.
    """
    for key in add:
        if not key or key.lower().startswith("aws:"):
            raise invalid(f'The tag key "{key}" is empty, or reserved for AWS.')
    gone = set(remove)
    after = {key: value for key, value in present.items() if key not in gone} | dict(add)
    if len(after) > MAX_TAGS:
        raise invalid(f"A resource can have at most {MAX_TAGS} tags.")
    return after
