"""A machine's cgroups: made, limited, read, frozen and removed.

Works on version 1, hybrid and version 2 hosts alike, by what the ground says of the region's own directories in
`ground.json`.  Where a hierarchy was not lent to the region there is no limit of its kind; `Limits` says so.
"""

import asyncio
import contextlib
import errno
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aftershock.engines.errors import EngineError

PERIOD_US = 100_000  # of cpu bandwidth; the kernel's default
MIN_QUOTA_US = 1_000  # the least that the kernel takes
FREEZE_TIMEOUT_S = 10.0
REMOVE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    controllers: frozenset[str]
    path: Path  # the region's own directory
    v2: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Which limits the host lets us enforce."""

    cpu: bool
    memory: bool
    pids: bool


@dataclass(frozen=True, slots=True)
class Usage:
    cpu_s: float  # since its start
    memory_bytes: int


@lru_cache(maxsize=1)  # asked several times for each machine, of a file that stays as it is
def parse(ground: str) -> tuple[Hierarchy, ...]:
    """The hierarchies of `ground.json` that the region may write to.

    Raises:
        EngineError: there is no version 2 one among them; systemd does not run without.
    """
    found = tuple(
        Hierarchy(frozenset(each["controllers"]), Path(each["path"]), bool(each["v2"]))
        for each in json.loads(ground)["cgroups"]
        if each["writable"]
    )
    if not any(each.v2 for each in found):
        raise EngineError("no cgroup2 directory was lent to this region: no machine can run", retryable=False)
    return found


def limits(hierarchies: tuple[Hierarchy, ...]) -> Limits:
    lent = frozenset[str]().union(*(each.controllers for each in hierarchies))
    return Limits(cpu="cpu" in lent, memory="memory" in lent, pids="pids" in lent)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One machine's directories, one in each hierarchy, there or not."""

    name: str
    hierarchies: tuple[Hierarchy, ...]

    def directories(self) -> list[Path]:
        return [each.path / f"machine-{self.name}" for each in self.hierarchies]

    def joined(self) -> list[Path]:
        """The directories that the runtime is put into before it makes the machine, or enters it.

        In a version 2 hierarchy that is one level below the limits: a machine owns its own level (its systemd
        divides it), and could raise limits that stood there wherever the host's mount lacks nsdelegate.  The
        level has the machine's name, so that it is the very one that runc would make beside it.  In a version 1
        hierarchy runc makes a level of that name below; the machine sees nothing of these.  All are joined, also
        those without a limit: runc would make its level in our own cgroup otherwise, and leave it there.
        """
        return [
            directory / self.name if each.v2 else directory
            for each, directory in zip(self.hierarchies, self.directories(), strict=True)
        ]

    def create(self, cpus: float, memory_mib: int, pids_max: int) -> None:
        """Make the directories and set the limits, before anything runs in them."""
        for hierarchy, directory in zip(self.hierarchies, self.directories(), strict=True):
            directory.mkdir(exist_ok=True)
            for file, value in _settings(hierarchy, cpus, memory_mib, pids_max):
                # memory.memsw.* and memory.swap.* are missing on hosts without swap accounting.
                if (directory / file).exists():
                    (directory / file).write_text(value)
            if hierarchy.v2:
                offered = " ".join(f"+{controller}" for controller in sorted(hierarchy.controllers))
                if offered:
                    (directory / "cgroup.subtree_control").write_text(offered)
                (directory / self.name).mkdir(exist_ok=True)

    def processes(self) -> set[int]:
        """Every process in any of them: all that is left of a machine, whoever its parent is."""
        return {
            int(line)
            for directory in self.directories()
            for below in _deepest_first(directory)
            for line in _read(below / "cgroup.procs").split()
        }

    async def remove(self) -> None:
        """Kill what is left in them, and remove them.  Removing what is not there is no error.

        Raises:
            EngineError: something survives SIGKILL for `REMOVE_TIMEOUT_S`.
        """
        there = [directory for directory in self.directories() if directory.is_dir()]
        try:
            async with asyncio.timeout(REMOVE_TIMEOUT_S):
                while there:
                    there = [directory for directory in there if not _rmdir(directory)]
                    if there:
                        for pid in self.processes():
                            with contextlib.suppress(ProcessLookupError):
                                os.kill(pid, signal.SIGKILL)
                        await asyncio.sleep(0.005)
        except TimeoutError:
            raise EngineError(f"{there[0]} cannot be removed; it holds {sorted(self.processes())}") from None

    async def freeze(self) -> None:
        """Stop every process where it stands; on return none runs.

        Raises:
            EngineError: not so within `FREEZE_TIMEOUT_S`.
        """
        self._write_freeze("1")
        try:
            async with asyncio.timeout(FREEZE_TIMEOUT_S):
                while "frozen 1" not in _read(self._unified() / "cgroup.events"):
                    await asyncio.sleep(0.005)
        except TimeoutError:
            self.thaw()
            raise EngineError(f"machine {self.name} did not freeze within {FREEZE_TIMEOUT_S} s") from None

    def thaw(self) -> None:
        """Let them run on.  Thawing what is not frozen, or not there, is no error."""
        if self._unified().is_dir():
            self._write_freeze("0")

    def _write_freeze(self, value: str) -> None:
        try:
            (self._unified() / "cgroup.freeze").write_text(value)
        except OSError as error:
            raise EngineError(f"machine {self.name} cannot be frozen or thawed: {error}") from error

    def _unified(self) -> Path:
        return next(directory for each, directory in zip(self.hierarchies, self.directories(), strict=True) if each.v2)

    def usage(self) -> Usage:
        """What the machine has used; all zero if it is not there."""
        # A version 2 hierarchy counts cpu time even without the cpu controller.
        cpu = dict(line.split() for line in _read(self._unified() / "cpu.stat").splitlines())
        return Usage(cpu_s=int(cpu.get("usage_usec", 0)) / 1e6, memory_bytes=self._memory_bytes())

    def _memory_bytes(self) -> int:
        for hierarchy, directory in zip(self.hierarchies, self.directories(), strict=True):
            if "memory" in hierarchy.controllers:
                file = "memory.current" if hierarchy.v2 else "memory.usage_in_bytes"
                return int(_read(directory / file) or 0)
        pages = (_read(Path(f"/proc/{pid}/statm")).split() for pid in self.processes())
        return sum(int(fields[1]) * os.sysconf("SC_PAGESIZE") for fields in pages if fields)


