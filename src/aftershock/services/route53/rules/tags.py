"""Tags of hosted zones and of health checks."""

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import invalid_input

MAX_TAGS = 50


def changed(present: Mapping[str, str], add: Iterable[Mapping[str, Any]], remove: Iterable[str]) -> dict[str, str]:
    """
    Raises:
        AwsError: InvalidInput for a reserved key, a key given twice, no key at all, or too many tags
    """
    after: dict[str, str] = dict(present)
    seen: set[str] = set()
    for gone in remove:
        after.pop(gone, None)
    for tag in add:
        key = tag.get("Key")
        if not key:
            raise invalid_input("A tag needs a key.")
        if key.lower().startswith("aws:"):
            raise invalid_input(f"Tag keys starting with 'aws:' are reserved for internal use: {key}")
        if key in seen:
            raise invalid_input(f"Duplicate tag key: {key}")
        seen.add(key)
        after[key] = tag.get("Value") or ""
    if len(after) > MAX_TAGS:
        raise invalid_input(f"A resource can have at most {MAX_TAGS} tags.")
    return after
