"""Has a resolver serve a snapshot, and says which one it serves.

Whoever keeps the program running is not our business: it reads the file whenever it starts.
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from aftershock.engines.errors import EngineError

from . import client
from .answering import SERIAL_NAME
from .client import Answer
from .snapshot import Snapshot, encode

ADDRESS, PORT = "169.254.169.253", 53
SERVED_TIMEOUT_S = 5.0
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Observed:
    serial: int  # of the snapshot that answers are given from; 0 before the first


class Resolver:
    """The resolver at an address, and the file it answers from.  Nothing is remembered between calls."""

    def __init__(self, path: Path, *, address: str = ADDRESS, port: int = PORT) -> None:
        self._path, self._address, self._port = path, address, port

    async def observe(self) -> Observed | None:
        """What the resolver itself says; None if it does not answer."""
        serial = await client.serial(self._address, self._port, SERIAL_NAME)
        return None if serial is None else Observed(serial)

    async def ensure(self, snapshot: Snapshot) -> None:
        """Have this snapshot served.  Any number of calls end in the same place.

        On return the resolver has said that it answers from it.

        Raises:
            EngineError: it did not say so within `SERVED_TIMEOUT_S`; the snapshot is written and will be served.
        """
        await asyncio.to_thread(self._write, encode(snapshot))
        observed = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SERVED_TIMEOUT_S):
                while (observed := await self.observe()) is None or observed.serial != snapshot.serial:
                    await asyncio.sleep(POLL_S)
                return
        served = f"serves {observed.serial}" if observed else "does not answer"
        raise EngineError(f"the resolver at {self._address} {served}, and not snapshot {snapshot.serial}")

    def ask(self, name: str, kind: str) -> Answer:
        """What the resolver answers to everybody; it is in this machine, and answers within a millisecond or two.

        Raises:
            EngineError: it did not answer.
        """
        return client.ask(self._address, self._port, name, kind)

    def _write(self, data: bytes) -> None:
        """Whole or not at all, also for whoever finds it after a power cut."""
        if self._path.exists() and self._path.read_bytes() == data:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
