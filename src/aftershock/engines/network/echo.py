"""ICMP echo from network namespaces."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable

from .inside import NETNS, open_in

_ECHO_REPLY, _ECHO_REQUEST = 0, 8  # RFC 792
_SOL_RAW, _ICMP_FILTER = 255, 1  # linux/icmp.h
_RESEND_S = 1.0
_UNREACHABLE_S = 0.05  # until what could not be sent is tried once more
_IDLE_S = 30.0  # a socket nobody used for so long is closed; whoever pings does so every few seconds


class Echoes:
    """Pings, which share one socket in each namespace: to make one takes a thread that goes there."""

    def __init__(self) -> None:
        self._open: dict[str, _Socket] = {}  # by namespace

    async def ping(self, netns: str, address: str, timeout_s: float) -> bool:
        """Whether an address answers; asked again every second.

        Raises:
            EngineError: there is no such namespace.
        """
        there = self._open.get(netns)
        if there is None or not there.serves(netns):
            self.leave(netns)
            there = self._open[netns] = _Socket(netns)
        try:
            return await there.ask(address, timeout_s)
        finally:
            self._close_when_idle(netns, there)

    def close(self) -> None:
        for netns in list(self._open):
            self.leave(netns)

    def leave(self, netns: str) -> None:
        """Have no socket there, which would keep a namespace alive that has lost its name."""
        if there := self._open.pop(netns, None):
            there.close()

    def _close_when_idle(self, netns: str, there: "_Socket") -> None:
        def close() -> None:
            if self._open.get(netns) is there:
                self.leave(netns)

        if self._open.get(netns) is there:
            there.close_after(close)


class _Socket:
    def __init__(self, netns: str) -> None:
        # Raw, because datagram echo sockets need a sysctl; it sees all answers that come in, and nothing else: not the
        # echo requests with which a machine may flood its router.
        self._socket = open_in(netns, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_ICMP)
        self._socket.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << _ECHO_REPLY) & 0xFFFFFFFF))
        self._socket.setblocking(False)
        self._netns = _identity(netns)  # no other gets the same while there is a socket in it
        self._asked: dict[bytes, tuple[bytes, asyncio.Future[None]]] = {}  # by question: who, and that it answered
        self._idle: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def serves(self, netns: str) -> bool:
        """Whether it is in what has that name now, and read by who asks."""
        return self._netns == _identity(netns) and self._loop is asyncio.get_running_loop()

    async def ask(self, address: str, timeout_s: float) -> bool:
        question = os.urandom(8)  # 4 of these are identifier and sequence, so that no one else's answer counts
        answered = self._loop.create_future()
        self._asked[question] = socket.inet_aton(address), answered
        try:
            async with asyncio.timeout(timeout_s):
                while not answered.done():
                    try:
                        self._socket.sendto(_request(question), (address, 0))
                    except OSError:  # unreachable; it may come yet
                        await asyncio.sleep(_UNREACHABLE_S)
                    else:
                        await asyncio.wait([answered], timeout=_RESEND_S)
                return True
        except TimeoutError:
            return False
        finally:
            del self._asked[question]

    def _read(self) -> None:
        try:
            packet = self._socket.recv(2048)
        except OSError:  # nothing after all, or what became of a packet sent
            return
        header = (packet[0] & 0xF) * 4
        who, answered = self._asked.get(packet[header + 4 : header + 12], (b"", None))
        if answered is not None and not answered.done() and packet[header] == _ECHO_REPLY and packet[12:16] == who:
            answered.set_result(None)

    def close_after(self, close: Callable[[], None]) -> None:
        """Call `close` when nobody asks for a while."""
        if self._idle is not None:
            self._idle.cancel()
        if not self._asked:
            self._idle = self._loop.call_later(_IDLE_S, close)

    def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._socket.close()


def _identity(netns: str) -> tuple[int, int] | None:
    try:
        found = (NETNS / netns).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _request(question: bytes) -> bytes:
    unsummed = struct.pack("!BBH", _ECHO_REQUEST, 0, 0) + question
    return struct.pack("!BBH", _ECHO_REQUEST, 0, checksum(unsummed)) + question


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
