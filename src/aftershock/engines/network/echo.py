"""ICMP echo from a network namespace."""

import asyncio
import os
import socket
import struct

from .inside import open_in

_ECHO_REPLY, _ECHO_REQUEST = 0, 8  # RFC 792
_RESEND_S = 1.0


async def ping(netns: str, address: str, timeout_s: float) -> bool:
    """Whether an address answers; asked again every second.

    Raises:
        EngineError: there is no such namespace.
    """
    loop = asyncio.get_running_loop()
    question = os.urandom(8)  # 4 of these are identifier and sequence, so that no one else's answer counts
    # Raw, because datagram echo sockets need a sysctl; it sees all ICMP that comes in.
    with open_in(netns, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_ICMP) as echo:
        echo.setblocking(False)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    try:
                        await loop.sock_sendto(echo, _request(question), (address, 0))
                        async with asyncio.timeout(_RESEND_S):
                            while not _answers(await loop.sock_recv(echo, 2048), address, question):
                                pass
                        return True
                    except TimeoutError:
                        continue
                    except OSError:  # unreachable; it may come yet
                        await asyncio.sleep(0.05)
        except TimeoutError:
            return False


def _request(question: bytes) -> bytes:
    unsummed = struct.pack("!BBH", _ECHO_REQUEST, 0, 0) + question
    return struct.pack("!BBH", _ECHO_REQUEST, 0, checksum(unsummed)) + question


def _answers(packet: bytes, address: str, question: bytes) -> bool:
    header = (packet[0] & 0xF) * 4
    return (
        packet[12:16] == socket.inet_aton(address)
        and packet[header] == _ECHO_REPLY
        and packet[header + 4 : header + 12] == question
    )


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
