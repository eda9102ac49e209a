"""Bytes that are being written, under a name that nobody looks for."""

import os
import secrets
import zlib
from collections.abc import Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BESIDE_BYTES = 2**18  # from here on another thread's digest takes longer than to send it there


class Digest(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Written:
    name: str
    size: int
    digests: Mapping[str, bytes]


class Draft:
    """Takes bytes, hashing them on the way: large pieces in `beside`, while they are written."""

    def __init__(self, drafts: Path, blobs: "Blobs", digests: Mapping[str, Digest], beside: Executor) -> None:
        self._blobs, self._digests, self._beside = blobs, digests, beside
        self._id = secrets.token_hex(16)
        self._draft = drafts / self._id
        self._final: Path | None = None
        self._file = self._draft.open("xb", buffering=0)
        self._size = self._crc = 0

    def write(self, data: bytes | memoryview) -> None:
        if len(data) < BESIDE_BYTES:
            for digest in self._digests.values():
                digest.update(data)
            self._put(data)
            return
        digesting = [self._beside.submit(digest.update, data) for digest in self._digests.values()]
        try:
            self._put(data)
        finally:
            wait(digesting)  # before anybody takes the next piece, or the digests
        for one in digesting:
            one.result()

    def _put(self, data: bytes | memoryview) -> None:
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
        self._final = final = self._blobs.place(self.name)
        self._draft.rename(final)
        sync(final.parent)
        return Written(self.name, self._size, {name: digest.digest() for name, digest in self._digests.items()})

    def discard(self) -> None:
        """Leave nothing of it, whenever this is called."""
        self._file.close()
        for path in (self._draft, self._final):
            if path is not None:
                path.unlink(missing_ok=True)


class Blobs:
    """The directory of finished blobs, which lie in others by the beginnings of their names."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self._lasting: set[Path] = set()  # those that this process knows to survive a power cut

    def path(self, name: str) -> Path:
        return self.top / name[:2] / name

    def place(self, name: str) -> Path:
        """Where a new one is to be put; its directory is there, and stays."""
        path = self.path(name)
        if path.parent not in self._lasting:
            path.parent.mkdir(exist_ok=True)
            sync(self.top)
            self._lasting.add(path.parent)
        return path


def sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
