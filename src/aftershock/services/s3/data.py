"""The way of the bytes: from a request to the disk, and back from there.  Records are the operations' business."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aftershock.aws import checksums
from aftershock.aws.call import Params, Tx
from aftershock.aws.errors import AwsError
from aftershock.engines import objects
from aftershock.engines.objects import Objects, Reading

from . import copies
from .operations import copying, found
from .operations.uploads import check_part_number
from .records import Content, Piece
from .rules import digests, names
from .rules.errors import refuse, too_large
from .storage import Copied, Received

MOST_BYTES = 5 * 2**30  # S3 user guide: of what comes in one piece, an object or a part
COPYING = ("CopyObject", "UploadPartCopy")
Snapshot = Callable[[], AbstractContextManager[Tx]]


class Incoming(Protocol):
    def write(self, data: bytes | memoryview, /) -> None: ...

    def finish(self) -> objects.Written: ...

    def close(self, *, kept: bool) -> None: ...


class Intake:
    """A body on its way to the disk."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._size = 0

    def write(self, piece: bytes | memoryview) -> None:
        """
        Raises:
            AwsError: it is too large, or there is no room.
        """
        self._size += len(piece)
        if self._size > MOST_BYTES:
            raise too_large(self._size, MOST_BYTES)
        try:
            self._incoming.write(piece)
        except OSError as error:
            raise _no_room(error) from error

    def finish(self) -> Received:
        try:
            return _received(self._incoming.finish())
        except OSError as error:
            raise _no_room(error) from error

    def close(self, *, kept: bool) -> None:
        self._incoming.close(kept=kept)


def _received(written: objects.Written) -> Received:
    return Received(written.name, written.size, dict(written.digests))


def _no_room(error: OSError) -> AwsError:
    message = f"The region cannot write the object ({error.strerror}); nothing was changed. Is its disk full?"
    return refuse("ServiceUnavailable", message, 503)


class Data:
    """What the gateway and the operations are given; `account` is whose they are."""

    def __init__(self, objects: Objects, account: str) -> None:
        self._objects, self._account = objects, account

    # --- for the gateway -------------------------------------------------------------------------------------------

    def receive(self, tx: Tx, operation: str, params: Params, headers: Mapping[str, str]) -> Intake:
        """Refuses at once what would be refused after the last byte."""
        found.require_bucket(tx, self._account, params)
        names.check_key(params["Key"])
        wanted = set(digests.wanted(params, headers))
        if operation == "UploadPart":
            check_part_number(params["PartNumber"])
            if algorithm := found.require_upload(tx, params).algorithm:
                wanted.add(algorithm)
        self._check_length(headers)
        return Intake(self._objects.draft(_algorithms(wanted)))

    def _check_length(self, headers: Mapping[str, str]) -> None:
        length = headers.get("x-amz-decoded-content-length", headers.get("content-length"))
        if length is None:
            raise refuse("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
        if length.isascii() and length.isdigit() and int(length) > MOST_BYTES:
            raise too_large(int(length), MOST_BYTES)

    async def prepare(self, snapshot: Snapshot, operation: str, params: Params) -> Params:
        """Digests what a copy needs digested."""
        if operation not in COPYING:
            return params
        with snapshot() as tx:
            version = copies.source_of(tx, self._account, params)
            if operation == "CopyObject":
                algorithms = copying.algorithms(params, version)
            else:
                algorithms = copying.part_algorithms(found.require_upload(tx, params).algorithm)
            content, complete = copies.content_of(version, params, algorithms)
            if complete:
                return params
            reading = self._objects.read(_pieces(content.pieces))  # so that nobody removes it until it is read
        try:
            after: Content = await asyncio.to_thread(copies.digested, self, content, algorithms)
        finally:
            reading.close()
        return {**params, "CopySource": Copied(copies.spelled(params), after)}

    # --- for the operations ----------------------------------------------------------------------------------------

    def read(self, pieces: Sequence[Piece]) -> Reading:
        return self._objects.read(_pieces(pieces))

    def receive_whole(self, data: bytes, algorithms: Iterable[str]) -> Received:
        incoming = self._objects.draft(_algorithms(algorithms))
        incoming.write(data)
        written = incoming.finish()
        incoming.close(kept=True)
        return _received(written)

    def digests(self, pieces: Sequence[Piece], algorithms: Iterable[str]) -> dict[str, bytes]:
        made = {name: make() for name, make in _algorithms(algorithms).items()}
        with self.read(pieces) as reading:
            for block in reading.each():
                for digest in made.values():
                    digest.update(block)
        return {name: digest.digest() for name, digest in made.items()}


def _algorithms(wanted: Iterable[str]) -> dict[str, Callable[[], Any]]:
    return {name: checksums.ALGORITHMS[name] for name in {"MD5", *wanted}}


def _pieces(pieces: Sequence[Piece]) -> list[objects.Piece]:
    return [objects.Piece(piece.blob, piece.offset, piece.size) for piece in pieces]
