"""Bytes on their way from the disk, block by block."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

BLOCK_BYTES = 2**20
CRC_DIGITS = 8  # at the end of a blob's name


class Damaged(Exception):
    """The bytes on the disk are not those that were written."""

    retryable = False


class Reading:
    """Stretches of files, read one after the other.

    A file that is read from its beginning to its end is held against its checksum before its last block is given
    away; of a part of a file that cannot be told.
    """

    def __init__(self, stretches: Sequence[tuple[Path, int, int]]) -> None:
        self._stretches = stretches
        self._open = True

    @property
    def size(self) -> int:
        return sum(size for _, _, size in self._stretches)

    async def blocks(self) -> AsyncIterator[bytes]:
        """
        Raises:
            Damaged
        """
        reader = self.each()
        while (block := await asyncio.to_thread(next, reader, None)) is not None:
            yield block

    def whole(self) -> bytes:
        """All of it at once, for what is known to be small.

        Raises:
            Damaged
        """
        with self:
            return b"".join(self.each())

    def each(self) -> Iterator[bytes]:
        """The blocks, for who may wait for the disk.

        Raises:
            Damaged
        """
        for path, offset, size in self._stretches:
            yield from _stretch(path, offset, size)

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open = False

    def needs(self, path: Path) -> bool:
        return self._open and any(path == one for one, _, _ in self._stretches)


def _stretch(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        length = path.stat().st_size
        file.seek(offset)
        left, crc = size, 0
        while left:
            block = file.read(min(BLOCK_BYTES, left))
            if not block:
                raise Damaged(f"{path.name} ends {left} bytes early")
            left -= len(block)
            if size == length:
                crc = zlib.crc32(block, crc)
                if not left and f"{crc:08x}" != path.name[-CRC_DIGITS:]:
                    raise Damaged(f"the checksum of {path.name} is {crc:08x}")
            yield block
