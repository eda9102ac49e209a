"""`console`: the page on which one sees the region, and shakes it."""

import time
import webbrowser
from pathlib import Path

import click

from aftershock.console.guard import read_token

from .errors import Failure
from .place import running, state_option

STARTS_WITHIN_S = 10.0
POLL_S = 0.05


@click.command()
@state_option
@click.option("--open/--print", "opens", default=False, help="Open it in your browser as well.")
def console(state: Path, *, opens: bool) -> None:
    """Print the address of the console, a page that shows the region live and lets you shake it.

    What stands behind the # is the key to it: whoever has the whole address and is on this machine may do everything
    to the region that you may.
    """
    region = running(state)
    if "console" not in region.ports:
        raise Failure("the region was started by a version without a console: `aftershock down`, then `up` again")
    url = f"http://127.0.0.1:{region.ports['console']}/#token={_token(region.state)}"
    click.echo(url)
    if opens and not webbrowser.open(url):
        raise Failure("no browser could be started; open the address above in yours")


def _token(state: Path) -> str:
    """The console makes it when it is started."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            return read_token(state)
        except (OSError, ValueError, KeyError) as error:
            if time.monotonic() > deadline:
                raise Failure("the console has not started: `aftershock logs console` shows why") from error
        time.sleep(POLL_S)
