"""`quake`: an availability zone goes down, by an experiment of Fault Injection Service's."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from aftershock.doors import outages
from aftershock.doors.access import Access
from aftershock.doors.outages import EVERY_S, LONGEST, WITHIN_S, OutageError

from .errors import Failure
from .place import access_to, running, state_option


@click.command()
@state_option
@click.argument("zone")
@click.option("--network", is_flag=True, help="Cut the zone off instead: what is in it goes on, and nothing comes out.")
@click.option("--duration", default=LONGEST, show_default=True, help="When it heals by itself, ISO 8601.")
def quake(state: Path, zone: str, *, network: bool, duration: str) -> None:
    """Take the power from everything in an availability zone at one instant, until it is healed.

    What runs there dies without a word to anybody, nothing starts there, and status checks say so.  It is an
    experiment of Fault Injection Service's, made for this and tagged as such, so that any client of AWS can follow or
    stop it; `aftershock heal` does.
    """
    access = access_to(running(state))
    zone = require_zone(access, zone)
    kind = "network" if network else "power"
    try:
        experiment = outages.fail(access, zone, kind, duration)
    except OutageError as error:
        raise Failure(str(error)) from error
    words = "is cut off from everything outside it" if network else "has lost its power"
    click.echo(f"{zone} {words}: experiment {experiment['id']}")
    for line in _told(access, zone):
        click.echo(f"  {line}")
    click.echo(f"To heal it:  aftershock heal {zone}")


def require_zone(access: Access, zone: str) -> str:
    """The zone's name.

    Raises:
        Failure: there is none of that name or id.
    """
    try:
        return outages.require_zone(access, zone)
    except OutageError as error:
        raise Failure(str(error)) from error


def _told(access: Access, zone: str) -> Iterator[str]:
    """What the status checks say of each instance there, as soon as they say it."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        there = statuses(access, zone)
        if all(one["SystemStatus"]["Status"] == "impaired" for one in there) or time.monotonic() > deadline:
            break
        time.sleep(EVERY_S)
    if not there:
        yield "no instance ran there"
    for one in there:
        yield (
            f"{one['InstanceId']} {one['InstanceState']['Name']}, system status {one['SystemStatus']['Status']}, "
            f"instance status {one['InstanceStatus']['Status']}"
        )


def statuses(access: Access, zone: str) -> list[dict[str, Any]]:
    filters = [{"Name": "availability-zone", "Values": [zone]}]
    found: list[dict[str, Any]] = access.client("ec2").describe_instance_status(Filters=filters)["InstanceStatuses"]
    return found
