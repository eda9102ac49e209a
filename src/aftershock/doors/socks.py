"""A TCP connection into the region, through its SOCKS door (RFC 1928, without authentication)."""

import socket
import struct

CONNECT, DOMAIN, NO_AUTHENTICATION, VERSION = 1, 3, 0, 5
ADDRESS_BYTES = {1: 4, 4: 16}  # by address type: IPv4, IPv6
# RFC 1928 §6, in words for the person who waits for the connection.
REPLIES = {
    1: "the door failed",
    2: "the door leads into the region only, and this is not one of its public addresses",
    3: "the network is unreachable",
    4: "no answer: no machine has this name or address, or a security group drops what is sent to it",
    5: "refused: the machine is there, and nothing listens on this port",
    6: "no answer in time",
    7: "the door does not do this",
    8: "the door does not know this kind of address",
}


class NoWayIn(ConnectionError):
    """The door did not connect us; the message says why."""


def connect(door: int, host: str, port: int, *, timeout_s: float) -> socket.socket:
    """Connect to `host`, a name or an address of the region; names are looked up inside.

    Raises:
        NoWayIn: the door is shut, or it answered that there is no way.
        TimeoutError: nothing was heard for `timeout_s`; the socket that is returned keeps this limit.
    """
    try:
        connection = socket.create_connection(("127.0.0.1", door), timeout=timeout_s)
    except ConnectionRefusedError:
        raise NoWayIn(f"nothing listens on the SOCKS door, 127.0.0.1:{door}: is the region up?") from None
    try:
        _handshake(connection, host, port)
    except BaseException:
        connection.close()
        raise
    return connection


def request(host: str, port: int) -> bytes:
    """The two messages of a client: how it can authenticate, and where it wants to go."""
    name = host.encode("idna") if not host.isascii() else host.encode()
    if not 0 < len(name) < 256:
        raise NoWayIn(f"{host[:80]!r} is not a name that could exist")
    return (
        bytes((VERSION, 1, NO_AUTHENTICATION))
        + bytes((VERSION, CONNECT, 0, DOMAIN, len(name)))
        + name
        + struct.pack("!H", port)
    )


def _handshake(connection: socket.socket, host: str, port: int) -> None:
    # Both messages at once save a round trip; the door reads them one after the other.
    connection.sendall(request(host, port))
    if _read(connection, 2) != bytes((VERSION, NO_AUTHENTICATION)):
        raise NoWayIn("what listens on the SOCKS door's port is something else")
    _, reply, _, kind = _read(connection, 4)
    length = ADDRESS_BYTES.get(kind) or _read(connection, 1)[0]
    _read(connection, length + 2)
    if reply != 0:
        raise NoWayIn(f"{host}:{port}: {REPLIES.get(reply, f'the door answered {reply}')}")


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (more := connection.recv(count - len(data))):
            raise NoWayIn("the SOCKS door closed the connection")
        data += more
    return data
