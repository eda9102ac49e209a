"""DNS messages (RFC 1035 §4, RFC 6891): questions read, answers written.

Only what a server does for every question is done here, by hand, because it is done tens of thousands of times a
second; the formats of records' data are dnspython's.
"""

import struct
from dataclasses import dataclass

A, NS, CNAME, SOA, PTR, HINFO, TXT, AAAA, OPT, DS, IXFR, AXFR, ANY = 1, 2, 5, 6, 12, 13, 16, 28, 41, 43, 251, 252, 255
IN, CHAOS = 1, 3
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16

QR, AA, TC, RD, RA, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0010
OPCODE = 0x7800
PLAIN_UDP = 512  # RFC 1035 §4.2.1
UDP_MAX = 1232  # the DNS flag day's: what passes everywhere without being fragmented
TCP_MAX = 65535

_HEADER = struct.Struct("!6H")
_PAIR = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_POINTER_TO_QUESTION = b"\xc0\x0c"


class Malformed(Exception):
    """Not a question; `answerable` if there is a header to answer to."""

    def __init__(self, why: str, *, answerable: bool = True) -> None:
        super().__init__(why)
        self.answerable = answerable


@dataclass(frozen=True, slots=True)
class Question:
    number: int
    flags: int
    name: bytes  # in lower case
    type: int
    klass: int
    asked: bytes  # the question section as it came, whose letters' case the answer repeats
    udp_size: int | None  # None: no EDNS
    edns_version: int = 0
    dnssec: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one name and type."""

    name: bytes
    type: int
    ttl_s: int
    data: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    rcode: int = NOERROR
    answer: tuple[Records, ...] = ()
    authority: tuple[Records, ...] = ()
    additional: tuple[Records, ...] = ()
    authoritative: bool = True
    varies: bool = False  # asked again it may be another
    shuffled: bool = False  # asked again its records may come in another order
    refers: bool = False  # to the name servers in the authority section


def read(data: bytes) -> Question:
    """
    Raises:
        Malformed
    """
    try:
        number, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(data)
    except struct.error:
        raise Malformed("shorter than a header", answerable=False) from None
    if flags & QR:
        raise Malformed("an answer", answerable=False)
    if flags & OPCODE:
        return Question(number, flags, b"\0", 0, IN, b"", None)  # others have sections of their own
    if questions != 1 or answers or authorities:
        raise Malformed("not one question")
    end = _skip_name(data, 12, pointers=False) + 4
    asked = data[12:end]
    if len(data) < end:
        raise Malformed("it ends within the question")
    kind, klass = _PAIR.unpack_from(data, end - 4)
    udp_size, version, dnssec = None, 0, False
    for _ in range(additionals):
        is_root = data[end : end + 1] == b"\0"
        end = _skip_name(data, end)
        try:
            other, size, ttl, length = _RECORD.unpack_from(data, end)
        except struct.error:
            raise Malformed("it ends within a record") from None
        end += 10 + length
        if end > len(data):
            raise Malformed("it ends within a record's data")
        if other == OPT:
            if udp_size is not None or not is_root:
                raise Malformed("a second or a named OPT record")
            udp_size, version, dnssec = size, ttl >> 16 & 0xFF, bool(ttl & 0x8000)
    return Question(number, flags, asked[:-4].lower(), kind, klass, asked, udp_size, version, dnssec)


def _skip_name(data: bytes, position: int, *, pointers: bool = True) -> int:
    start = position
    try:
        while length := data[position]:
            if length >= 0xC0 and pointers:
                return position + 2
            if length > 63:
                raise Malformed("a label of a kind that does not exist here")
            position += length + 1
            if position - start > 254:
                raise Malformed("a name that is too long")
    except IndexError:
        raise Malformed("it ends within a name") from None
    return position + 1


def number_and_flags(data: bytes) -> tuple[int, int]:
    return _PAIR.unpack_from(data)


def write(question: Question, reply: Reply, limit: int) -> bytes:
    """The answer's message; where it is longer than `limit`, one that says so (TC) and holds nothing."""
    flags = QR | RA | question.flags & (OPCODE | RD | CD) | reply.rcode & 0xF
    flags |= AA if reply.authoritative else 0
    opt = b"" if question.udp_size is None else _opt(question, reply.rcode)
    out = [b"", question.asked]
    names = {question.name: _POINTER_TO_QUESTION}
    length = 12 + len(question.asked)
    counts = []
    for section in (reply.answer, reply.authority, reply.additional):
        count = 0
        for records in section:
            for data in records.data:
                name = names.get(records.name, records.name)
                record = name + _RECORD.pack(records.type, question.klass, records.ttl_s, len(data)) + data
                if name is records.name and length < 0x4000 and name != b"\0":
                    names[name] = (0xC000 | length).to_bytes(2, "big")
                out.append(record)
                length += len(record)
                count += 1
        counts.append(count)
    if length + len(opt) > limit:
        flags |= TC
        counts = [0, 0, 0]
        out = out[:2]
    answers, authorities, additionals = counts
    questions = 1 if question.asked else 0
    out[0] = _HEADER.pack(question.number, flags, questions, answers, authorities, additionals + bool(opt))
    return b"".join(out) + opt


def _opt(question: Question, rcode: int) -> bytes:
    ttl = rcode >> 4 << 24 | (0x8000 if question.dnssec else 0)
    return b"\0" + _RECORD.pack(OPT, UDP_MAX, ttl, 0)


def split(question: Question, message: bytes) -> tuple[bytes, tuple[bytes, ...], bytes]:
    """An answer in three: what comes before the answer section, the records of that, and what comes after it.

    All the records must be of the name that was asked for, so that each can stand in any place.
    """
    position = start = 12 + len(question.asked)
    found = []
    for _ in range(int.from_bytes(message[6:8], "big")):
        end = position + 12 + int.from_bytes(message[position + 10 : position + 12], "big")
        found.append(message[position:end])
        position = end
    return message[:start], tuple(found), message[position:]


def limit_of(question: Question) -> int:
    """How long an answer over UDP may be."""
    if question.udp_size is None:
        return PLAIN_UDP
    return max(PLAIN_UDP, min(question.udp_size, UDP_MAX))


def error(data: bytes, rcode: int) -> bytes:
    """An answer that holds a header only, to what could not be read any further."""
    number, flags = number_and_flags(data)
    return _HEADER.pack(number, QR | RA | flags & (OPCODE | RD) | rcode, 0, 0, 0, 0)


def txt(text: str) -> bytes:
    return bytes((len(text),)) + text.encode()
