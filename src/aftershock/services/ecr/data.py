"""The way of the bytes: from a request to the disk, and back from there.  Records are the operations' business."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from aftershock.aws.call import Params, Tx
from aftershock.aws.errors import AwsError
from aftershock.engines import objects
from aftershock.engines.objects import Objects, Reading

from .records import REPOSITORIES, UPLOADS, Piece, Upload, key_in, repository_id
from .storage import Digested, Received

Snapshot = Callable[[], AbstractContextManager[Tx]]
_SHA256 = {"SHA256": hashlib.sha256}


class Incoming(Protocol):
    def write(self, data: bytes | memoryview, /) -> None: ...

    def finish(self) -> objects.Written: ...

    def close(self, *, kept: bool) -> None: ...


class Intake:
    """A layer, or a part of one, on its way to the disk."""

    def __init__(self, incoming: Incoming, most_bytes: int) -> None:
        self._incoming, self._left = incoming, most_bytes
        self.empty = True

    def write(self, piece: bytes | memoryview) -> None:
        """
        Raises:
            AwsError: it is too large, or there is no room.
        """
        self._left -= len(piece)
        if self._left < 0:
            raise AwsError("LimitExceededException", "The layer is larger than a registry takes")
        try:
            self._incoming.write(piece)
        except OSError as error:
            raise _no_room(error) from error
        self.empty = self.empty and not len(piece)

    def finish(self) -> Received:
        try:
            return _received(self._incoming.finish())
        except OSError as error:
            raise _no_room(error) from error

    def close(self, *, kept: bool) -> None:
        """No record names what is empty, so nothing of it is kept."""
        self._incoming.close(kept=kept and not self.empty)


def _received(written: objects.Written) -> Received:
    return Received(written.name, written.size, f"sha256:{written.digests['SHA256'].hex()}")


def _no_room(error: OSError) -> AwsError:
    message = f"The region cannot write the layer ({error.strerror}); nothing was changed. Is its disk full?"
    return AwsError("ServerException", message, status=500)


class Data:
    """What the gateway, the registry and the operations are given; `account` is whose registry it is."""

    def __init__(self, layers: Objects, account: str, region: str) -> None:
        self._layers, self.account, self.region = layers, account, region

    # --- for the gateway -------------------------------------------------------------------------------------------

    def receive(self, tx: Tx, operation: str, params: Params, headers: Mapping[str, str]) -> Intake:
        """No operation has a body that is streamed; what comes to the registry comes by `intake`."""
        raise AwsError("InvalidParameterException", f"{operation} has no body that is streamed.")

    async def prepare(self, snapshot: Snapshot, operation: str, params: Params) -> Params:
        """A part lies on the disk, and a layer is digested, before the operation sees them."""
        if operation == "UploadLayerPart":
            with snapshot() as tx:
                upload = self._upload(tx, params)
            if upload is not None and params["partFirstByte"] == upload.size:  # else it will be refused
                incoming, received = await asyncio.to_thread(self._put_down, params["layerPartBlob"])
                incoming.close(kept=True)  # from here to its record nobody else has a turn
                return {**params, "layerPartBlob": received}
        if operation == "CompleteLayerUpload":
            with snapshot() as tx:
                upload = self._upload(tx, params)
            if upload is not None and not upload.digest:
                digest = await asyncio.to_thread(self.digest, upload.pieces)
                return {**params, "layerDigests": Digested(params["layerDigests"], upload.pieces, digest)}
        return params

    def _upload(self, tx: Tx, params: Params) -> Upload | None:
        repository = repository_id(self.account, self.region, params["repositoryName"])
        if REPOSITORIES.get(tx, repository) is None:
            return None
        return UPLOADS.get(tx, key_in(repository, params["uploadId"]))

    # --- for the registry ------------------------------------------------------------------------------------------

    def intake(self, most_bytes: int) -> Intake:
        return Intake(self._layers.draft(_SHA256), most_bytes)

    def read(self, pieces: Sequence[Piece], first: int = 0, last: int | None = None) -> Reading:
        """The bytes from the first to the last, both among them; for whoever closes the stream."""
        size = sum(piece.size for piece in pieces)
        end = size if last is None else last + 1
        stretches, at = [], 0
        for piece in pieces:
            low, high = max(first, at), min(end, at + piece.size)
            if low < high:
                stretches.append(objects.Piece(piece.blob, low - at, high - low))
            at += piece.size
        return self._layers.read(stretches)

    # --- for the operations ----------------------------------------------------------------------------------------

    def receive_whole(self, data: bytes) -> Received:
        incoming, received = self._put_down(data)
        incoming.close(kept=True)
        return received

    def _put_down(self, data: bytes) -> tuple[Incoming, Received]:
        """On the disk, and not to be swept until it is closed."""
        incoming = self._layers.draft(_SHA256)
        try:
            incoming.write(data)
            return incoming, _received(incoming.finish())
        except OSError as error:
            incoming.close(kept=False)
            raise _no_room(error) from error

    def digest(self, pieces: Sequence[Piece]) -> str:
        digest = hashlib.sha256()
        with self.read(pieces) as reading:
            for block in reading.each():
                digest.update(block)
        return f"sha256:{digest.hexdigest()}"
