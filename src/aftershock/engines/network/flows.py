"""Forgetting tracked connections of an address, through the kernel's own netlink interface to connection tracking.

The message layout is that of linux/netfilter/nfnetlink_conntrack.h.  The kernel can filter what it lists by address
since 5.8; that it filters what it deletes came much later, so we list and delete one by one.
"""

import socket
import struct
from collections.abc import Iterator

from aftershock.engines.errors import EngineError

from . import netlink
from .netlink import NESTED, attribute

_CTNETLINK = 1
_GET, _DELETE = 1, 2  # IPCTNL_MSG_CT_*

_TUPLE_ORIG, _TUPLE_REPLY, _FILTER = 1, 2, 25  # CTA_*
_TUPLE_IP, _IP_SRC, _IP_DST = 1, 1, 2  # CTA_TUPLE_IP, CTA_IP_V4_*
_ORIG_FLAGS, _REPLY_FLAGS = 1, 2  # CTA_FILTER_*
_FLAG_SRC, _FLAG_DST = 0x1, 0x2


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
    with netlink.connected() as kernel:
        try:
            for which in (_TUPLE_ORIG, _TUPLE_REPLY):
                found.update(_list(kernel, which, end, packed))
            for original in found:
                _delete(kernel, original)
        except OSError as error:
            raise EngineError(f"flows of {address} cannot be forgotten: {error}") from error
    return len(found)


def _list(kernel: socket.socket, which: int, end: int, packed: bytes) -> Iterator[bytes]:
    """The original tuples of the flows whose tuple `which` has the address at `end`."""
    flag = _FLAG_SRC if end == _IP_SRC else _FLAG_DST
    original, reply = (flag, 0) if which == _TUPLE_ORIG else (0, flag)
    flags = attribute(_ORIG_FLAGS, struct.pack("=I", original)) + attribute(_REPLY_FLAGS, struct.pack("=I", reply))
    wanted = attribute(_TUPLE_IP | NESTED, attribute(end, packed))
    body = attribute(which | NESTED, wanted) + attribute(_FILTER | NESTED, flags)
    kernel.send(netlink.message(_CTNETLINK, _GET, netlink.DUMP, body))
    for kind, payload in netlink.answers(kernel):
        if kind == netlink.DONE:
            return
        yield dict(netlink.attributes(payload))[_TUPLE_ORIG]


def _delete(kernel: socket.socket, original: bytes) -> None:
    kernel.send(netlink.message(_CTNETLINK, _DELETE, netlink.ACK, attribute(_TUPLE_ORIG | NESTED, original)))
    next(netlink.answers(kernel))
