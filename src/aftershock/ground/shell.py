"""Runs a program inside a running region, from the host: for `aftershock shell` and for looking around."""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from . import cgroups, paths, syscalls
from .errors import GroundError
from .record import Running

ALL = (
    syscalls.CLONE_NEWUSER
    | syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUTS
)
PASSED_ON = ("TERM", "LANG", "COLUMNS", "LINES")
NOT_STARTED = 127  # as a shell says


def exec_in_region(running: Running, argv: Sequence[str]) -> int:
    """Run a program as the region's root with our own standard streams, and return its status as a shell would.

    Ctrl-C is the program's, not ours, while it runs.

    Raises:
        GroundError: the region has ended, or it is not ours.
    """
    if not running.lives:
        raise GroundError("the region does not run")
    try:
        keeper = os.pidfd_open(running.keeper.pid)
    except OSError as error:
        raise GroundError(f"the region has ended: {error}") from error
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        middle = os.fork()
        if middle == 0:
            _enter(running, keeper, list(argv))
        return _status(middle)
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(keeper)


def _enter(running: Running, keeper: int, argv: list[str]) -> NoReturn:
    """Only a child of who has entered a pid namespace is in it, so this process stays between."""
    try:
        # A user's login session and its region may share no cgroup that the user owns; the program runs all the same.
        with contextlib.suppress(PermissionError):
            cgroups.enter(running.cgroups, os.getpid())
        syscalls.setns(keeper, ALL)
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            syscalls.die_with_parent()
            os.chdir("/")
            passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
            os.execvpe(argv[0], argv, {"PATH": paths.PATH, "HOME": "/", **passed_on})  # noqa: S606 - no shell wanted
        os._exit(_status(pid))
    except OSError as error:
        print(f"aftershock: {argv[0]}: {error}", file=sys.stderr, flush=True)
    os._exit(NOT_STARTED)


def _status(pid: int) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code
