"""Listings: what lies below a prefix, in the order of the bytes, with what has a delimiter in common rolled up.

A place in a listing is a text in the order of the records' keys (records.py), so that a page begins exactly behind
the one before it whatever was written or deleted meanwhile.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote_plus

from aftershock.services.s3.records import BEHIND, hexed

T = TypeVar("T")
MOST = 1000  # of keys and common prefixes in a page

# From a place on, in order: what is listed, the key it is listed under, and the place behind it.
Entries = Callable[[str], Iterator[tuple[str, T, str]]]


@dataclass(slots=True)
class Page(Generic[T]):
    found: list[T] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next: str | None = None  # the place where the next page begins; None after the last one
    last: T | str | None = None  # what comes last, a common prefix as a text


def behind_key(key: str) -> str:
    """Behind all versions of the key."""
    return f"{hexed(key)}.{BEHIND}"


def behind_prefix(prefix: str) -> str:
    """Behind all keys that begin so."""
    return f"{hexed(prefix)}{BEHIND}"


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter:
        return None
    found = key.find(delimiter, len(prefix))
    return None if found < 0 else key[: found + len(delimiter)]


def walk(entries: Entries[T], prefix: str, delimiter: str, start: str, most: int) -> Page[T]:
    page: Page[T] = Page()
    if most == 0:
        return page
    place = max(start, hexed(prefix))
    left = most
    stream = entries(place)
    while (entry := next(stream, None)) is not None:
        key, item, behind = entry
        if not key.startswith(prefix):
            break
        if left == 0:
            page.next = place
            break
        left -= 1
        rolled = common_prefix(key, prefix, delimiter)
        if rolled is None:
            page.found.append(item)
            page.last, place = item, behind
        else:
            page.prefixes.append(rolled)
            page.last, place = rolled, behind_prefix(rolled)
            stream = entries(place)
    return page


def behind_marker(marker: str, prefix: str, delimiter: str) -> str:
    """Where a page begins whose request names what came last: a key, or a common prefix."""
    rolled = common_prefix(marker, prefix, delimiter) if marker.startswith(prefix) else None
    return behind_prefix(marker) if rolled == marker else behind_key(marker)


def token(place: str) -> str:
    return base64.urlsafe_b64encode(f"1:{place}".encode()).decode()


def place_of(text: str) -> str | None:
    """None for a token that was not made here."""
    try:
        version, _, place = base64.urlsafe_b64decode(text.encode()).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return place if version == "1" else None


def speller(encoding_type: str | None) -> Callable[[str], str]:
    """How keys are spelled in an answer."""
    return _url if encoding_type == "url" else str


def _url(text: str) -> str:
    return quote_plus(text, safe="/*")
