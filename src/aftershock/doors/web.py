"""One HTTP request, to the API door or through the SOCKS door.  Small on purpose: no redirects, no TLS, no pool."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import socks


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


class _Through(http.client.HTTPConnection):
    def __init__(self, connection: socket.socket, host: str) -> None:
        super().__init__(host)
        self.sock = connection


def get(url: str, *, door: int | None = None, timeout_s: float = 5.0, accept: str = "*/*") -> Answer:
    """Ask for a page; see `request`."""
    return request("GET", url, headers={"Accept": accept}, door=door, timeout_s=timeout_s)


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    door: int | None = None,
    timeout_s: float = 5.0,
) -> Answer:
    """Send one request and return its answer, whatever its status; through the SOCKS door on port `door` if given.

    Raises:
        OSError: no connection, or it ended before the answer was whole.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    if door is None:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    else:
        connection = _Through(socks.connect(door, host, port, timeout_s=timeout_s), host)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, {**headers, "Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(errors="replace"))
    except http.client.HTTPException as error:
        raise ConnectionError(f"{url}: not an HTTP answer: {error!r}") from error
    finally:
        connection.close()
