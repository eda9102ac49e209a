"""Messages to the kernel's netfilter subsystems and back, as linux/netfilter/nfnetlink.h lays them out."""

import os
import socket
import struct
from collections.abc import Iterator

ACK, DUMP = 0x4, 0x300  # flags of a request
ERROR, DONE = 2, 3  # kinds of answers
NESTED = 0x8000

_NETLINK_NETFILTER = 12
_REQUEST = 0x1
_TYPE_MASK = 0x3FFF
_GONE = 2  # ENOENT: it ended by itself meanwhile
_ANSWER_S = 5.0


def connected() -> socket.socket:
    """To the subsystems of the calling thread's namespace; it gives up after some seconds without an answer."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    made.settimeout(_ANSWER_S)
    return made


def message(subsystem: int, act: int, flags: int = 0, body: bytes = b"") -> bytes:
    nfgenmsg = struct.pack("=BBH", socket.AF_INET, 0, 0)
    kind = subsystem << 8 | act
    return struct.pack("=IHHII", 16 + len(nfgenmsg) + len(body), kind, _REQUEST | flags, 0, 0) + nfgenmsg + body


def answers(netlink: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Each answer's kind, and what is behind its head; what was asked about and is not there is no error.

    Raises:
        OSError: the kernel refused.
    """
    while True:
        data = netlink.recv(1 << 17)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            payload = data[16:length]
            if kind == ERROR:
                code = -struct.unpack_from("=i", payload)[0]
                if code not in (0, _GONE):
                    raise OSError(code, os.strerror(code))
            yield kind, payload
            data = data[(length + 3) & ~3 :]


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def attributes(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Those of an answer, behind its nfgenmsg."""
    data = payload[4:]
    while data:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & _TYPE_MASK, data[4:length]
        data = data[(length + 3) & ~3 :]
