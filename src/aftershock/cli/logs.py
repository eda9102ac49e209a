"""`logs`: what the region's own programs said, and what an instance's console said."""

import sys
import time
from collections import deque
from pathlib import Path

import click

from aftershock.doors.instances import NoSuchInstance, find

from .errors import Failure
from .place import access_to, running, state_option

LINES = 200
POLL_S = 0.2
CONSOLE_POLL_S = 1.0


@click.command()
@state_option
@click.argument("what", metavar="[NAME|INSTANCE]", default="control")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until interrupted.")
def logs(state: Path, what: str, follow: bool) -> None:
    """Show the end of a log: of a program of the region (by default the control plane), or of an instance's console.

    INSTANCE is an id or a Name tag.  The programs' logs can be read when the region is down, too.
    """
    directory = state / "logs"
    names = sorted(file.stem for file in directory.glob("*.log")) if directory.is_dir() else []
    if what in names:
        _show_file(directory / f"{what}.log", follow)
        return
    if not what.startswith("i-") and not names:
        raise Failure(f"there are no logs in {directory}: no region has run there")
    try:
        _show_console(state, what, follow)
    except NoSuchInstance as error:
        raise Failure(f"{error}; and the region's programs with a log are {', '.join(names) or 'none'}") from error


def _show_file(path: Path, follow: bool) -> None:
    file = path.open(errors="replace")
    try:
        sys.stdout.writelines(deque(file, LINES))
        while follow:
            sys.stdout.write(file.read())
            sys.stdout.flush()
            time.sleep(POLL_S)
            if path.exists() and path.stat().st_ino != _inode(file.fileno()):  # it was full, and begins anew
                sys.stdout.write(file.read())
                file.close()
                file = path.open(errors="replace")
    finally:
        file.close()


def _inode(descriptor: int) -> int:
    return Path(f"/proc/self/fd/{descriptor}").stat().st_ino


def _show_console(state: Path, wanted: str, follow: bool) -> None:
    """GetConsoleOutput has the last 64 KiB; what is new in it is found by where the last known lines stand."""
    ec2 = access_to(running(state)).client("ec2")
    instance = find(ec2, wanted)["InstanceId"]
    shown = ""
    while True:
        now = ec2.get_console_output(InstanceId=instance, Latest=True).get("Output", "")
        sys.stdout.write(news(shown, now))
        sys.stdout.flush()
        shown = now
        if not follow:
            return
        time.sleep(CONSOLE_POLL_S)


def news(before: str, now: str) -> str:
    """What `now` has after the end of `before`, both being the last part of one growing text."""
    if now.startswith(before):
        return now[len(before) :]
    known = before[-1024:]
    at = now.rfind(known)
    return now if at < 0 else now[at + len(known) :]
