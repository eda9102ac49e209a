"""Processes of the host, known by pid and start time, so that a recycled pid is never taken for the one before."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    started: str  # this boot's id, and clock ticks since boot

    @classmethod
    def of(cls, pid: int) -> "Process":
        """The process that has this pid now.

        Raises:
            ProcessLookupError: there is none.
        """
        ticks = _start_ticks(pid)
        if ticks is None:
            raise ProcessLookupError(f"no process {pid}")
        return cls(pid, f"{_boot_id()}/{ticks}")

    @property
    def lives(self) -> bool:
        """Whether it has not ended; one that nobody has buried yet has."""
        ticks = _start_ticks(self.pid)
        return ticks is not None and self.started == f"{_boot_id()}/{ticks}"

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal; if it has ended there is no error, and nobody else gets it."""
        with contextlib.suppress(ProcessLookupError):
            pidfd = os.pidfd_open(self.pid)  # from here on the pid cannot come to mean somebody else
            try:
                if self.lives:
                    signal.pidfd_send_signal(pidfd, number)
            finally:
                os.close(pidfd)

    def wait_gone(self, within_s: float) -> bool:
        """Whether it has ended within the time."""
        deadline = time.monotonic() + within_s
        while self.lives:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True


def _start_ticks(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before may contain anything; see proc(5)
    return None if fields[0] in "ZX" else fields[19]


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
