"""One health check of one server, from inside the node."""

import asyncio
import contextlib
import re
import ssl
from typing import Any

from .health import CODE, FAILED, TIMEOUT, Result, matches

USER_AGENT = "ELB-HealthChecker/2.0"
DEFAULT_PORTS = {"http": 80, "https": 443}
# The PROXY protocol's header of version 2 of a connection that is made for nobody else (its §2.2: LOCAL).  Network Load
# Balancers: "the proxy protocol header is also included in health check connections".
OWN_CONNECTION = b"\r\n\r\n\0\r\nQUIT\n" + bytes((0x20, 0, 0, 0))
ANSWER_BYTES = 64 << 10  # of a check's answer only the first line counts


async def probe(address: str, port: int, check: dict[str, Any]) -> Result:
    """Ask a server as the check says.  Whatever goes wrong is a result."""
    try:
        async with asyncio.timeout(check["timeout_s"]):
            if check["protocol"] == "tcp":
                _, writer = await _connect(address, port, check)
                writer.close()
                return Result(True)
            code = await _status(address, port, check)
    except TimeoutError:
        return Result(False, TIMEOUT)
    except (OSError, ValueError, asyncio.IncompleteReadError):
        return Result(False, FAILED)
    return Result(True, "", code) if matches(code, check["codes"]) else Result(False, CODE, code)


async def _status(address: str, port: int, check: dict[str, Any]) -> int:
    reader, writer = await _connect(address, port, check)
    try:
        host = address if port == DEFAULT_PORTS[check["protocol"]] else f"{address}:{port}"
        writer.write(
            f"GET {check['path']} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
            f"User-Agent: {USER_AGENT}\r\nAccept-Encoding: gzip, compressed\r\n\r\n".encode()
        )
        await writer.drain()
        found = re.match(rb"HTTP/1\.[01] (\d{3})(?: |\r|\n)", await reader.readline())
        if not found:
            raise ValueError("no answer in HTTP")
        with contextlib.suppress(ConnectionError):
            await _to_the_end(reader)
        return int(found[1])
    finally:
        writer.close()


async def _connect(address: str, port: int, check: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(address, port, limit=ANSWER_BYTES)
    try:
        if check["proxy_protocol"]:
            writer.write(OWN_CONNECTION)
            await writer.drain()
        if check["protocol"] == "https":
            await writer.start_tls(_context())
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def _to_the_end(reader: asyncio.StreamReader) -> None:
    """Read what belongs to the answer, within reason, so that the server does not see its connection reset."""
    left = ANSWER_BYTES
    while left > 0 and (text := await reader.read(left)):
        left -= len(text)


def _context() -> ssl.SSLContext:
    # AWS: "The load balancer does not validate the certificates of targets."
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
