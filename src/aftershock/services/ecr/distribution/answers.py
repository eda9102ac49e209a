"""What the registry answers: HTTP, and errors as the specification has them."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from aftershock.aws.errors import AwsError

JSON = "application/json"
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


class Stream(Protocol):
    @property
    def size(self) -> int: ...

    def blocks(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Stream = b""


class Refused(Exception):
    """The request is refused: what the client is told."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer = refusal(status, code, message, headers)


def answer(status: int, headers: Mapping[str, str] | None = None, body: bytes | Stream = b"") -> Answer:
    return Answer(status, {**_VERSION, **(headers or {})}, body)


def shown(status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    return answer(status, {"Content-Type": JSON, **(headers or {})}, json.dumps(value).encode())


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return shown(status, {"errors": [{"code": code, "message": message}]}, headers)


# ECR's error, as this protocol has it.
_CODES = {
    "EmptyUploadException": (HTTPStatus.BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
    "ImageDigestDoesNotMatchException": (HTTPStatus.BAD_REQUEST, "DIGEST_INVALID"),
    "ImageNotFoundException": (HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN"),
    "ImageTagAlreadyExistsException": (HTTPStatus.BAD_REQUEST, "TAG_INVALID"),
    "InvalidLayerException": (HTTPStatus.BAD_REQUEST, "DIGEST_INVALID"),
    "InvalidLayerPartException": (HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
    "InvalidParameterException": (HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID"),
    "LayersNotFoundException": (HTTPStatus.BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
    "LimitExceededException": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "SIZE_INVALID"),
    "ReferencedImagesNotFoundException": (HTTPStatus.BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
    "RepositoryNotFoundException": (HTTPStatus.NOT_FOUND, "NAME_UNKNOWN"),
    "UploadNotFoundException": (HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
}


def of_error(error: AwsError) -> Answer:
    status, code = _CODES.get(error.code, (error.status, "UNKNOWN"))
    return refusal(status, code, error.message)
