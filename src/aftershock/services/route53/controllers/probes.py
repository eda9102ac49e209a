"""One probe of an endpoint, as AWS's health checkers make it.

They are in the internet segment, as we are: what the endpoint's firewall refuses to the internet it refuses to them.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httptools

from aftershock.clock import Clock
from aftershock.engines.errors import EngineError
from aftershock.engines.resolver import Answer
from aftershock.services.route53.records import HealthCheck

# AWS: "must be able to establish a TCP connection with the endpoint within four seconds.  In addition, the endpoint
# must respond with an HTTP status code of 2xx or 3xx within two seconds after connecting"; TCP checks have ten.
CONNECT_S, RESPONSE_S, TCP_CONNECT_S = 4.0, 2.0, 10.0
# Of a region that is faster than AWS; the machine itself is not, so that some time there must be.
SHORTEST_S = 1.0
SEARCHED_BYTES = 5120
CHUNK = 16384
AGENT = "Amazon-Route53-Health-Check-Service"

TIMED_OUT = (
    "Failure: Connection timed out. The endpoint or the internet connection is down, or requests are being blocked "
    "by your firewall."
)
REFUSED = "Failure: Connection refused."
NO_ANSWER = "Failure: The endpoint did not respond with an HTTP status code within the timeout limit."

Ask = Callable[[str, str], Answer]


@dataclass(frozen=True, slots=True)
class Outcome:
    ok: bool
    status: str


async def probe(check: HealthCheck, clock: Clock, ask: Ask) -> Outcome:
    """Ask the endpoint once.  Whatever goes wrong is an outcome, never an error."""
    wanted = check.check
    address = wanted.address
    if address is None:
        address = await _resolve(wanted.domain or "", ask)
        if address is None:
            return Outcome(False, f"Failure: DNS resolution of {wanted.domain} failed.")
    nominal_s = TCP_CONNECT_S if wanted.type == "TCP" else CONNECT_S
    context = _tls() if wanted.type.startswith("HTTPS") else None
    name = (wanted.domain or None) if wanted.sni else None
    try:
        async with asyncio.timeout(_patience_s(clock, nominal_s)):
            reader, writer = await asyncio.open_connection(
                address, wanted.port, ssl=context, server_hostname=(name or "") if context else None
            )
    except TimeoutError:
        return Outcome(False, TIMED_OUT)
    except ConnectionRefusedError:
        return Outcome(False, REFUSED)
    except ssl.SSLError as error:
        return Outcome(False, f"Failure: SSL handshake failed: {error.reason}.")
    except OSError as error:
        return Outcome(False, f"Failure: {error.strerror or error}.")
    try:
        if wanted.type == "TCP":
            return Outcome(True, f"Success: TCP connection established. Resolved IP: {address}.")
        async with asyncio.timeout(_patience_s(clock, RESPONSE_S)) as limit:
            writer.write(_request(check, address))
            return await _answer(reader, check, address, limit, _patience_s(clock, RESPONSE_S))
    except TimeoutError:
        return Outcome(False, NO_ANSWER)
    except (OSError, httptools.HttpParserError) as error:
        return Outcome(False, f"Failure: The endpoint's response is not HTTP: {error}.")
    finally:
        writer.close()


def _patience_s(clock: Clock, nominal_s: float) -> float:
    return min(nominal_s, max(SHORTEST_S, clock.paced(nominal_s)))


async def _resolve(domain: str, ask: Ask) -> str | None:
    try:
        found = await asyncio.to_thread(ask, domain, "A")
    except EngineError:
        return None
    return found.values[0] if found.values else None


def _tls() -> ssl.SSLContext:
    """AWS: "HTTPS health checks don't validate SSL/TLS certificates"."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _request(check: HealthCheck, address: str) -> bytes:
    wanted = check.check
    host = wanted.domain or address
    usual = 443 if wanted.type.startswith("HTTPS") else 80
    path = wanted.path or "/"
    lines = (
        f"GET {path if path.startswith('/') else f'/{path}'} HTTP/1.1",
        f"Host: {host if wanted.port == usual else f'{host}:{wanted.port}'}",
        "Connection: close",
        f"User-Agent: {AGENT} (ref {check.id})",
        "Accept: */*",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("utf-8", "surrogateescape")


class _Response:
    def __init__(self) -> None:
        self.begun = self.complete = False
        self.body = b""

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


async def _answer(
    reader: asyncio.StreamReader, check: HealthCheck, address: str, limit: asyncio.Timeout, more_s: float
) -> Outcome:
    response = _Response()
    parser = httptools.HttpResponseParser(response)
    search = (check.check.search or "").encode()
    given_time = False
    while not response.complete and len(response.body) < SEARCHED_BYTES:
        data = await reader.read(CHUNK)
        if not data:
            break
        parser.feed_data(data)
        if response.begun and not search:
            break
        if response.begun and not given_time:
            # AWS: the body must come "within two seconds" after the status.
            limit.reschedule(asyncio.get_running_loop().time() + more_s)
            given_time = True
        if search and search in response.body[:SEARCHED_BYTES]:
            break
    if not response.begun:
        return Outcome(False, NO_ANSWER)
    code = parser.get_status_code()
    said = f"HTTP Status Code: {code}. Resolved IP: {address}. {_phrase(code)}"
    if not 200 <= code < 400:
        return Outcome(False, f"Failure: {said}")
    if search and search not in response.body[:SEARCHED_BYTES]:
        return Outcome(False, f"Failure: {said}. The response body does not contain the search string.")
    return Outcome(True, f"Success: {said}")


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "unknown"