def _settings(hierarchy: Hierarchy, cpus: float, memory_mib: int, pids_max: int) -> Iterator[tuple[str, str]]:
    quota_us = max(MIN_QUOTA_US, round(cpus * PERIOD_US))
    memory_bytes = str(memory_mib << 20)
    if "cpu" in hierarchy.controllers:
        if hierarchy.v2:
            yield "cpu.max", f"{quota_us} {PERIOD_US}"
        else:
            yield "cpu.cfs_period_us", str(PERIOD_US)
            yield "cpu.cfs_quota_us", str(quota_us)
    if "memory" in hierarchy.controllers:
        if hierarchy.v2:
            yield "memory.max", memory_bytes
            yield "memory.swap.max", "0"
        else:
            yield "memory.limit_in_bytes", memory_bytes
            yield "memory.memsw.limit_in_bytes", memory_bytes
            yield "memory.swappiness", "0"
    if "pids" in hierarchy.controllers:
        yield "pids.max", str(pids_max)


def _deepest_first(directory: Path) -> Iterator[Path]:
    for path, _, _ in os.walk(directory, topdown=False):
        yield Path(path)


def _rmdir(directory: Path) -> bool:
    try:
        for below in _deepest_first(directory):
            below.rmdir()
    except FileNotFoundError:
        return not directory.exists()
    except OSError:  # EBUSY: not all processes are gone yet
        return False
    return True


def _read(file: Path) -> str:
    """The text of a kernel's file; nothing if what it is about is gone."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return ""
    except OSError as error:
        if error.errno == errno.ENODEV:  # the cgroup was removed while we looked
            return ""
        raise
