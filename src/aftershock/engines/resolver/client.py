"""Asking a DNS server, as any client of it does."""

from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from aftershock.engines.errors import EngineError

TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: str  # "NOERROR", "NXDOMAIN" …
    values: tuple[str, ...]  # of the records of the type asked for, in presentation form
    ttl_s: int | None  # of these; None where there are none


async def serial(address: str, port: int, name: str) -> int | None:
    """The serial of the snapshot that the server there answers from; None if none of ours answers."""
    query = dns.message.make_query(name, dns.rdatatype.TXT, dns.rdataclass.CH)
    try:
        found = await dns.asyncquery.udp(query, address, port=port, timeout=TIMEOUT_S)
    except (OSError, dns.exception.DNSException):
        return None
    for rrset in found.answer:
        for one in rrset:
            if rrset.rdtype == dns.rdatatype.TXT and one.strings[0].isdigit():
                return int(one.strings[0])
    return None


def ask(address: str, port: int, name: str, kind: str) -> Answer:
    """One question over UDP, and over TCP where the answer is too long; for programs that wait for it.

    Raises:
        EngineError: no answer in time, or there is no such name or type.
    """
    try:
        query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
        found, _ = dns.query.udp_with_fallback(query, address, timeout=TIMEOUT_S, port=port)
    except (OSError, dns.exception.DNSException) as error:
        raise EngineError(f"{address} did not answer for {name} {kind}: {error}") from error
    wanted = dns.rdatatype.from_text(kind)
    rrsets = [rrset for rrset in found.answer if rrset.rdtype == wanted]
    return Answer(
        status=dns.rcode.to_text(found.rcode()),
        values=tuple(one.to_text() for rrset in rrsets for one in rrset),
        ttl_s=min((rrset.ttl for rrset in rrsets), default=None),
    )
