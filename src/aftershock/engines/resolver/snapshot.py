"""Everything a resolver answers from, as one value that is written and read whole.

Words are DNS's own.  Names are absolute and in lower case, in RFC 1035's presentation form with a final dot; so are
values.  What a client asks is answered from the first view that lists the interface its question came in by, and
otherwise from the first view of all.
"""

from typing import Literal

import msgspec
from msgspec import Struct

Policy = Literal["all", "weighted", "first", "sample"]


class AnswerSet(Struct, frozen=True, omit_defaults=True):
    """One of the answers that a name has for a type: values of its own, or those of another name."""

    values: tuple[str, ...] = ()
    ttl_s: int = 0
    like: str | None = None  # the name whose values of the same type these are, with their time to live
    weight: int = 1
    healthy: bool = True


class RecordSet(Struct, frozen=True, omit_defaults=True):
    """
    all: the values of the first set, in random order.
    weighted: one healthy set, as often as its weight says; those of weight 0 only if there is no other.
    first: the first healthy set.
    sample: the values of up to eight healthy sets, chosen at random.

    Where no set is healthy, all count as healthy.  Where there is no set at all, the name has no such record.
    """

    name: str
    type: str
    sets: tuple[AnswerSet, ...]
    policy: Policy = "all"


class Numbered(Struct, frozen=True, omit_defaults=True):
    """Names that spell an address: `<prefix>192-0-2-1.<domain>` is 192.0.2.1, for every address of the networks."""

    domain: str
    prefix: str
    networks: tuple[str, ...]
    ttl_s: int = 60
    instead: dict[str, str] = {}  # the address that is answered in the place of the one spelt


class Zone(Struct, frozen=True, omit_defaults=True):
    """A zone that is answered with authority.  It needs a SOA record set, for negative answers."""

    id: str
    name: str
    records: tuple[RecordSet, ...]
    numbered: tuple[Numbered, ...] = ()  # names below this zone
    reverse: tuple[Numbered, ...] = ()  # this zone has the addresses' names, which are in another


class View(Struct, frozen=True, omit_defaults=True):
    name: str
    zones: tuple[str, ...]  # ids; of two zones with one name, the first
    interfaces: tuple[str, ...] = ()
    answers: bool = True  # False: every question is refused


class Snapshot(Struct, frozen=True, omit_defaults=True):
    serial: int  # tells it from others; larger need not be newer
    views: tuple[View, ...]
    zones: tuple[Zone, ...]


def encode(snapshot: Snapshot) -> bytes:
    return msgspec.json.encode(snapshot)


_decode = msgspec.json.Decoder(Snapshot).decode


def decode(data: bytes) -> Snapshot:
    """
    Raises:
        ValueError: it is not a snapshot.
    """
    try:
        return _decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a snapshot: {error}") from error
