"""Enters a region: makes its namespaces and starts its first process in them.

Three processes take part: the caller, which stays outside as the parent; one in the middle, which makes the
namespaces and ends; and the region's PID 1, which is then the caller's child.
"""

import json
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO

from . import cgroups, identity, paths, syscalls, view
from .errors import GroundError

OWN = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
)


@dataclass(frozen=True, slots=True)
class Init:
    """The region's PID 1, seen from the host."""

    pid: int
    lifeline: int  # while this descriptor is open the keeper lives


def start_keeper(
    orders: Mapping[str, object],
    *,
    ids: identity.Identity,
    lent: Sequence[cgroups.Lent],
    needed: Iterable[Path],
    keep_fds: Iterable[int],
    cwd: Path,
) -> Init:
    """Start a keeper as PID 1 of new namespaces; it inherits `keep_fds`.

    It is told to go, by one byte on its lifeline, once it is our own child.

    Raises:
        GroundError: the kernel or the host did not allow one of the steps; the message says which.
    """
    syscalls.adopt_orphans()
    paper = os.memfd_create("orders")
    os.write(paper, json.dumps(orders).encode())
    os.lseek(paper, 0, os.SEEK_SET)
    lifeline, our_lifeline = os.pipe()
    to_us, from_middle = os.pipe()
    to_middle, from_us = os.pipe()
    middle = os.fork()
    if middle == 0:
        for fd in (our_lifeline, to_us, from_us):
            os.close(fd)
        _middle(
            paths.keeper_argv(paper, lifeline),
            ids=ids,
            needed=list(needed),
            keep_fds={*keep_fds, paper, lifeline},
            cwd=cwd,
            to_middle=to_middle,
            from_middle=from_middle,
        )
    for fd in (paper, lifeline, from_middle, to_middle):
        os.close(fd)
    try:
        if _hear(to_us) == "own":
            identity.write_maps(middle, ids)
            cgroups.enter(lent, middle)
            os.write(from_us, b"\n")
        pid = int(_hear(to_us))
        if rest := _rest(to_us):
            raise GroundError(rest)
    except BaseException:
        os.close(our_lifeline)
        raise
    finally:
        os.close(from_us)
        os.close(to_us)
        os.waitpid(middle, 0)
    os.write(our_lifeline, b"\n")
    return Init(pid, our_lifeline)


def _middle(
    argv: list[str],
    *,
    ids: identity.Identity,
    needed: list[Path],
    keep_fds: set[int],
    cwd: Path,
    to_middle: int,
    from_middle: int,
) -> NoReturn:
    step = "preparing"
    try:
        syscalls.die_with_parent()
        if ids.privileged:
            step = "showing the needed directories to the region"
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.make_mounts_private()
            view.cover(needed, ids)
        step = "making a user namespace (is kernel.unprivileged_userns_clone or an AppArmor rule in the way?)"
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        os.write(from_middle, b"own\n")
        if not os.read(to_middle, 1):
            os._exit(1)  # the caller knows why
        step = "becoming root in the user namespace"
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        step = "making the region's namespaces"
        syscalls.unshare(OWN)
        syscalls.make_mounts_private()
        pid = os.fork()
        if pid:
            os.write(from_middle, b"%d\n" % pid)
            os._exit(0)
        step = f"starting {argv[0]}"
        for fd in keep_fds:
            os.set_inheritable(fd, True)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        try:
            os.chdir(cwd)
        except OSError:  # it lies behind a closed door; nothing in the region depends on it
            os.chdir("/")
        os.execve(argv[0], argv, paths.keeper_env())  # noqa: S606 - no shell wanted
    except Exception as error:
        os.write(from_middle, f"{step}: {error}\n".encode())
    os._exit(1)


def _hear(fd: int) -> str:
    """One line; what the process in the middle says instead of what is expected is its complaint."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            break
        line += byte
    text = line.decode().strip()
    if text == "own" or text.isdecimal():
        return text
    raise GroundError(text or "the process that makes the namespaces ended without a word")


def _rest(fd: int) -> str:
    """What is said until the first process has replaced itself by its program: nothing, if all went well."""
    said = b""
    while more := os.read(fd, 4096):
        said += more
    return said.decode().strip()


def remove_cgroups(lent: Sequence[cgroups.Lent], ids: identity.Identity) -> None:
    """Remove the region's cgroups, also those that it has given to users of its own.

    Raises:
        GroundError: something still lives in one.
    """
    try:
        cgroups.remove(lent)
    except PermissionError:  # a machine's user, whom an ordinary user of the host may not touch; the region's root may
        _as_regions_root(lambda: cgroups.remove(lent), ids)
        cgroups.remove(lent)


def _as_regions_root(act: Callable[[], None], ids: identity.Identity) -> None:
    """Do something in a user namespace with the region's maps; whether it worked is for the caller to see."""
    to_us, from_child = os.pipe()
    to_child, from_us = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
            os.close(from_child)  # says that the maps can be written
            os.close(from_us)
            os.read(to_child, 1)
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            act()
        finally:
            os._exit(0)
    os.close(from_child)
    os.close(to_child)
    try:
        os.read(to_us, 1)
        identity.write_maps(child, ids)
    finally:
        os.close(from_us)
        os.close(to_us)
        os.waitpid(child, 0)


def expect(said: TextIO, word: str) -> None:
    """Wait for a word of the keeper's.

    Raises:
        GroundError: it said something else, which is why it gave up.
    """
    line = said.readline().strip()
    if line != word:
        raise GroundError(line or "the keeper ended without a word")
