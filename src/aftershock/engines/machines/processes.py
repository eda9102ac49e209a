"""Processes by their identity: a pid together with its start time, so that a number used again is nobody's."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LOOKS = 500  # at a command line that is empty: some milliseconds


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot; None if it has ended, reaped by its parent or not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5): the name stands in parentheses and may hold anything, so count from its end.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def lives(pid: int, started: int) -> bool:
    return start_ticks(pid) == started


def unix_time(ticks: int) -> float:
    """A start time as Unix time.  The boot time is today's clock less the uptime, as ps(1) has it."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / _TICKS_PER_S


def send(pid: int, started: int, number: int) -> bool:
    """Send a signal to this very process, and say whether it was there to get it."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        # The descriptor cannot come to mean another process: if the start time is right now, it is right.
        if not lives(pid, started):
            return False
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


def send_together(wanted: Iterable[tuple[int, int]], number: int) -> float:
    """Send a signal to all of these processes (pid and start time) in one stroke, and say how long the stroke took.

    All that takes time is done before the first signal; who has ended already is passed over.  In seconds, from before
    the first signal until after the last; it is nobody else's turn in this process meanwhile.
    """
    pidfds = []
    try:
        for pid, started in wanted:
            with contextlib.suppress(ProcessLookupError):
                pidfds.append(os.pidfd_open(pid))
                if not lives(pid, started):
                    os.close(pidfds.pop())
        began = time.monotonic()
        for pidfd in pidfds:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, number)
        return time.monotonic() - began
    finally:
        for pidfd in pidfds:
            os.close(pidfd)


def started_for(runtime: Path) -> list[int]:
    """The conmon of one machine, and its runtime on the way to becoming runc or just become it."""
    found = []
    wanted = os.fsencode(runtime)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                words = _words(int(entry.name))
                # runc has the runtime's log on its command line, and neither of the others is started without.
                if wanted in words or wanted + b".log" in words:
                    found.append(int(entry.name))
    return found


def _words(pid: int) -> list[bytes]:
    """The command line; that of a process in the middle of execve(2) is empty for a moment, which is waited for."""
    for _ in range(_LOOKS):
        if (text := Path(f"/proc/{pid}/cmdline").read_bytes()) or not _has_memory(pid):
            return text.split(b"\0")
        time.sleep(0)
    return []  # it chose to have none


def _has_memory(pid: int) -> bool:
    """Whether it has a command line at all: neither a zombie nor a thread of the kernel's has."""
    return start_ticks(pid) is not None and Path(f"/proc/{pid}/statm").read_bytes().split()[0] != b"0"


async def ended(pid: int) -> None:
    """Return when the process of this number has ended; at once if there is none."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    try:
        loop.add_reader(pidfd, over.set)
        await over.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
