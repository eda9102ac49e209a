"""What comes in and what goes out: HTTP messages, and a request that was understood."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from botocore.model import OperationModel


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it stood on the wire.

    Header names are lower-case, repeated headers joined by a comma; header values are the bytes read as Latin-1,
    as ASGI servers hand them over.  `path` and `query` are still percent-encoded.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@runtime_checkable
class Stream(Protocol):
    """A body that is too large to be held: it is asked for block by block, and closed whatever happens."""

    @property
    def size(self) -> int: ...

    def blocks(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: dict[str, str]
    body: bytes | Stream


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was understood and satisfies its model; `params` is spelled as boto3 spells it."""

    service: str
    operation: OperationModel
    protocol: str
    params: dict[str, Any]
