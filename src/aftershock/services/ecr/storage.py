"""What operations may ask of the bytes; data.py has them, and nothing here starts or waits for anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from .records import Piece


class Received(Struct, frozen=True):
    """Bytes that have come, and lie on the disk."""

    blob: str
    size: int
    digest: str

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(self.blob, self.size),) if self.size else ()


class Storage(Protocol):
    def receive_whole(self, data: bytes) -> Received:
        """Put down what came whole, from another service of the region; it is small."""
        ...

    def digest(self, pieces: Sequence[Piece]) -> str:
        """Reads all of it."""
        ...


@dataclass(frozen=True, slots=True)
class Digested:
    """The digests that a client says a layer has, with the one that its bytes have."""

    stated: list[str]
    pieces: tuple[Piece, ...]
    digest: str
