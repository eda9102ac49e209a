"""Keeps a few processes running: starts each, starts it again when it dies, and reaps every orphan."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from .logs import BoundedLog

FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 5.0
HEALTHY_AFTER_S = 10.0  # who lived as long has earned the shortest delay again
END_TIMEOUT_S = 5.0
PIPE_READ = 65536


@dataclass(frozen=True, slots=True)
class Child:
    """What to keep running.  The environment is the whole one; `fds` keep their numbers."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    fds: tuple[int, ...] = ()
    log: str | None = None  # the file that gets its output; without one it has the keeper's own, and its terminal
    essential: bool = False  # its end is the end of all, and is not repaired

    def json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, orders: dict[str, Any]) -> "Child":
        return cls(**{**orders, "argv": tuple(orders["argv"]), "fds": tuple(orders["fds"])})


def next_delay(delay_s: float, lived_s: float) -> float:
    """How long to wait before starting a child again that waited `delay_s` the last time, 0 for never."""
    if lived_s >= HEALTHY_AFTER_S or delay_s == 0:
        return FIRST_DELAY_S
    return min(delay_s * 2, LONGEST_DELAY_S)


class _Kept:
    """One child: its process, when it is due, and the pipe that all its lives write to."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.pid: int | None = None
        self.started_at = 0.0
        self.delay_s = 0.0
        self.due_at = 0.0
        self.log = BoundedLog(Path(child.log)) if child.log else None
        self.output, self.input = os.pipe() if child.log else (-1, -1)
        if self.log:
            os.set_blocking(self.output, False)


class Supervisor:
    def __init__(self, children: Iterable[Child]) -> None:
        self._kept = [_Kept(child) for child in children]
        self.outcome: int | None = None  # the exit status of the essential child, as a shell would say it

    @property
    def outputs(self) -> list[int]:
        """The descriptors to wait on, before `drain`."""
        return [kept.output for kept in self._kept if kept.log]

    def drain(self, readable: Iterable[int]) -> None:
        for kept in self._kept:
            if kept.log and kept.output in readable:
                with contextlib.suppress(BlockingIOError):
                    kept.log.write(os.read(kept.output, PIPE_READ))

    def start_due(self, now: float) -> float | None:
        """Start who is due, and return the seconds until the next one is; None if all run."""
        waits = []
        for kept in self._kept:
            if kept.pid is None and kept.due_at <= now:
                kept.pid, kept.started_at = _spawn(kept), now
            elif kept.pid is None:
                waits.append(kept.due_at - now)
        return min(waits, default=None)

    def bury(self) -> None:
        """Reap whoever has died, our own children and the orphans of the region."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for kept in self._kept:
                if kept.pid == pid:
                    self._died(kept, status, time.monotonic())

    def end(self) -> None:
        """Ask the children to end, and wait for them as long as is decent; the rest dies with the keeper."""
        for kept in self._kept:
            if kept.pid is not None:
                os.kill(kept.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_TIMEOUT_S
        while any(kept.pid for kept in self._kept) and time.monotonic() < deadline:
            self.bury()
            self.drain(self.outputs)
            time.sleep(0.005)

    def _died(self, kept: _Kept, status: int, now: float) -> None:
        code = os.waitstatus_to_exitcode(status)
        if kept.child.essential:
            self.outcome = code if code >= 0 else 128 - code
        lived_s = now - kept.started_at
        kept.pid, kept.delay_s = None, next_delay(kept.delay_s, lived_s)
        kept.due_at = now + kept.delay_s
        if kept.log:
            how = f"exit status {code}" if code >= 0 else f"signal {-code}"
            again = f"starting it again in {kept.delay_s} s"
            kept.log.write(f"keeper: {kept.child.name} ended with {how} after {lived_s:.1f} s; {again}\n".encode())


def _spawn(kept: _Kept) -> int:
    pid = os.fork()
    if pid == 0:
        _become(kept)
    return pid


def _become(kept: _Kept) -> NoReturn:
    try:
        if kept.log:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(kept.input, 1)
            os.dup2(kept.input, 2)
        for fd in kept.child.fds:
            os.set_inheritable(fd, True)
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(kept.child.argv[0], kept.child.argv, kept.child.env)  # noqa: S606 - no shell wanted
    except OSError as error:
        print(f"{kept.child.argv[0]}: cannot be started: {error}", file=sys.stderr, flush=True)
    os._exit(127)
