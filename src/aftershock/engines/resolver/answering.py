"""From a question's bytes to an answer's: which view, which zone, who else to ask."""

import logging
import random
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from . import message, names
from .message import RD, SOA, Question, Records, Reply
from .snapshot import Snapshot, View, Zone
from .upstream import FAILED, Upstream
from .zones import LOCALHOST, NOWHERE, Broken, Elsewhere, LoadedView, LoadedZone, load

log = logging.getLogger(__name__)

SERIAL_NAME = "serial.resolver."  # of the class CHAOS, as is the custom for what a server says of itself
READY_MAX = 50000  # answers kept as bytes
ANY_TTL_S = 3600
EMPTY = Snapshot(serial=0, views=(View("nothing", ()),), zones=())
REFUSED = Reply(message.REFUSED, authoritative=False)

_SERIAL = names.wire(SERIAL_NAME)
_RFC8482 = message.txt("RFC8482") + message.txt("")


@dataclass(frozen=True, slots=True)
class Shuffled:
    """An answer whose records come in another order each time."""

    head: bytes
    records: tuple[bytes, ...]
    tail: bytes

    def draw(self, chance: random.Random) -> bytes:
        records = list(self.records)
        chance.shuffle(records)
        return self.head + b"".join(records) + self.tail


class Answering:
    """Answers from one snapshot at a time."""

    def __init__(
        self, upstream: Upstream, *, chance: random.Random | None = None, look: Callable[[], None] = lambda: None
    ) -> None:
        """`look` is called before the serial is told, and may bring a newer snapshot into use."""
        self._upstream, self._look = upstream, look
        # Balance needs no secrecy, and the system's generator takes ten times as long.
        self._chance = chance or random.Random()  # noqa: S311
        self._builtin = [LoadedZone(zone) for zone in (*NOWHERE, LOCALHOST)]
        self._zones: dict[str, tuple[Zone, LoadedZone]] = {}
        self.use(EMPTY)

    def use(self, snapshot: Snapshot) -> None:
        """Answer from this one from now on.

        Raises:
            ValueError: something in it is not a name or a type; the one before stays.
        """
        zones = load(snapshot.zones, self._zones)
        if not snapshot.views:
            raise ValueError("a snapshot without a view")
        views = [self._load(view, zones) for view in snapshot.views]
        self._zones, self._default = zones, views[0]
        self._by_interface = {
            name: loaded for view, loaded in zip(snapshot.views, views, strict=True) for name in view.interfaces
        }
        self._by_client: dict[str, LoadedView] = {}
        # By view and question but for its number: the answer but for its number.
        self._ready: dict[tuple[LoadedView, bytes], bytes | Shuffled] = {}
        self.serial = snapshot.serial

    def _load(self, view: View, zones: dict[str, tuple[Zone, LoadedZone]]) -> LoadedView:
        known = [zones[zone][1] for zone in view.zones if zone in zones]
        return LoadedView(view.name, [*known, *self._builtin], answers=view.answers)

    def to(self, data: bytes, client: str, *, tcp: bool) -> bytes | Awaitable[bytes] | None:
        """The answer to a message; None if it deserves none.  One that somebody else has to give is to be awaited."""
        view = self._by_client.get(client) or self._view_of(client)
        if not tcp and (ready := self._ready.get((view, data[2:]))):
            return data[:2] + (ready if isinstance(ready, bytes) else ready.draw(self._chance))
        try:
            question = message.read(data)
        except message.Malformed as error:
            return message.error(data, message.FORMERR) if error.answerable else None
        limit = message.TCP_MAX if tcp else message.limit_of(question)
        found = self._find(view, question)
        if isinstance(found, Elsewhere) or found.refers:
            if question.flags & RD:
                return self._ask(view, question, found, limit)
            if isinstance(found, Elsewhere):
                found = Reply(answer=found.so_far) if found.so_far else REFUSED
        written = message.write(question, found, limit)
        if not tcp:
            self._keep(view, question, found, data[2:], written)
        return written

    def _keep(self, view: LoadedView, question: Question, found: Reply, asked: bytes, written: bytes) -> None:
        """For whoever asks the same again, if what varies is no more than the order of its records."""
        simple = len(found.answer) == 1 and found.answer[0].name == question.name
        if found.varies or (found.shuffled and not simple):
            return
        if len(self._ready) >= READY_MAX:
            self._ready.clear()
        if found.shuffled:
            head, records, tail = message.split(question, written)
            self._ready[view, asked] = Shuffled(head[2:], records, tail)
        else:
            self._ready[view, asked] = written[2:]

    def _view_of(self, client: str) -> LoadedView:
        view = self._by_interface.get(interface_of(client) or "", self._default)
        self._by_client[client] = view
        return view

    def _find(self, view: LoadedView, question: Question) -> Reply | Elsewhere:
        if question.flags & message.OPCODE:
            return Reply(message.NOTIMP, authoritative=False)
        if question.edns_version > 0:
            return Reply(message.BADVERS, authoritative=False)
        if question.klass == message.CHAOS:
            return self._of_ourselves(question)
        if question.klass != message.IN or question.type in (message.AXFR, message.IXFR) or not view.answers:
            return REFUSED
        try:
            if question.type == message.ANY:
                return self._any(view, question)
            return view.answer(question.name, question.type, self._chance)
        except Broken as error:
            log.error("%s", error)
            return FAILED

    def _any(self, view: LoadedView, question: Question) -> Reply | Elsewhere:
        """RFC 8482 §4.2: what exists is not enumerated."""
        found = view.answer(question.name, message.HINFO, self._chance)
        if isinstance(found, Elsewhere) or found.refers or found.rcode != message.NOERROR:
            return found
        return Reply(answer=(Records(question.name, message.HINFO, ANY_TTL_S, (_RFC8482,)),))

    def _of_ourselves(self, question: Question) -> Reply:
        if question.name != _SERIAL or question.type != message.TXT:
            return REFUSED
        self._look()
        data = (message.txt(str(self.serial)),)
        return Reply(answer=(Records(question.name, message.TXT, 0, data),), varies=True)

    # --- asking others -------------------------------------------------------------------------------------------

    async def _ask(self, view: LoadedView, question: Question, found: Reply | Elsewhere, limit: int) -> bytes:
        if isinstance(found, Elsewhere):
            reply = await self._upstream.ask(found.name, question.type, dnssec=question.dnssec)
            so_far = found.so_far
        else:
            reply, so_far = await self._follow(view, question, found), found.answer
        return message.write(question, replace(reply, answer=so_far + reply.answer), limit)

    async def _follow(self, view: LoadedView, question: Question, referral: Reply) -> Reply:
        """What the name servers say that a zone of ours delegates to."""
        name = referral.answer[-1].data[0].lower() if referral.answer else question.name
        glue = {records.name: records for records in referral.additional}
        servers: list[str] = []
        for server in referral.authority[0].data:
            records = glue.get(server.lower()) or await self._address(view, server.lower())
            servers += [str(IPv4Address(data)) for data in records.data] if records else []
        if not servers:
            return FAILED
        reply = await self._upstream.ask(name, question.type, dnssec=question.dnssec, servers=servers)
        says_something = reply.answer or any(records.type == SOA for records in reply.authority)
        return reply if says_something else FAILED  # a lame server refers us to somebody else

    async def _address(self, view: LoadedView, name: bytes) -> Records | None:
        found = view.answer(name, message.A, self._chance)
        if isinstance(found, Elsewhere):
            found = await self._upstream.ask(name, message.A, dnssec=False)
        return found.answer[-1] if found.answer and found.answer[-1].type == message.A else None


def interface_of(client: str) -> str | None:
    """The interface that a client is behind whose address is that of its router's uplink.

    Such an address is made from the index of the interface at our end: 169.254.<index / 256>.<index mod 256>, below
    169.254.128.0.
    """
    packed = IPv4Address(client).packed
    if packed[:2] != b"\xa9\xfe" or packed[2] >= 128:
        return None
    try:
        return socket.if_indextoname(packed[2] << 8 | packed[3])
    except OSError:
        return None
