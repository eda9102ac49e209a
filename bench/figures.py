"""What a benchmark prints: figures with their limits, and the machine they were taken on."""

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    value: float
    unit: str
    note: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept; None where nothing is promised."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None

    def line(self) -> str:
        promise = ""
        if self.at_most is not None:
            promise = f"≤ {self.at_most:g} {self.unit}"
        elif self.at_least is not None:
            promise = f"≥ {self.at_least:g} {self.unit}"
        verdict = {None: "", True: "kept", False: "NOT KEPT"}[self.kept]
        value = f"{self.value:,.0f}" if abs(self.value) >= 100 else f"{self.value:.3g}"
        return f"{self.what:<58}{value:>8} {self.unit:<6}{promise:<14}{verdict:<10}{self.note}".rstrip()


def median_ms(seconds: Iterable[float]) -> float:
    return statistics.median(seconds) * 1000


def spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"n={len(ordered)}, {ordered[0] * 1000:.0f} to {ordered[-1] * 1000:.0f} ms"


def machine() -> str:
    """The machine in one line: a figure without it says nothing."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory_kib = int(next(line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")))
    system = next(line.split("=")[1].strip('"') for line in _lines("/etc/os-release") if line.startswith("PRETTY_NAME"))
    return (
        f"{os.cpu_count()} × {cpu}, {memory_kib / 2**20:.0f} GiB, Linux {platform.release()}, {system}, "
        f"Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
