"""Bodies on their way in: taken piece by piece, held against what was signed and stated, and plain at the end.

A payload keeps no more of a body than the line it is in, so that what passes through may be of any size.
"""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from aftershock.aws.errors import AwsError
from aftershock.wire.chunk_signatures import ChunkSigner
from aftershock.wire.refusals import Family
from aftershock.wire.signature_refusals import Fault, refusal

_LINE_BYTES = 8 * 1024  # of a chunk's head or a trailer
_TRAILERS = 32
_TRAILER_SIGNATURE = "x-amz-trailer-signature"

Piece = bytes | memoryview


class Payload(Protocol):
    def feed(self, data: bytes) -> Sequence[Piece]:
        """The plain bytes in these.

        Raises:
            AwsError: the body is not what was signed, or not in the form that was stated.
        """
        ...

    def end(self) -> dict[str, str]:
        """Nothing comes any more: the trailers, by their lower-case names.

        Raises:
            AwsError: as `feed`, or the body is not all there.
        """
        ...


class Whole:
    """A body as it stands.  `sha256` is the one that was signed, None where none was."""

    def __init__(self, sha256: str | None, family: Family) -> None:
        self._stated, self._family = sha256, family
        self._hash = hashlib.sha256() if sha256 is not None else None

    def feed(self, data: bytes) -> Sequence[Piece]:
        if self._hash is not None:
            self._hash.update(data)
        return (data,)

    def end(self) -> dict[str, str]:
        if self._hash is not None and self._hash.hexdigest() != self._stated:
            raise refusal(self._family, Fault.WRONG_PAYLOAD)
        return {}


class Chunks:
    """`aws-chunked`: `size[;chunk-signature=…]\\r\\n data \\r\\n` up to size 0, then trailers.

    With a signer every chunk's signature is held against its data, and the trailers' against them.  `size` is the
    length of the plain body as the client stated it.
    """

    def __init__(self, size: int | None = None, signer: ChunkSigner | None = None) -> None:
        self._size, self._signer = size, signer
        self._line = bytearray()
        self._expects = self._head
        self._left = self._taken = 0
        self._hash, self._signature = hashlib.sha256(), ""
        self._trailers: dict[str, str] = {}
        self._ended = False

    def feed(self, data: bytes) -> Sequence[Piece]:
        plain: list[Piece] = []
        rest = memoryview(data)
        while rest and not self._ended:
            if self._left:
                part, rest = rest[: self._left], rest[self._left :]
                self._left -= len(part)
                if self._signer is not None:
                    self._hash.update(part)
                plain.append(part)
            else:
                rest = self._read_line(rest)
        return plain

    def end(self) -> dict[str, str]:
        unfinished = self._left or self._line or (not self._ended and self._expects != self._trailer)
        if unfinished or (self._size is not None and self._size != self._taken):
            raise _incomplete()
        if self._signer is not None and self._trailers:
            given = self._trailers.get(_TRAILER_SIGNATURE, "")
            self._signer.check_trailers(_signed_trailers(self._trailers), given)
        return {name: value for name, value in self._trailers.items() if name != _TRAILER_SIGNATURE}

    def _read_line(self, rest: memoryview) -> memoryview:
        found = bytes(rest[:_LINE_BYTES]).find(b"\n")
        end = len(rest) if found < 0 else found + 1
        if len(self._line) + end > _LINE_BYTES:
            raise _incomplete()
        self._line += rest[:end]
        if found >= 0:
            if not self._line.endswith(b"\r\n"):
                raise _incomplete()
            line = bytes(self._line[:-2])
            self._line.clear()
            self._expects(line)
        return rest[end:]

    def _head(self, line: bytes) -> None:
        size_text, _, extension = line.partition(b";")
        size_text = size_text.strip()
        if not size_text or size_text.strip(b"0123456789abcdefABCDEF") or len(size_text) > 16:
            raise _incomplete()
        self._left = int(size_text, 16)
        self._taken += self._left
        if self._size is not None and self._taken > self._size:
            raise _incomplete()
        name, _, value = extension.partition(b"=")
        self._signature = value.strip().decode("latin-1") if name.strip() == b"chunk-signature" else ""
        if self._left:
            self._expects = self._after
        else:
            self._check_chunk()
            self._expects = self._trailer

    def _after(self, line: bytes) -> None:
        if line:
            raise _incomplete()
        self._check_chunk()
        self._expects = self._head

    def _check_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._hash.hexdigest(), self._signature)
            self._hash = hashlib.sha256()

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._ended = True
            return
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(self._trailers) == _TRAILERS:
            raise _incomplete()
        self._trailers[name.strip().lower()] = value.strip()


def _signed_trailers(trailers: dict[str, str]) -> bytes:
    lines = (f"{name}:{value}\n" for name, value in sorted(trailers.items()) if name != _TRAILER_SIGNATURE)
    return "".join(lines).encode("latin-1")


def _incomplete() -> AwsError:
    return AwsError(
        "IncompleteBody", "The request body terminated unexpectedly or does not follow the aws-chunked encoding."
    )
