"""A region of the benchmark's own, in a directory of its own, on free ports."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aftershock.cli.place import access_to
from aftershock.doors.access import Access
from aftershock.ground import launcher
from aftershock.ground.launcher import Running

IN_REGION = """
import sys
from pathlib import Path
from aftershock.ground.launcher import find
from aftershock.ground.shell import exec_in_region
sys.exit(exec_in_region(find(Path(sys.argv[1])), sys.argv[2:]))
"""


@dataclass(frozen=True, slots=True)
class Region:
    state: Path

    @property
    def running(self) -> Running:
        found = launcher.find(self.state)
        assert found is not None, f"the region on {self.state} has ended: see its logs"
        return found

    @property
    def access(self) -> Access:
        return access_to(self.running)

    def up(self) -> float:
        """Start it by the command that users run; how many seconds that took."""
        began = time.monotonic()
        self.command("up", "--api-port", "0", "--socks-port", "0", "--dns-port", "0", "--console-port", "0")
        return time.monotonic() - began

    def down(self) -> None:
        self.command("down")

    def inside(self, *argv: str) -> str:
        """Run a program in the region's own namespaces, and return what it printed."""
        command = [sys.executable, "-c", IN_REGION, str(self.state), *argv]
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout

    def command(self, verb: str, *words: str) -> None:
        """Run one of the commands that users have."""
        command = [sys.executable, "-m", "aftershock", verb, "--state", str(self.state), *words]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def fresh(directory: Path | None) -> Iterator[Region]:
    """A region that has never been up; it is down, and its directory gone, in the end."""
    with tempfile.TemporaryDirectory(prefix="aftershock-bench-", dir=directory) as top:
        region = Region(Path(top) / "state")
        try:
            yield region
        finally:
            region.down()
