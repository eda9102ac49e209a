"""Which region a command is about: its state directory, and the way in if it runs."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from aftershock.doors.access import Access, read_key
from aftershock.ground import launcher

from .errors import Failure, NotRunning

F = TypeVar("F", bound=Callable[..., Any])


def default_state() -> Path:
    """Where a region lives unless told otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/aftershock")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "aftershock"


class StateDirectory(click.Path):
    """A directory that was named: nothing at all, as a script's unset variable says, is not the current one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("a directory's name is missing", param, ctx)
        return super().convert(value, param, ctx)


class Pace(click.FloatRange):
    """Above zero, and a number: a duration divided by `nan` or `inf` is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        pace = super().convert(value, param, ctx)
        if not math.isfinite(pace):
            self.fail(f"{value} is not a finite number", param, ctx)
        return pace


def state_option(command: F) -> F:
    return click.option(
        "--state",
        type=StateDirectory(file_okay=False, path_type=Path),
        envvar="AFTERSHOCK_STATE",
        default=default_state,
        show_default="/var/lib/aftershock for root, else ~/.local/share/aftershock",
        show_envvar=True,
        help="The region's directory; one directory is one region.",
    )(command)


def running(state: Path) -> launcher.Running:
    """The region that runs on this state.

    Raises:
        NotRunning
    """
    found = launcher.find(state)
    if found is None:
        raise NotRunning(f"no region is running on {state}: start it with `aftershock up`, or name another by --state")
    return found


def access_to(region: launcher.Running) -> Access:
    """The way into a running region.

    Raises:
        Failure: it has made no key yet.
    """
    try:
        key_id, secret = read_key(region.state)
    except FileNotFoundError:
        raise Failure(
            "the region has not made its first key yet; `aftershock status` shows what it is at, "
            "`aftershock logs control` why"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise Failure(f"{region.state}/credentials.json cannot be read: {error}") from error
    api, socks, dns = (region.ports[door] for door in ("api", "socks", "dns"))
    return Access(region.state, api, socks, dns, key_id, secret, region.pace)
