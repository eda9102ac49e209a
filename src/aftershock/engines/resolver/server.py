"""Sockets: datagrams and connections, and the file that the snapshot is read from."""

import asyncio
import contextlib
import logging
import os
import random
import socket
import struct
from collections.abc import Awaitable, Sequence
from pathlib import Path

from . import snapshot
from .answering import Answering
from .message import TCP_MAX
from .upstream import Upstream

log = logging.getLogger(__name__)

BATCH = 64  # datagrams answered before others get their turn
LOOK_S = 0.5  # between looks at the snapshot's file; who cannot wait asks for the serial
IDLE_S = 10.0  # RFC 7766 §6.2.3: "on the order of a few seconds"
CONNECTIONS_MAX = 1000
RECEIVE_BUFFER = 4 << 20  # bytes; a burst waits rather than being lost

Client = tuple[str, int]


class Server:
    """Answers on any number of sockets until cancelled."""

    def __init__(self, path: Path, upstream: Sequence[str], *, chance: random.Random | None = None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._answering = Answering(Upstream(upstream), chance=chance, look=self.look)
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0
        self.look()

    async def serve(self, datagrams: Sequence[socket.socket], listening: Sequence[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        servers = [await asyncio.start_server(self._connection, sock=one, backlog=256) for one in listening]
        for one in datagrams:
            one.setblocking(False)
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            loop.add_reader(one, self._datagrams, one)
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                self.look()
        finally:
            for one in datagrams:
                loop.remove_reader(one)
            for server in servers:
                server.close()

    def look(self) -> None:
        """Use the file's snapshot if it is another one than before.  A bad one changes nothing."""
        try:
            status = self._path.stat()
            if (now := (status.st_ino, status.st_mtime_ns, status.st_size)) == self._seen:
                return
            self._seen = now
            self._answering.use(snapshot.decode(self._path.read_bytes()))
            log.info("serving snapshot %d", self._answering.serial)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.error("%s cannot be used: %s", self._path, error)

    # --- UDP ---------------------------------------------------------------------------------------------------

    def _datagrams(self, sock: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                data, client = sock.recvfrom(TCP_MAX)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an answer of ours that was not wanted (ICMP)
                continue
            found = self._answering.to(data, client[0], tcp=False)
            if isinstance(found, bytes):
                _send(sock, found, client)
            elif found is not None:
                task = asyncio.create_task(self._answer_later(sock, found, client), name="answer")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, sock: socket.socket, found: Awaitable[bytes], client: Client) -> None:
        _send(sock, await found, client)

    # --- TCP ---------------------------------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections += 1
        try:
            peer = writer.get_extra_info("peername")
            while peer and await self._one(reader, writer, peer[0]):
                pass
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # it has gone, or has nothing more to ask
        finally:
            self._connections -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: str) -> bool:
        async with asyncio.timeout(IDLE_S):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            data = await reader.readexactly(length)
        found = self._answering.to(data, client, tcp=True)
        if found is None:
            return False
        answer = found if isinstance(found, bytes) else await found
        writer.write(struct.pack("!H", len(answer)) + answer)
        async with asyncio.timeout(IDLE_S):
            await writer.drain()
        return True


def _send(sock: socket.socket, data: bytes, client: Client) -> None:
    # As with any datagram: who does not get it asks again.
    with contextlib.suppress(OSError):
        sock.sendto(data, client)


def datagram_socket(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    return sock


def listening_socket(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def adopt(descriptor: int) -> socket.socket:
    """A socket that was bound elsewhere, as it was handed to us."""
    sock = socket.socket(fileno=descriptor)
    os.set_inheritable(descriptor, False)
    return sock
