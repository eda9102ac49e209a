"""A request to the registry, as its parts see it; the gateway has it, and knows nothing of registries."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl

from aftershock.aws.call import Call, Principal, Tx
from aftershock.services.ecr.operations import found
from aftershock.services.ecr.records import Repository

from .answers import Refused

_MOST_FIELDS = 50


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

    async def whole(self, most_bytes: int) -> bytes | None:
        """The body; None where it is larger."""
        ...

    async def receive(self, intake: Intake) -> object:
        """Take in the body as it comes: what `finish` gives."""
        ...


@dataclass(frozen=True, slots=True)
class Guest:
    """A visit by somebody known."""

    visit: Visit
    principal: Principal

    @property
    def query(self) -> dict[str, str]:
        """
        Raises:
            Refused: it has more fields than anybody needs.
        """
        try:
            return dict(parse_qsl(self.visit.request.query, max_num_fields=_MOST_FIELDS))
        except ValueError:
            raise Refused(400, "UNSUPPORTED", "the query cannot be read") from None

    def header(self, name: str) -> str:
        return self.visit.request.headers.get(name, "")

    def transaction(self) -> AbstractContextManager[Call]:
        return self.visit.transaction(self.principal)


def repository(call: Call, name: str) -> Repository:
    """
    Raises:
        AwsError: RepositoryNotFoundException
    """
    return found.require(call, call.account, name)
