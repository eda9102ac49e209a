"""How many more inotify instances the host allows; systemd does not boot without."""

import ctypes
import errno
import os

from aftershock.engines.errors import EngineError

# Counted on systemd 252: control groups, the time zone, questions for passwords.
NEEDED = 3

_libc = ctypes.CDLL(None, use_errno=True)


def require_room() -> None:
    """Refuse to start a machine whose systemd would end at once with "Too many open files".

    inotify(7): max_user_instances is an "upper limit on the number of inotify instances that can be created per
    real user ID".  A user namespace's are all counted against the user who made it, so that one limit holds for
    all machines of all regions of a user.  The kernel's default is 128: some 40 machines.

    Raises:
        EngineError: there is no room now; trying again helps once machines have ended, or the limit was raised.
    """
    opened = [_libc.inotify_init1(os.O_CLOEXEC) for _ in range(NEEDED)]
    number = ctypes.get_errno() if -1 in opened else 0
    for fd in opened:
        if fd >= 0:
            os.close(fd)
    if number == errno.EMFILE:
        raise EngineError(
            "the host lets its user have no more inotify instances, and each machine needs "
            f"{NEEDED}; an administrator can allow more: sysctl -w fs.inotify.max_user_instances=8192"
        )
