"""What answers in a protocol that is none of AWS's: told by host and path, before a service is looked for."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aftershock.aws.call import Call, Principal
from aftershock.wire import HttpRequest, Stream

from .door import Intake, Snapshot
from .uploads import upload


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to a site, and what it may do here."""

    request: HttpRequest  # without its body
    now: datetime
    snapshot: Snapshot
    transaction: Callable[[Principal], AbstractContextManager[Call]]
    pieces: AsyncIterator[bytes]

    async def whole(self, most_bytes: int) -> bytes | None:
        """The body; None where it is larger.

        Raises:
            ClientGoneError
        """
        body = bytearray()
        async for piece in self.pieces:
            body += piece
            if len(body) > most_bytes:
                return None
        return bytes(body)

    async def receive(self, intake: Intake) -> object:
        """Take in the body as it comes: what `Intake.finish` gives.

        Raises:
            ClientGoneError, and whatever the intake refuses.
        """
        return (await upload(self.pieces, _Plain(), intake))[0]


class Answer(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes | Stream: ...


class Site(Protocol):
    """It knows by itself who asks, and refuses in its own words."""

    @property
    def name(self) -> str:
        """What it is called in the log."""
        ...

    def serves(self, request: HttpRequest) -> bool: ...

    async def answer(self, visit: Visit) -> Answer: ...


class _Plain:
    """A body that nobody has signed."""

    def feed(self, data: bytes) -> Sequence[bytes]:
        return (data,)

    def end(self) -> dict[str, str]:
        return {}
