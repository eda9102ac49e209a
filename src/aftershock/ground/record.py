"""What is written down about a running region, on the host's side, in `<state>/run/region.json`."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .cgroups import Lent
from .processes import Process


@dataclass(frozen=True, slots=True)
class Running:
    state: Path
    cache: Path
    launcher: Process
    keeper: Process
    egress: bool
    pace: float
    ports: dict[str, int]  # on 127.0.0.1, by the door's name: "api", "socks", …
    cgroups: tuple[Lent, ...]

    @property
    def lives(self) -> bool:
        return self.launcher.lives and self.keeper.lives


def run_directory(state: Path) -> Path:
    """The host's own part of the state directory: its record, its lock and its own logs."""
    return state / "run"


def is_ours(state: Path) -> bool:
    """Whether it is really our own: the region's root, who owns the directory above, could have put another here."""
    run = run_directory(state)
    return run.is_dir() and not run.is_symlink() and run.stat().st_uid == os.geteuid()


def lock_file(state: Path) -> Path:
    return run_directory(state) / "lock"


def locked_by(state: Path, lock_fd: int) -> bool:
    """Whether this descriptor is still the lock of that directory, and not of one that was moved away or removed."""
    try:
        return os.path.samestat(os.fstat(lock_fd), lock_file(state).stat(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # it cannot be seen just now


def file_of(state: Path) -> Path:
    return run_directory(state) / "region.json"


def write(running: Running) -> None:
    _put(file_of(running.state), asdict(running))


def read(state: Path) -> Running | None:
    """What was last written, whether it still runs or not; None if nothing, or if it was not us who wrote it."""
    data = _get(state, file_of(state))
    if data is None or data.get("state") != str(state):
        return None
    try:
        return Running(
            state=Path(data["state"]),
            cache=Path(data["cache"]),
            launcher=Process(**data["launcher"]),
            keeper=Process(**data["keeper"]),
            egress=data["egress"],
            pace=data["pace"],
            ports=data["ports"],
            cgroups=_lent(data["cgroups"]),
        )
    except (KeyError, TypeError):
        return None  # an older file says nothing


def write_cgroups(state: Path, lent: Iterable[Lent]) -> None:
    """Write down what has to be removed, before there is a region that could be written down."""
    _put(_cgroups_file(state), {"cgroups": [one.json() for one in lent]})


def read_cgroups(state: Path) -> tuple[Lent, ...]:
    data = _get(state, _cgroups_file(state))
    try:
        return _lent(data["cgroups"]) if data else ()
    except (KeyError, TypeError):
        return ()


def forget(state: Path) -> None:
    """When nothing is left of a region but its state.  Any number of calls end in the same place."""
    for file in (file_of(state), _cgroups_file(state)):
        file.unlink(missing_ok=True)


def _cgroups_file(state: Path) -> Path:
    return run_directory(state) / "cgroups.json"


def _lent(data: list[dict[str, Any]]) -> tuple[Lent, ...]:
    return tuple(Lent(**{**one, "controllers": tuple(one["controllers"])}) for one in data)


def _put(file: Path, data: dict[str, Any]) -> None:
    """Whole or not at all."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(data, default=str, indent=1) + "\n")
    new.replace(file)


def _get(state: Path, file: Path) -> dict[str, Any] | None:
    if not is_ours(state) or file.is_symlink() or not file.exists():
        return None
    try:
        data = json.loads(file.read_text())
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
