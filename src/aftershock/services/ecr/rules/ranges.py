"""`Range` of what is read (RFC 9110 §14), and `Content-Range` of what is uploaded (OCI distribution specification)."""

import re

# One range only, as of what a server may leave out; more digits than any file has bytes mean nothing.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_CHUNK = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/(?:\d{1,18}|\*))?")


class Unsatisfiable(Exception):
    """The range lies beyond the end."""


def read(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte; None for what is no range, and so means all.

    Raises:
        Unsatisfiable
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        first, last = max(size - int(found[2]), 0), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < first:
            return None
    if first > last:
        raise Unsatisfiable
    return first, last


def chunk(text: str) -> tuple[int, int] | None:
    """First and last byte of a chunk; None for what is no range."""
    found = _CHUNK.fullmatch(text.strip())
    if found is None or int(found[2]) < int(found[1]):
        return None
    return int(found[1]), int(found[2])
