"""The region's way out: slirp4netns, on the host's side, attached to the keeper's network namespace.

It touches no firewall and no setting of the host, and does not let anybody reach the host's own loopback.
"""

import os
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .errors import GroundError
from .supervise import next_delay

DEVICE = "tap0"
NAMESERVER = "10.0.2.3"  # slirp4netns(1): where it answers DNS, and forwards to the host's own servers
READY_TIMEOUT_S = 10.0
END_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Slirp:
    process: "subprocess.Popen[bytes]"
    exit_fd: int  # it ends when this is closed, so it cannot outlive us

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> None:
        """Any number of calls end in the same place: it is gone."""
        try:
            os.close(self.exit_fd)
        except OSError:
            return
        try:
            self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(keeper: int, log: Path) -> Slirp:
    """Attach a region to the outside.  On return its default route stands.

    Raises:
        GroundError: it did not come up; the message ends with its last words.
    """
    exit_read, exit_write = os.pipe()
    ready_read, ready_write = os.pipe()
    argv = [
        "slirp4netns",
        "--configure",
        "--mtu=65520",
        "--disable-host-loopback",
        f"--exit-fd={exit_read}",
        f"--ready-fd={ready_write}",
        f"--userns-path=/proc/{keeper}/ns/user",
        "--netns-type=path",
        f"/proc/{keeper}/ns/net",
        DEVICE,
    ]
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(exit_read, ready_write),
                start_new_session=True,
            )
    except OSError as error:
        os.close(ready_read)
        os.close(exit_write)
        raise GroundError(f"slirp4netns cannot be started: {error}") from error
    finally:
        os.close(exit_read)
        os.close(ready_write)
    slirp = Slirp(process, exit_write)
    try:
        readable, _, _ = select.select([ready_read], [], [], READY_TIMEOUT_S)
        if not readable or os.read(ready_read, 1) != b"1":
            slirp.end()
            raise GroundError(f"slirp4netns did not come up: {log.read_text(errors='replace').strip()[-500:]}")
    finally:
        os.close(ready_read)
    return slirp


class WayOut:
    """Keeps a region connected to the outside: starts slirp4netns again when it dies."""

    def __init__(self, keeper: int, log: Path) -> None:
        self._keeper, self._log = keeper, log
        self._slirp: Slirp | None = start(keeper, log)
        self._started_at, self._delay_s, self._due_at = time.monotonic(), 0.0, 0.0

    def died(self, pid: int, now: float) -> str | None:
        """To be told of every dead child; if it was ours, what is now going to be done, in a sentence."""
        if self._slirp is None or pid != self._slirp.pid:
            return None
        self._slirp.end()
        self._slirp = None
        return f"slirp4netns has ended; {self._put_off(now, now - self._started_at)}"

    def start_due(self, now: float) -> tuple[float | None, str | None]:
        """Start it if it is due; the seconds until that is worth another call, and what went wrong."""
        if self._slirp is not None:
            return None, None
        if now < self._due_at:
            return self._due_at - now, None
        try:
            self._slirp, self._started_at = start(self._keeper, self._log), now
        except GroundError as error:
            said = f"{error}; {self._put_off(now, 0.0)}"
            return self._delay_s, said
        return None, None

    def end(self) -> None:
        """Any number of calls end in the same place."""
        if self._slirp is not None:
            self._slirp.end()
            self._slirp = None

    def _put_off(self, now: float, lived_s: float) -> str:
        self._delay_s = next_delay(self._delay_s, lived_s)
        self._due_at = now + self._delay_s
        return f"starting it again in {self._delay_s} s"
