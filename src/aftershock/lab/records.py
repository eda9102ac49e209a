"""Runs of experiments that a region's state directory keeps: what was run, what came of it, and the report.

    STATE/lab/lock            held by whoever runs experiments in this region, which is one at a time
    STATE/lab/ID/run.json     what is known of a run; written whole, by that one, whenever something is new
    STATE/lab/ID/report.html  and report.json beside it

A run whose file says that it is not over, and whose lock nobody holds, was interrupted.
"""

import fcntl
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

PLACE = "lab"
MOST_KEPT = 20
MOST_LINES = 400
ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
ALONE_WITHIN_S, ASK_EVERY_S = 1.0, 0.05  # who asks whether somebody is busy holds the lock for a moment
FILE, REPORT, LOCK = "run.json", "report.html", "lock"


class BusyError(Exception):
    """Somebody else runs experiments in this region."""


@dataclass(frozen=True, slots=True)
class Claim:
    name: str  # of the experiment
    holds: bool
    broken: str  # why it was not brought to its end; empty if it was


@dataclass(frozen=True, slots=True)
class Record:
    id: str
    names: tuple[str, ...]  # of the experiments, in their order
    began: float  # seconds since the epoch
    ended: float | None = None
    claims: tuple[Claim, ...] = ()  # of those that were run
    lines: tuple[tuple[float, str], ...] = ()  # what was told: seconds since it began, and the text
    now: str = ""  # what is true just now
    why: str = ""  # why it did not come to its end
    clean: bool = True  # there is nothing of it in the region: no stack, and no zone that is out
    reported: bool = False

    def told(self, at_s: float, text: str) -> "Record":
        return replace(self, lines=(*self.lines, (round(at_s, 1), text))[-MOST_LINES:], now="")


class Records:
    def __init__(self, state: Path) -> None:
        self._home = state / PLACE

    def all(self) -> list[Record]:
        """The newest first; what cannot be read is left out."""
        found = [self.get(one) for one in sorted(self._ids(), reverse=True)]
        return [one for one in found if one is not None]

    def get(self, name: str) -> Record | None:
        if not ID.fullmatch(name):
            return None
        try:
            said = json.loads((self._home / name / FILE).read_text())
            return _record(name, said, reported=(self._home / name / REPORT).is_file())
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, record: Record) -> None:
        self.directory(record.id).mkdir(parents=True, exist_ok=True)
        write(self.directory(record.id) / FILE, json.dumps(asdict(record)).encode())

    def directory(self, name: str) -> Path:
        return self._home / name

    def report(self, name: str) -> bytes | None:
        if not ID.fullmatch(name):
            return None
        try:
            return (self._home / name / REPORT).read_bytes()
        except OSError:
            return None

    def forget_old(self) -> None:
        """Keep the latest."""
        for name in sorted(self._ids(), reverse=True)[MOST_KEPT:]:
            shutil.rmtree(self._home / name, ignore_errors=True)

    def unfinished(self) -> list[Record]:
        """Runs that are under way, or were interrupted and have left something."""
        return [one for one in self.all() if one.ended is None or not one.clean]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs nobody else runs experiments here.

        Raises:
            BusyError
        """
        deadline = time.monotonic() + ALONE_WITHIN_S
        while True:
            with self._lock() as held:
                if held:
                    yield
                    return
            if time.monotonic() > deadline:
                raise BusyError("experiments are being run in this region already")
            time.sleep(ASK_EVERY_S)

    def busy(self) -> bool:
        with self._lock() as held:
            return not held

    @contextmanager
    def _lock(self) -> Iterator[bool]:
        """Whether the lock was to be had, and is held for the block."""
        self._home.mkdir(parents=True, exist_ok=True)
        with (self._home / LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _ids(self) -> list[str]:
        with suppress(OSError):
            return [one.name for one in self._home.iterdir() if ID.fullmatch(one.name)]
        return []


def write(path: Path, content: bytes) -> None:
    """Have the whole content there, or what was there before."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)


def _record(name: str, said: dict[str, Any], *, reported: bool) -> Record:
    return Record(
        id=name,
        names=tuple(str(one) for one in said["names"]),
        began=float(said["began"]),
        ended=None if said["ended"] is None else float(said["ended"]),
        claims=tuple(Claim(str(one["name"]), bool(one["holds"]), str(one["broken"])) for one in said["claims"]),
        lines=tuple((float(at_s), str(text)) for at_s, text in said["lines"]),
        now=str(said["now"]),
        why=str(said["why"]),
        clean=bool(said["clean"]),
        reported=reported,
    )
