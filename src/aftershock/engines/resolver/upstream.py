"""Asking other servers for what is not known here, and keeping their answers as long as these may be kept."""

import asyncio
import secrets
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .message import NOERROR, NXDOMAIN, SERVFAIL, SOA, TCP_MAX, UDP_MAX, Records, Reply

TRY_S = 1.5  # a stub resolver waits 5 s before it asks again
ROUNDS = 2
KEPT_MAX = 20000
KEEP_S_MAX = 86400
# RFC 2308 §7.1: a failure may be kept, for at most five minutes; the little that keeps a storm away is enough.
KEEP_FAILURE_S = 1.0
AT_ONCE_MAX = 1000

FAILED = Reply(rcode=SERVFAIL, authoritative=False)


@dataclass(frozen=True, slots=True)
class Asked:
    name: bytes
    type: int
    dnssec: bool
    servers: tuple[str, ...]
    recursion: bool = True


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: Reply
    since: float
    until: float


class Upstream:
    """Other servers, and what they said; one question is asked once at a time, however many wait for its answer."""

    def __init__(self, servers: Sequence[str], *, port: int = 53, clock: Callable[[], float] = time.monotonic) -> None:
        self._servers = tuple(servers)
        self._port, self._clock = port, clock
        self._kept: dict[Asked, _Kept] = {}
        self._under_way: dict[Asked, asyncio.Task[Reply]] = {}

    async def ask(self, name: bytes, kind: int, *, dnssec: bool, servers: Sequence[str] = ()) -> Reply:
        """The answer of the first of the servers that has one; of the usual ones where none are named.

        It is a SERVFAIL where nobody answers in time, so that whoever asked need not wait for longer.
        """
        asked = Asked(name, kind, dnssec, tuple(servers) or self._servers, recursion=not servers)
        if kept := self._kept.get(asked):
            if self._clock() < kept.until:
                return _aged(kept.reply, int(self._clock() - kept.since))
            del self._kept[asked]
        task = self._under_way.get(asked)
        if task is None:
            if len(self._under_way) >= AT_ONCE_MAX or not asked.servers:
                return FAILED
            task = asyncio.create_task(self._fetch(asked), name="upstream")
            self._under_way[asked] = task
            task.add_done_callback(lambda _: self._under_way.pop(asked, None))
        return await asyncio.shield(task)

    async def _fetch(self, asked: Asked) -> Reply:
        reply = FAILED
        for server in asked.servers * ROUNDS:
            try:
                async with asyncio.timeout(TRY_S):
                    reply = await self._exchange(server, asked)
            except (OSError, TimeoutError, dns.exception.DNSException, ValueError):
                continue
            if reply.rcode in (NOERROR, NXDOMAIN):
                break
        self._keep(asked, reply)
        return reply

    async def _exchange(self, server: str, asked: Asked) -> Reply:
        name = dns.name.from_wire(asked.name, 0)[0]
        query = dns.message.make_query(
            name, dns.rdatatype.RdataType.make(asked.type), use_edns=0, payload=UDP_MAX, want_dnssec=asked.dnssec
        )
        query.id = secrets.randbelow(0x10000)
        if not asked.recursion:
            query.flags &= ~dns.flags.RD
        answer = await _over_udp(server, self._port, query)
        if answer.flags & dns.flags.TC:
            answer = await _over_tcp(server, self._port, query)
        return _read(answer)

    def _keep(self, asked: Asked, reply: Reply) -> None:
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        now = self._clock()
        self._kept[asked] = _Kept(reply, now, now + _keep_s(reply))


def _keep_s(reply: Reply) -> float:
    if reply.rcode not in (NOERROR, NXDOMAIN):
        return KEEP_FAILURE_S
    if reply.answer:
        return min(KEEP_S_MAX, *(records.ttl_s for records in reply.answer))
    # RFC 2308 §5: a negative answer without a SOA record is not kept.
    soas = [records for records in reply.authority if records.type == SOA]
    return min(KEEP_S_MAX, *(min(one.ttl_s, int.from_bytes(one.data[0][-4:], "big")) for one in soas)) if soas else 0


def _aged(reply: Reply, age_s: int) -> Reply:
    def older(section: tuple[Records, ...]) -> tuple[Records, ...]:
        return tuple(replace(records, ttl_s=max(0, records.ttl_s - age_s)) for records in section)

    return replace(reply, answer=older(reply.answer), authority=older(reply.authority))


async def _over_udp(server: str, port: int, query: dns.message.QueryMessage) -> dns.message.Message:
    loop = asyncio.get_running_loop()
    # A socket for each question, whose port nobody can guess (RFC 5452 §9.2).
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect((server, port))
        await loop.sock_sendall(asking, query.to_wire())
        while True:
            data = await loop.sock_recv(asking, TCP_MAX)
            try:
                answer = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
            except (dns.exception.DNSException, ValueError):
                continue
            if query.is_response(answer):
                return answer


async def _over_tcp(server: str, port: int, query: dns.message.QueryMessage) -> dns.message.Message:
    reader, writer = await asyncio.open_connection(server, port)
    try:
        wire = query.to_wire()
        writer.write(struct.pack("!H", len(wire)) + wire)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = dns.message.from_wire(await reader.readexactly(length))
    except asyncio.IncompleteReadError as error:
        raise OSError(f"{server} closed the connection") from error
    finally:
        writer.close()
    if not query.is_response(answer):
        raise OSError(f"{server} answered another question")
    return answer


def _read(answer: dns.message.Message) -> Reply:
    def section(rrsets: list[dns.rrset.RRset]) -> tuple[Records, ...]:
        return tuple(
            Records(
                rrset.name.to_wire() or b"\0",
                int(rrset.rdtype),
                rrset.ttl,
                tuple(one.to_wire() or b"" for one in rrset),
            )
            for rrset in rrsets
            if rrset.rdclass == dns.rdataclass.IN
        )

    return Reply(int(answer.rcode()), section(answer.answer), section(answer.authority), authoritative=False)
