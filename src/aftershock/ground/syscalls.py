"""The few Linux calls that Python 3.11 does not have, as functions that raise OSError with the path."""

import ctypes
import os
import signal
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int = 0) -> None:
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def mount(source: str | Path, target: str | Path, fstype: str | None, flags: int = 0, data: str | None = None) -> None:
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        None if fstype is None else fstype.encode(),
        ctypes.c_ulong(flags),
        None if data is None else data.encode(),
    )
    _check(result, str(target))


def bind(source: str | Path, target: str | Path) -> None:
    """Show `source`, with all that is mounted below it, at `target` as well."""
    mount(source, target, None, MS_BIND | MS_REC)


def make_mounts_private() -> None:
    """From now on nothing that is mounted here is seen outside, nor the other way round."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def umount(target: str | Path, flags: int = 0) -> None:
    _check(_libc.umount2(os.fsencode(target), ctypes.c_int(flags)), str(target))


def die_with_parent(with_signal: signal.Signals = signal.SIGKILL) -> None:
    """Be sent a signal when the parent dies.  A change of user id undoes this; a parent already dead goes unnoticed."""
    _prctl(_PR_SET_PDEATHSIG, with_signal)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(n) for n in (value, 0, 0, 0))), "prctl")


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
