"""Forgetting tracked connections of an address, through the kernel's own netlink interface to connection tracking.

The message layout is that of linux/netfilter/nfnetlink_conntrack.h.  The kernel can filter what it lists by address
since 5.8; that it filters what it deletes came much later, so we list and delete one by one.
"""

import os
import socket
import struct
from collections.abc import Iterator

from aftershock.engines.errors import EngineError

_NETLINK_NETFILTER = 12
_GET, _DELETE = (1 << 8) | 1, (1 << 8) | 2  # subsystem ctnetlink; IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_NESTED, _TYPE_MASK = 0x8000, 0x3FFF

_TUPLE_ORIG, _TUPLE_REPLY, _FILTER = 1, 2, 25  # CTA_*
_TUPLE_IP, _IP_SRC, _IP_DST = 1, 1, 2  # CTA_TUPLE_IP, CTA_IP_V4_*
_ORIG_FLAGS, _REPLY_FLAGS = 1, 2  # CTA_FILTER_*
_FLAG_SRC, _FLAG_DST = 0x1, 0x2

_GONE = 2  # ENOENT: it ended by itself meanwhile
_ANSWER_S = 5.0


def forget_private(address: str) -> int:
    """Delete a machine's flows, in the calling thread's namespace, and return how many there were.

    Whatever is translated on the way, its own address is the source of their first packets or of the answers.  Like
    its twin this walks all the host's flows twice, some 20 ms on an empty table, so nobody does it without need.

    Raises:
        EngineError: the kernel refused.
    """
    return _forget(address, _IP_SRC)


def forget_public(address: str) -> int:
    """Delete the flows that are translated from or to an address: it is where first packets or answers are sent.

    Raises:
        EngineError: the kernel refused.
    """
    return _forget(address, _IP_DST)


def _forget(address: str, end: int) -> int:
    packed = socket.inet_aton(address)
    found: set[bytes] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.settimeout(_ANSWER_S)
        try:
            for which in (_TUPLE_ORIG, _TUPLE_REPLY):
                found.update(_list(netlink, which, end, packed))
            for original in found:
                _delete(netlink, original)
        except OSError as error:
            raise EngineError(f"flows of {address} cannot be forgotten: {error}") from error
    return len(found)


def _list(netlink: socket.socket, which: int, end: int, packed: bytes) -> Iterator[bytes]:
    """The original tuples of the flows whose tuple `which` has the address at `end`."""
    flag = _FLAG_SRC if end == _IP_SRC else _FLAG_DST
    original, reply = (flag, 0) if which == _TUPLE_ORIG else (0, flag)
    flags = _attribute(_ORIG_FLAGS, struct.pack("=I", original)) + _attribute(_REPLY_FLAGS, struct.pack("=I", reply))
    wanted = _attribute(_TUPLE_IP | _NESTED, _attribute(end, packed))
    body = _attribute(which | _NESTED, wanted) + _attribute(_FILTER | _NESTED, flags)
    netlink.send(_message(_GET, _REQUEST | _DUMP, body))
    for kind, payload in _answers(netlink):
        if kind == _DONE:
            return
        attributes = dict(_attributes(payload[4:]))  # after the nfgenmsg
        yield attributes[_TUPLE_ORIG]


def _delete(netlink: socket.socket, original: bytes) -> None:
    netlink.send(_message(_DELETE, _REQUEST | _ACK, _attribute(_TUPLE_ORIG | _NESTED, original)))
    next(_answers(netlink))


def _answers(netlink: socket.socket) -> Iterator[tuple[int, bytes]]:
    while True:
        data = netlink.recv(1 << 17)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            payload = data[16:length]
            if kind == _ERROR:
                code = -struct.unpack_from("=i", payload)[0]
                if code not in (0, _GONE):
                    raise OSError(code, os.strerror(code))
            yield kind, payload
            data = data[(length + 3) & ~3 :]


def _message(kind: int, flags: int, body: bytes) -> bytes:
    nfgenmsg = struct.pack("=BBH", socket.AF_INET, 0, 0)
    return struct.pack("=IHHII", 16 + len(nfgenmsg) + len(body), kind, flags, 0, 0) + nfgenmsg + body


def _attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & _TYPE_MASK, data[4:length]
        data = data[(length + 3) & ~3 :]
