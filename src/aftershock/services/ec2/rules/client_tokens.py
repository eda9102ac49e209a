"""How long a client token is known.

AWS, of instances' tokens: "valid for at least 24 hours after the termination of the instance".  Of others it does not
say; clients repeat a request within minutes.  By the wall, since clients' patience is not paced.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from aftershock.services.ec2.records.client_token import ClientToken

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    note: tuple[ClientToken, ...]  # as they are to be written
    forget: tuple[str, ...]


def plan(tokens: Iterable[ClientToken], there: Set[str], now: datetime) -> Plan:
    """`there` are the reservations of which an instance is still on record."""
    note, forget = [], []
    for one in tokens:
        gone_at = one.used_at
        if one.resource_id.startswith("r-"):
            gone_at = now if one.resource_id in there else one.gone_at or now
            if one.gone_at is None and one.resource_id not in there:
                note.append(replace(one, gone_at=now))
        if gone_at < now - KEPT:
            forget.append(one.id)
    return Plan(tuple(note), tuple(forget))
