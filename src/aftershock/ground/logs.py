"""A log file that cannot fill the disk: one generation in use, one before it."""

import contextlib
import os
from pathlib import Path

LIMIT_BYTES = 4 * 1024 * 1024


class BoundedLog:
    """Appends bytes to a file; a full one is renamed to `<name>.1`, replacing the one before.

    Nothing is raised when the disk is full: what cannot be written is lost, and whoever logs goes on.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._path, self._limit = path, limit_bytes
        self._fd: int | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._fd is None or self._size > self._limit:
                self._open()
            if self._fd is not None:
                self._size += os.write(self._fd, data)

    def _open(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            self._path.rename(f"{self._path}.1")
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        self._size = os.fstat(self._fd).st_size
