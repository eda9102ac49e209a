"""Which tags may be moved from one image to another."""

from collections.abc import Iterable, Mapping, Sequence

from . import errors

EXCLUDING = ("IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")
WILDCARD = "WILDCARD"
MOST_WILDCARDS = 2  # ECR user guide, "Image tag mutability": "up to two wildcards" in a filter


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern, in which "*" stands for any text, is this text's.  In time linear in the text's length
    for each star, whatever the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def is_immutable(mutability: str, exclusions: Iterable[str], tag: str) -> bool:
    immutable = mutability.startswith("IMMUTABLE")
    excluded = any(matches(pattern, tag) for pattern in exclusions)
    return immutable != excluded


def exclusions(mutability: str, filters: Sequence[Mapping[str, str]] | None) -> tuple[str, ...]:
    """
    Raises:
        AwsError: InvalidParameterException: there are some where none can be, or none where some have to be.
    """
    name = "imageTagMutabilityExclusionFilters"
    if bool(filters) != (mutability in EXCLUDING):
        needed = "must be given with" if mutability in EXCLUDING else "can only be given with"
        raise errors.invalid(name, f"Exclusion filters {needed} {' or '.join(EXCLUDING)}")
    found = tuple(one["filter"] for one in filters or ())
    for pattern in found:
        if pattern.count("*") > MOST_WILDCARDS:
            raise errors.invalid(name, f"The filter '{pattern}' has more than {MOST_WILDCARDS} wildcards")
    if len(set(found)) < len(found):
        raise errors.invalid(name, "Exclusion filters must be unique")
    return found


def view(patterns: Iterable[str]) -> list[dict[str, str]] | None:
    return [{"filterType": WILDCARD, "filter": pattern} for pattern in patterns] or None
