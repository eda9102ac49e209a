"""Bytes that are being written, under a name that nobody looks for."""

import os
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Digest(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Written:
    name: str
    size: int
    digests: Mapping[str, bytes]


class Draft:
    """Takes bytes, hashing them on the way."""

    def __init__(self, drafts: Path, blobs: Path, digests: Mapping[str, Digest]) -> None:
        self._blobs, self._digests = blobs, digests
        self._id = secrets.token_hex(16)
        self._draft = drafts / self._id
        self._final: Path | None = None
        self._file = self._draft.open("xb", buffering=0)
        self._size = self._crc = 0

    def write(self, data: bytes | memoryview) -> None:
        for digest in self._digests.values():
            digest.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    @property
    def name(self) -> str:
        """What it is called when it is finished, if nothing more is written.

        It carries the checksum, so that what was damaged on the disk is not served.
        """
        return f"{self._id}{self._crc:08x}"

    def finish(self) -> Written:
        """On return the bytes survive a power cut, under the name that `Objects.read` knows them by."""
        os.fsync(self._file.fileno())
        self._file.close()
        self._final = final = path_of(self._blobs, self.name)
        final.parent.mkdir(exist_ok=True)
        self._draft.rename(final)
        for directory in (final.parent, self._blobs):
            sync(directory)
        return Written(self.name, self._size, {name: digest.digest() for name, digest in self._digests.items()})

    def discard(self) -> None:
        """Leave nothing of it, whenever this is called."""
        self._file.close()
        for path in (self._draft, self._final):
            if path is not None:
                path.unlink(missing_ok=True)


def path_of(blobs: Path, name: str) -> Path:
    return blobs / name[:2] / name


def sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
