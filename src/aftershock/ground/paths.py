"""Where things are: our own source and interpreter, and the directories a region uses."""

import os
import sys
from pathlib import Path

RUN = Path("/run/aftershock")
INSIDE_STATE, INSIDE_CACHE = RUN / "state", RUN / "cache"
INSIDE_BYTECODE = INSIDE_CACHE / "bytecode"
# Debian keeps ip, nft, runc and the like in sbin, which is not on every user's PATH.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def source_root() -> Path:
    """The directory from which Python imports this package."""
    return Path(__file__).absolute().parents[2]


def needed() -> list[Path]:
    """The directories without which our own programs do not run."""
    # Without `site` sys.prefix is not the virtual environment's; its directory is the one above bin/.
    environment = Path(sys.executable).parents[1]
    return [environment, Path(sys.prefix), Path(sys.base_prefix), source_root()]


def cache_home() -> Path:
    """What may be thrown away and is shared by all regions of one user: images, above all."""
    if os.environ.get("AFTERSHOCK_CACHE"):
        return Path(os.environ["AFTERSHOCK_CACHE"])
    if os.geteuid() == 0:
        return Path("/var/cache/aftershock")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aftershock"


def keeper_argv(orders_fd: int, lifeline: int) -> list[str]:
    # Without `site` it starts in half the time and stays smaller; it needs the standard library only.
    return [sys.executable, "-S", "-m", "aftershock.ground.keeper", str(orders_fd), str(lifeline)]


def keeper_env() -> dict[str, str]:
    return {"PATH": PATH, "LANG": "C.UTF-8", "PYTHONPATH": str(source_root()), "PYTHONDONTWRITEBYTECODE": "1"}
