"""How long a warm `up` takes, and how much memory an idle region uses."""

import statistics
import time
from pathlib import Path

from .figures import Figure
from .region import Region

UPS = 5
IDLE_S = 5.0  # after a start, what was only needed for it is let go


def measure(region: Region) -> list[Figure]:
    region.up()  # with whatever the first time takes: the base image, the account
    ups = []
    for _ in range(UPS):
        region.down()
        ups.append(region.up())
    time.sleep(IDLE_S)
    keeper, control = memory_mib(region)
    return [
        Figure("warm `up` to a ready API", statistics.median(ups), "s", f"n={UPS}", at_most=1.5),
        Figure(
            "idle memory of control plane and keeper (PSS)", control + keeper, "MB", _of(control, keeper), at_most=120
        ),
    ]


def memory_mib(region: Region) -> tuple[float, float]:
    """The proportional set sizes of the keeper and the control plane, in megabytes."""
    keeper = region.running.keeper.pid
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    control = [pid for pid in children if b"aftershock.region" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return _pss_mb(str(keeper)), sum(_pss_mb(pid) for pid in control)


def _pss_mb(pid: str) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))) * 1024 / 1e6


def _of(control: float, keeper: float) -> str:
    return f"{control:.0f} control plane, {keeper:.0f} keeper"
