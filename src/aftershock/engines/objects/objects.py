"""The store of blobs: a directory with one file each, whose names are this module's own choice."""

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

from .draft import Blobs, Digest, Draft, Written
from .reading import Reading

NAME = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a blob."""

    blob: str
    offset: int
    size: int


class Objects:
    """One directory, written by one process.

    What a draft has become is not listed until the process says that it is settled: so that whoever looks for blobs
    that nobody knows does not find one whose record is about to be written.
    """

    def __init__(self, directory: Path) -> None:
        self._drafts, self._blobs = directory / "drafts", Blobs(directory / "blobs")
        self._unsettled: set[str] = set()
        self._lock = threading.Lock()
        self._readings: WeakSet[Reading] = WeakSet()
        self._digesting = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="digesting")  # begins with no thread

    def open(self) -> None:
        """Make the directories, and remove what a process before this one had begun to write."""
        for directory in (self._drafts, self._blobs.top):
            directory.mkdir(parents=True, exist_ok=True)
        for left in self._drafts.iterdir():
            left.unlink(missing_ok=True)

    def draft(self, digests: Mapping[str, Callable[[], Digest]]) -> "Incoming":
        begun = {name: make() for name, make in digests.items()}
        return Incoming(self, Draft(self._drafts, self._blobs, begun, self._digesting))

    def list(self) -> set[str]:
        """The names of all blobs that are settled."""
        found = {path.name for path in self._blobs.top.glob("??/*")}
        with self._lock:  # after the look: what is settled by now was found, if at all, with its record written
            unsettled = set(self._unsettled)
        return {name for name in found if NAME.fullmatch(name)} - unsettled

    def read(self, pieces: Sequence[Piece]) -> Reading:
        """These bytes, one stretch after the other; the blobs stay as long as it is open."""
        stretches = [(self._blobs.path(piece.blob), piece.offset, piece.size) for piece in pieces]
        reading = Reading(stretches)
        self._readings.add(reading)
        return reading

    def remove(self, name: str) -> bool:
        """Whether no such blob is left; it is while somebody reads it."""
        path = self._blobs.path(name)
        if any(reading.needs(path) for reading in tuple(self._readings)):
            return False
        path.unlink(missing_ok=True)
        return True

    def unsettled(self, name: str) -> None:
        with self._lock:
            self._unsettled.add(name)

    def settled(self, name: str) -> None:
        with self._lock:
            self._unsettled.discard(name)


class Incoming:
    """A draft, until it is known whether it is kept."""

    def __init__(self, objects: Objects, draft: Draft) -> None:
        self._objects, self._draft = objects, draft
        self._written: Written | None = None
        self.write = draft.write

    def finish(self) -> Written:
        self._objects.unsettled(self._draft.name)
        self._written = self._draft.finish()
        return self._written

    def close(self, *, kept: bool) -> None:
        if not kept:
            self._draft.discard()
        if self._written is not None:
            self._objects.settled(self._written.name)
