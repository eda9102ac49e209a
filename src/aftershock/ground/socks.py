"""The SOCKS5h door: programs on the host reach the region's public addresses and names through it, and nothing else.

A process of its own inside the region's internet segment, so that it serves while the control plane is down:
`python -m aftershock.ground.socks --fd N`, where N is a listening socket on the host's loopback (RFC 1928).
"""

import argparse
import asyncio
import errno
import ipaddress
import logging
import resource
import socket
import struct
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum

log = logging.getLogger(__name__)

# The public addresses of a region: RFC 2544's benchmarking range, which no real network answers in.
REACHABLE = ipaddress.IPv4Network("198.18.0.0/15")
MOST_CONNECTIONS = 4096  # two descriptors each; who comes above it is turned away at once
RESOLVER_THREADS = 32
HANDSHAKE_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
LINGER_S = 1.0
CHUNK = 256 * 1024

VERSION = 5
NO_AUTHENTICATION, NO_ACCEPTABLE_METHOD = 0x00, 0xFF
CONNECT = 1


class Kind(IntEnum):
    """RFC 1928 §5: what an address is.  IPv6 is the third, which a region does not have."""

    IPV4 = 1
    DOMAIN = 3


class Reply(IntEnum):
    """RFC 1928 §6."""

    SUCCEEDED = 0
    GENERAL_FAILURE = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    CONNECTION_REFUSED = 5
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_TYPE_NOT_SUPPORTED = 8


class Refused(Exception):
    """The client is answered with this, and no more."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer.hex())
        self.answer = answer


def reply(code: Reply, bound: tuple[str, int] = ("0.0.0.0", 0)) -> bytes:  # noqa: S104 - RFC 1928's "no address"
    return struct.pack("!BBBB4sH", VERSION, code, 0, Kind.IPV4, socket.inet_aton(bound[0]), bound[1])


def code_of(error: OSError) -> Reply:
    """What a failed connection means to the client."""
    match error.errno:
        case errno.ECONNREFUSED:
            return Reply.CONNECTION_REFUSED
        case errno.ENETUNREACH:
            return Reply.NETWORK_UNREACHABLE
        case errno.EHOSTUNREACH | errno.ETIMEDOUT:
            return Reply.HOST_UNREACHABLE
        case errno.EACCES | errno.EPERM:
            return Reply.NOT_ALLOWED
    return Reply.GENERAL_FAILURE


def allowed(addresses: Iterable[str]) -> list[str]:
    """Those addresses that lie in the region: the door is no way to the world outside."""
    return [address for address in addresses if ipaddress.IPv4Address(address) in REACHABLE]


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Speak the protocol up to the request, and return the host (a name or an IPv4 address) and port it names.

    Raises:
        Refused: it is a request that we do not serve, or none at all.
    """
    version, methods = await reader.readexactly(2)
    if version != VERSION:
        raise Refused(b"")
    if NO_AUTHENTICATION not in await reader.readexactly(methods):
        raise Refused(bytes([VERSION, NO_ACCEPTABLE_METHOD]))
    writer.write(bytes([VERSION, NO_AUTHENTICATION]))
    version, command, _, kind = await reader.readexactly(4)
    if version != VERSION:
        raise Refused(reply(Reply.GENERAL_FAILURE))
    match kind:
        case Kind.IPV4:
            host = socket.inet_ntoa(await reader.readexactly(4))
        case Kind.DOMAIN:
            name = await reader.readexactly((await reader.readexactly(1))[0])
            host = _name(name)
        case _:
            raise Refused(reply(Reply.ADDRESS_TYPE_NOT_SUPPORTED))
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    if command != CONNECT:
        raise Refused(reply(Reply.COMMAND_NOT_SUPPORTED))
    return host, port


def _name(raw: bytes) -> str:
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError:
        raise Refused(reply(Reply.HOST_UNREACHABLE)) from None
    if not name or not all(33 <= byte < 127 for byte in raw):
        raise Refused(reply(Reply.HOST_UNREACHABLE))
    return name


async def resolve(host: str) -> list[str]:
    """The region's addresses of a name or of an address.

    Raises:
        Refused: it has none, or none that lies in the region.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(reply(Reply.HOST_UNREACHABLE)) from None
    addresses = allowed(str(address[4][0]) for address in found)
    if not addresses:
        raise Refused(reply(Reply.NOT_ALLOWED))
    return addresses


async def connect(addresses: list[str], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that answers.

    Raises:
        Refused: none does; the reply is the last one's.
    """
    code = Reply.HOST_UNREACHABLE
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await asyncio.open_connection(address, port, limit=CHUNK)
        except TimeoutError:
            code = Reply.HOST_UNREACHABLE
        except OSError as error:
            code = code_of(error)
    raise Refused(reply(code))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until its sender has no more, and say so to its receiver."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


class Door:
    def __init__(self, most_connections: int = MOST_CONNECTIONS) -> None:
        self._most = most_connections
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= self._most:
            writer.transport.abort()
            return
        self._open += 1
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass  # the client has gone, or never said what it wants
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                host, port = await read_request(reader, writer)
            there_reader, there_writer = await connect(await resolve(host), port)
        except Refused as refused:
            await _say_last(refused.answer, reader, writer)
            return
        try:
            writer.write(reply(Reply.SUCCEEDED, there_writer.get_extra_info("sockname")))
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(pump(reader, there_writer), name="out")
                both_ways.create_task(pump(there_reader, writer), name="back")
        except* OSError:
            pass  # one side broke off; the other learns it by its connection's end
        finally:
            there_writer.transport.abort()


async def _say_last(answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer and end; what the client still sends is read, for else the kernel would throw the answer away."""
    writer.write(answer)
    writer.write_eof()
    async with asyncio.timeout(LINGER_S):
        while await reader.read(CHUNK):
            pass


async def run(listener: socket.socket, most_connections: int = MOST_CONNECTIONS) -> None:
    """Serve until cancelled."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(RESOLVER_THREADS, "resolve"))
    server = await asyncio.start_server(Door(most_connections).serve, sock=listener, limit=CHUNK)
    async with server:
        await server.serve_forever()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m aftershock.ground.socks", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="an inherited listening socket")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(run(socket.socket(fileno=options.fd)))


if __name__ == "__main__":
    main(sys.argv[1:])
