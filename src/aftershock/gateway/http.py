"""Between ASGI and our own messages: bytes only, nothing of AWS."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from aftershock.wire import HttpRequest, HttpResponse, Stream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 16 * 2**20  # far above what any control operation takes; a larger body is refused unread


class BodyTooLargeError(Exception):
    """The body is larger than `MAX_BODY_BYTES`."""


class ClientGoneError(Exception):
    """The client went away before its request was whole."""


def head(scope: Scope) -> HttpRequest:
    """The request without its body."""
    return HttpRequest(
        method=scope["method"],
        path=scope.get("raw_path", b"/").decode("latin-1"),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=_headers(scope["headers"]),
        body=b"",
    )


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes.  The server stops listening to a client that sends faster than these are asked for.

    Raises:
        ClientGoneError
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def whole(receive: Receive) -> bytes:
    """
    Raises:
        BodyTooLargeError, ClientGoneError
    """
    body = bytearray()
    async for piece in pieces(receive):
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLargeError
    return bytes(body)


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text  # RFC 9110 §5.3
    return headers


async def write(send: Send, response: HttpResponse, *, bodiless: bool = False) -> None:
    """Send the answer; `bodiless` where the request had asked for no more than its head."""
    body = response.body
    given = {name.lower(): value for name, value in response.headers.items()}
    size = body.size if isinstance(body, Stream) else len(body)
    if size or not bodiless:  # an answer to HEAD may tell the length of what it does not send
        given["content-length"] = str(size)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(body, Stream):
        async for block in body.blocks():
            await send({"type": "http.response.body", "body": block, "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})
