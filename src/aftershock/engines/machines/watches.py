"""How many more inotify instances the host allows; systemd does not boot without.

inotify(7): max_user_instances is an "upper limit on the number of inotify instances that can be created per real user
ID".  A user namespace's are all counted against the user who made it, so that one limit holds for all machines of all
regions of a user.  The kernel's default is 128: some 40 machines.  Nothing tells how many are in use, so we try.
"""

import ctypes
import errno
import os

from aftershock.engines.errors import EngineError

# Counted on systemd 252: control groups, the time zone, questions for passwords.
NEEDED = 3
REASON = (
    f"The host lets its user have no more inotify instances, and each machine needs {NEEDED}; "
    "an administrator can allow more: sysctl -w fs.inotify.max_user_instances=8192"
)

_libc = ctypes.CDLL(None, use_errno=True)


def bootable(at_most: int) -> int:
    """How many more machines could boot now, counted no further than `at_most`."""
    opened: list[int] = []
    try:
        while len(opened) < at_most * NEEDED:
            fd = _libc.inotify_init1(os.O_CLOEXEC)
            if fd < 0:
                return len(opened) // NEEDED if ctypes.get_errno() == errno.EMFILE and _has_descriptors() else at_most
            opened.append(fd)
    finally:
        for fd in opened:
            os.close(fd)
    return at_most


def _has_descriptors() -> bool:
    """Whether a process can open more files: inotify_init1(2) gives the same EMFILE for both limits."""
    try:
        os.close(os.dup(0))
    except OSError:
        return False
    return True


def require_room() -> None:
    """Refuse to start a machine whose systemd would end at once with "Too many open files".

    Raises:
        EngineError: there is no room now; trying again helps once machines have ended, or the limit was raised.
    """
    if bootable(1) == 0:
        raise EngineError(REASON)
