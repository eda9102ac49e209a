"""HTTP/1.1 for the metadata service: small requests, small answers, connections that are kept.

An ASGI server for each VPC would be more than these need: every VPC of a region has one of its own.
"""

import asyncio
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools

from aftershock.services.ec2.metadata import Answer

IDLE_S = 60.0
REQUEST_BYTES_MAX = 16384
USUAL_HOPS = 64

Respond = Callable[[str, str, str, dict[str, str]], Answer]  # peer, method, path, headers in lower case


class Connection(asyncio.Protocol):
    """One connection; what breaks HTTP gets a 400 and is closed."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._peer = ""
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._received = b"", 0
        self._headers: dict[str, str] = {}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._transport = None

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._close)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._wait()
        self._received += len(data)
        try:
            if self._received > REQUEST_BYTES_MAX:
                raise httptools.HttpParserError("the request is too long")
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a bug of ours: asyncio logs it whole and drops the connection
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._write(Answer(400, b"", {}), keep=False)

    # What the parser calls.

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        keep = self._parser.should_keep_alive()
        found = self._respond(self._peer, method, self._path.decode("latin-1"), self._headers)
        self._path, self._headers, self._received = b"", {}, 0
        self._write(found, keep=keep, head=method == "HEAD")

    def _write(self, found: Answer, *, keep: bool, head: bool = False) -> None:
        if self._transport is None:
            return
        lines = [f"HTTP/1.1 {found.status} {HTTPStatus(found.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in found.headers.items()]
        lines += [f"content-length: {len(found.body)}", "server: EC2ws"]
        lines += [] if keep else ["connection: close"]
        message = "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head else found.body)
        if found.hop_limit is None:
            self._transport.write(message)
        else:
            # AWS: the answer to a PUT goes so many hops and no further.
            self._let_hop(found.hop_limit)
            self._transport.write(message)
            self._let_hop(USUAL_HOPS)
        if not keep:
            self._transport.close()

    def _let_hop(self, hops: int) -> None:
        assert self._transport is not None
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
