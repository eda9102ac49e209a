"""What a protocol has to offer; each is a module with these four functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.model import OperationModel, ServiceModel, StructureShape

from aftershock.wire.message import HttpRequest, Stream


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before the headers that all have in common."""

    status: int
    headers: dict[str, str]
    body: bytes | Stream


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error and all that the model says of it.

    `code` is the wire code; `shape`, where the model has one, the error's own, whose name some protocols send.
    """

    code: str
    message: str
    status: int
    fault: str  # Sender or Receiver
    request_id: str
    service: ServiceModel | None
    shape: StructureShape | None
    details: Mapping[str, str] = field(default_factory=dict)  # beside code and message; S3 alone has such

    @property
    def shape_name(self) -> str:
        return self.code if self.shape is None else self.shape.name

    def tree(self) -> dict[str, str]:
        """What protocols with a body of names and values send; the message is spelled as the shape spells it."""
        members = self.shape.members if self.shape is not None else ()
        return {
            "__type": self.shape_name,
            next((m for m in members if m.lower() == "message"), "message"): self.message,
        }

    def query_error(self) -> dict[str, str]:
        """The header by which a service that once spoke the query protocol still says its old codes."""
        if self.service is None or not self.service.is_query_compatible:
            return {}
        return {"x-amzn-query-error": f"{self.code};{self.fault}"}


class WireProtocol(Protocol):
    """`operation` and `read` raise AwsError or Malformed; `write` raises ResultError for a mistake of ours."""

    def operation(self, request: HttpRequest, service: ServiceModel) -> OperationModel: ...

    def read(self, request: HttpRequest, operation: OperationModel) -> dict[str, Any]: ...

    def write(self, operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Answer: ...

    def write_error(self, refusal: Refusal) -> Answer: ...
