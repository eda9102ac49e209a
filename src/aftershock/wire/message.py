"""What comes in and what goes out: HTTP messages, and a request that was understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was understood and satisfies its model; `params` is spelled as boto3 spells it."""

    service: str
    operation: OperationModel
    protocol: str
    params: dict[str, Any]
