"""Finds out when a web server first answers: an attempt every few milliseconds, whatever became of those before."""

import asyncio
import socket
import struct
import time

EVERY_S = 0.01  # the resolution of what is measured, and cheap enough for two cores
LIMIT_S = 60.0
REQUEST = b"GET /health HTTP/1.0\r\n\r\n"


def first_answer(door: int, address: str) -> float:
    """When, on the monotonic clock, port 80 of the address first answered through the SOCKS door."""
    return asyncio.run(_first_answer(door, address))


def first_answers(door: int, addresses: list[str]) -> list[float]:
    """The same for many at once."""

    async def all_of_them() -> list[float]:
        return await asyncio.gather(*(_first_answer(door, address, EVERY_S * 10) for address in addresses))

    return asyncio.run(all_of_them())


async def _first_answer(door: int, address: str, every_s: float = EVERY_S) -> float:
    attempts: set[asyncio.Task[float | None]] = set()
    deadline = time.monotonic() + LIMIT_S
    try:
        while time.monotonic() < deadline:
            attempts.add(asyncio.create_task(_attempt(door, address)))
            done, _ = await asyncio.wait(attempts, timeout=every_s, return_when=asyncio.FIRST_COMPLETED)
            answered = [at for task in done if (at := task.result()) is not None]
            if answered:
                return min(answered)
            attempts -= done
            if done:  # refused at once; the next attempt is due no sooner
                await asyncio.sleep(every_s)
    finally:
        for task in attempts:
            task.cancel()
    raise SystemExit(f"{address} did not answer within {LIMIT_S:.0f} s")


async def _attempt(door: int, address: str) -> float | None:
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", door)
            try:
                writer.write(b"\5\1\0" + b"\5\1\0\1" + socket.inet_aton(address) + struct.pack("!H", 80))
                if (await reader.readexactly(12))[3] != 0:  # two bytes of method, then VER REP RSV …
                    return None
                writer.write(REQUEST)
                return time.monotonic() if await reader.read(1) else None
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None
