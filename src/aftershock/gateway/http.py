"""Between ASGI and our own messages: bytes only, nothing of AWS."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from aftershock.wire import HttpRequest, HttpResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 16 * 2**20  # far above what any control operation takes; a larger body is refused unread


class BodyTooLargeError(Exception):
    """The body is larger than `MAX_BODY_BYTES`."""


class ClientGoneError(Exception):
    """The client went away before its request was whole."""


async def read(scope: Scope, receive: Receive) -> HttpRequest:
    """The whole request.

    Raises:
        BodyTooLargeError, ClientGoneError
    """
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLargeError
    return HttpRequest(
        method=scope["method"],
        path=scope.get("raw_path", b"/").decode("latin-1"),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=_headers(scope["headers"]),
        body=bytes(body),
    )


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text  # RFC 9110 §5.3
    return headers


async def write(send: Send, response: HttpResponse) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
