"""A request that is no operation of a service's model, as the service that answers it sees it.

The gateway has it, and knows nothing of what such services speak.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from aftershock.aws.call import Call, Principal, Tx


class Asked(Protocol):
    """Header names are in lower case; path and query as they stood in the request."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def query(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


class Intake(Protocol):
    def write(self, piece: bytes | memoryview) -> None: ...

    def finish(self) -> object: ...

    def close(self, *, kept: bool) -> None: ...


class Visit(Protocol):
    @property
    def request(self) -> Asked: ...

    @property
    def now(self) -> datetime: ...

    @property
    def snapshot(self) -> Callable[[], AbstractContextManager[Tx]]: ...

    @property
    def transaction(self) -> Callable[[Principal], AbstractContextManager[Call]]: ...

    @property
    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        ...

    async def whole(self, most_bytes: int) -> bytes | None:
        """The body; None where it is larger."""
        ...

    async def receive(self, intake: Intake) -> object:
        """Take in what is left of the body as it comes: what `finish` gives."""
        ...
