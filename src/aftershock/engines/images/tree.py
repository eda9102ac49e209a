"""Directory trees as overlay layers: copied, measured and removed whole."""

import asyncio
import contextlib
import errno
import os
import re
import shutil
import stat
from pathlib import Path

from aftershock.engines.errors import EngineError
from aftershock.engines.process import run

COPY_TIMEOUT_S = 1800.0  # a disk of several GB on a slow host
REMOVE_ATTEMPTS = 20
REMOVE_EVERY_S = 0.05

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def require_name(name: str) -> str:
    """The name of a layer, a volume or a machine: one component of a path, and nothing an option could be.

    Raises:
        EngineError: it is not; trying again cannot help.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise EngineError(f"{name!r} cannot be the name of a layer, a volume or a machine", retryable=False)
    return name


async def copy(source: Path, target: Path) -> None:
    """Copy a tree to a directory that is not there yet, or have nothing there.

    Ownership, modes, times, extended attributes (overlayfs's opaque marks among them), whiteouts, hard links and
    holes are the same in the copy.  The target appears whole, by one rename, and is on the disk by then.

    Raises:
        EngineError: it could not be copied; the message says why (such as a full disk).
    """
    draft = target.with_name(f".{target.name}.new")
    await remove(draft)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        await run(["cp", "--archive", "--reflink=auto", "--sparse=auto", "--", source, draft], timeout_s=COPY_TIMEOUT_S)
        # The copy must not outlive a power cut in pieces under its final name.
        await run(["sync", "--file-system", "--", draft], timeout_s=COPY_TIMEOUT_S)
        draft.rename(target)
    finally:
        await remove(draft)


async def remove(path: Path) -> None:
    """Delete a tree.  Deleting what is not there is no error.

    Raises:
        EngineError: something of it cannot be deleted, or somebody puts something into it again and again.
    """
    for attempt in range(REMOVE_ATTEMPTS):
        try:
            await asyncio.to_thread(_remove, path)
            return
        except OSError as error:
            # A writer that was killed a moment ago may have come in between.
            if error.errno != errno.ENOTEMPTY or attempt == REMOVE_ATTEMPTS - 1:
                raise EngineError(f"{path}: cannot be deleted: {error}") from error
            await asyncio.sleep(REMOVE_EVERY_S)


def _remove(path: Path) -> None:
    def gone_is_fine(function: object, failed: str, exc: tuple[type[BaseException], BaseException, object]) -> None:
        if not isinstance(exc[1], FileNotFoundError):
            raise exc[1]

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=gone_is_fine)
    else:
        path.unlink(missing_ok=True)


async def size_bytes(path: Path) -> int:
    """The room that a tree takes on the disk; a file with several names counts once."""
    return await asyncio.to_thread(_size_bytes, path)


def _size_bytes(path: Path) -> int:
    total = 0
    linked: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                        if (status.st_dev, status.st_ino) in linked:
                            continue
                        linked.add((status.st_dev, status.st_ino))
                    total += status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(Path(entry.path))
    return total
