"""One health check of one server, from inside the node."""

import asyncio
import contextlib
import re
import ssl
from typing import Any

from .health import CODE, FAILED, TIMEOUT, Result, matches

USER_AGENT = "ELB-HealthChecker/2.0"
DEFAULT_PORTS = {"http": 80, "https": 443}
ANSWER_BYTES = 64 << 10  # of a check's answer only the first line counts


async def probe(address: str, port: int, check: dict[str, Any]) -> Result:
    """Ask a server as the check says.  Whatever goes wrong is a result."""
    try:
        async with asyncio.timeout(check["timeout_s"]):
            if check["protocol"] == "tcp":
                _, writer = await asyncio.open_connection(address, port)
                writer.close()
                return Result(True)
            code = await _status(address, port, check)
    except TimeoutError:
        return Result(False, TIMEOUT)
    except (OSError, ValueError, asyncio.IncompleteReadError):
        return Result(False, FAILED)
    return Result(True, "", code) if matches(code, check["codes"]) else Result(False, CODE, code)


async def _status(address: str, port: int, check: dict[str, Any]) -> int:
    encrypted = _context() if check["protocol"] == "https" else None
    reader, writer = await asyncio.open_connection(address, port, ssl=encrypted, limit=ANSWER_BYTES)
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
