"""System calls that Python lacks, around a machine's root: mounts, and files laid into a tree that is not trusted."""

import contextlib
import ctypes
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8
_SYS_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_IN_ROOT = 0x10

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def _raise(path: Path | str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), str(path))


def mount_overlay(target: Path, options: str) -> None:
    """Mount an overlay file system.

    Raises:
        OSError: as mount(2).
    """
    if _libc.mount(b"overlay", os.fsencode(target), b"overlay", 0, options.encode()) != 0:
        _raise(target)


def unmount(target: Path) -> None:
    """Take a mount out of our own view, at once; where others still use it, it lives on.  No mount is no error.

    Raises:
        OSError: as umount2(2), for any other reason.
    """
    while _libc.umount2(os.fsencode(target), MNT_DETACH | UMOUNT_NOFOLLOW) == 0:
        pass
    if ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
        _raise(target)


def lay(root: Path, path: str, content: bytes) -> None:
    """Have a file with this content, of root's and mode 0644, in a tree that somebody else filled.

    Symbolic links on the way are followed as they would be from inside, so that none leads out of the tree; one at
    the end is replaced.  Directories are made as needed.  A file that is right already is not touched.

    Raises:
        OSError: something on the way is no directory, or the disk is full.
    """
    top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _directory(top, str(Path(path).parent)) as directory:
            name = Path(path).name
            if not _is_right(directory, name, content):
                draft = f".{name}.{secrets.token_hex(4)}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                with os.fdopen(os.open(draft, flags, 0o644, dir_fd=directory), "wb") as file:
                    os.fchmod(file.fileno(), 0o644)
                    file.write(content)
                os.rename(draft, name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.close(top)


def _is_right(directory: int, name: str, content: bytes) -> bool:
    try:
        with os.fdopen(
            os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory), "rb"
        ) as file:
            return file.read(len(content) + 1) == content
    except OSError:
        return False


@contextlib.contextmanager
def _directory(top: int, path: str) -> Iterator[int]:
    """A directory below `top`, made if it is not there."""
    parts = [part for part in path.split("/") if part]
    for depth in range(len(parts) + 1):
        here = "/" + "/".join(parts[:depth])
        try:
            found = _open_in_root(top, here)
        except FileNotFoundError:
            above = _open_in_root(top, "/" + "/".join(parts[: depth - 1]))
            try:
                os.mkdir(parts[depth - 1], 0o755, dir_fd=above)
            finally:
                os.close(above)
            found = _open_in_root(top, here)
        if depth < len(parts):
            os.close(found)
    try:
        yield found
    finally:
        os.close(found)


def _open_in_root(top: int, path: str) -> int:
    how = _OpenHow(os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT)
    fd = _libc.syscall(_SYS_OPENAT2, top, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if fd < 0:
        _raise(path)
    return int(fd)
