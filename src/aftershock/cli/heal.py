"""`heal`: an availability zone comes back."""

from pathlib import Path

import click

from aftershock.doors import outages
from aftershock.doors.outages import OutageError

from .errors import Failure
from .place import access_to, running, state_option
from .quake import require_zone, statuses


@click.command()
@state_option
@click.argument("zone")
def heal(state: Path, zone: str) -> None:
    """End what was done to an availability zone: power and network come back, and instances start again.

    It stops every experiment by which the zone is out, whoever started it.  Healing a zone that is well is no error.
    """
    access = access_to(running(state))
    zone = require_zone(access, zone)
    try:
        stopped = outages.heal(access, zone)
    except OutageError as error:
        raise Failure(str(error)) from error
    if not stopped:
        click.echo(f"{zone} is not out.")
        return
    click.echo(f"{zone} is back: stopped {', '.join(stopped)}")
    if there := statuses(access, zone):
        click.echo(f"  {len(there)} instances start again by themselves, from their own disks")
