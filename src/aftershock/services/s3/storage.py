"""What operations may ask of the bytes; data.py has them, and nothing here starts or waits for anything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from .records import Content, Piece


class Received(Struct, frozen=True):
    """A body that has come, and lies on the disk."""

    blob: str
    size: int
    digests: Mapping[str, bytes]  # by algorithm, of which "MD5" is always one

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(self.blob, 0, self.size),) if self.size else ()


class Stream(Protocol):
    @property
    def size(self) -> int: ...

    def whole(self) -> bytes: ...

    def close(self) -> None: ...


class Storage(Protocol):
    def read(self, pieces: Sequence[Piece]) -> Stream:
        """The bytes, for whoever closes the stream."""
        ...

    def receive_whole(self, data: bytes, algorithms: Iterable[str]) -> Received:
        """Put down a body that came whole, from another service of the region; it is small."""
        ...

    def digests(self, pieces: Sequence[Piece], algorithms: Iterable[str]) -> dict[str, bytes]:
        """Reads all of it."""
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """A source to copy from that was looked at before: its content, digested afresh if that was needed."""

    source: str  # as the client spelled it
    content: Content
