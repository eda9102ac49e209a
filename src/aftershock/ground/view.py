"""The region's view of the host's files: what it needs stays reachable where it is, however private its parents are.

A region that root starts is nobody on the host, so that it may not pass a directory like /root, even on the way to a
directory of its own.  Such a directory is covered, for the region alone, by an empty one in which only what is needed
is shown, at its old place.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import syscalls
from .identity import Identity


def coverings(needed: Iterable[Path], identity: Identity) -> dict[Path, list[Path]]:
    """Which directories have to be covered, outer ones first, and what is then to be shown again in each.

    A needed directory that is closed itself cannot be helped, and is left out.
    """
    found: dict[Path, list[Path]] = {}
    paths = {Path(os.path.abspath(path)) for path in needed}  # noqa: PTH100 - Path.resolve would follow links
    for path in sorted(paths | {path.resolve() for path in paths}):
        way = list(reversed(path.parents)) if _may_pass(path, identity) else []
        while (closed := next((parent for parent in way if not _may_pass(parent, identity)), None)) is not None:
            shown = found.setdefault(closed, [])
            above = next((other for other in shown if path.is_relative_to(other)), None)
            if above is None:
                shown.append(path)
                break
            way = [parent for parent in way if parent.is_relative_to(above)]
    return found


def cover(needed: Iterable[Path], identity: Identity) -> None:
    """Make the needed directories reachable.  To be called by root in a mount namespace of its own."""
    found = coverings(needed, identity)
    kept = {path: _open(path) for shown in found.values() for path in shown if path.exists()}
    for closed, shown in found.items():
        syscalls.mount("tmpfs", closed, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=0755,size=1m")
        _show({path: kept[path] for path in shown if path in kept})


def private_tmp(own: Path, needed: Iterable[Path]) -> None:
    """Put an empty directory of the region's over /tmp and /var/tmp, so that it leaves nothing in the host's.

    What is needed stays where it is, even if that is below one of the two.
    """
    for public in (Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - the very directories that are meant
        if not public.is_dir():
            continue
        kept = {path: _open(path) for path in needed if path.is_relative_to(public)}
        directory = own / public.name if public.parent == Path("/") else own / f"var-{public.name}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        directory.chmod(0o1777)
        syscalls.bind(directory, public)
        _show(kept)


def _open(path: Path) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _show(kept: dict[Path, int]) -> None:
    """Bind directories that were opened before they were covered to their old places again."""
    for path, fd in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        syscalls.bind(f"/proc/self/fd/{fd}", path)
        os.close(fd)


def _may_pass(directory: Path, identity: Identity) -> bool:
    try:
        status = directory.stat()
    except FileNotFoundError:
        return True
    if status.st_uid == identity.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == identity.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)
