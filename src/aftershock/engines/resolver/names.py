"""Domain names as they stand in messages: length-prefixed labels, in lower case.  That form needs no escapes, compares
as DNS compares, and its ancestors are its own ends."""

from collections.abc import Iterator
from functools import lru_cache

import dns.exception
import dns.name

ROOT = b"\0"
WILDCARD = b"\x01*"


@lru_cache(maxsize=65536)
def wire(text: str) -> bytes:
    """The name of a presentation form.

    Raises:
        ValueError: no such name can exist.
    """
    try:
        # The length bytes, at most 63, are no letters.
        return (dns.name.from_text(text).to_wire() or b"").lower()
    except dns.exception.DNSException as error:
        raise ValueError(f"{text!r} is not a domain name: {error}") from error


def text(name: bytes) -> str:
    return dns.name.from_wire(name, 0)[0].to_text()


def parent(name: bytes) -> bytes:
    return name[name[0] + 1 :]


def ancestors(name: bytes) -> Iterator[bytes]:
    """The name itself, its parent, and so on, up to the root."""
    while True:
        yield name
        if name == ROOT:
            return
        name = parent(name)


def first_label(name: bytes) -> bytes:
    return name[1 : name[0] + 1]
