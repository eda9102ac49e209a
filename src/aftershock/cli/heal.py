"""`heal`: an availability zone comes back."""

import time
from pathlib import Path
from typing import Any

import click

from aftershock.doors.access import Access

from .errors import Failure
from .place import access_to, running, state_option
from .quake import EVERY_S, OVER, TAG, WITHIN_S, require_zone, shaking, statuses


@click.command()
@state_option
@click.argument("zone")
def heal(state: Path, zone: str) -> None:
    """End what was done to an availability zone: power and network come back, and instances start again.

    It stops every experiment by which the zone is out, whoever started it.  Healing a zone that is well is no error.
    """
    access = access_to(running(state))
    zone = require_zone(access, zone)
    found = shaking(access, zone)
    if not found:
        click.echo(f"{zone} is not out.")
        return
    for experiment in found:
        _stop(access, experiment)
    _wait_available(access, zone)
    click.echo(f"{zone} is back: stopped {', '.join(one['id'] for one in found)}")
    if there := statuses(access, zone):
        click.echo(f"  {len(there)} instances start again by themselves, from their own disks")


def _stop(access: Access, experiment: dict[str, Any]) -> None:
    """On return it is over; the template goes with it if `quake` has made it."""
    fis = access.client("fis")
    try:
        fis.stop_experiment(id=experiment["id"])
    except fis.exceptions.ValidationException:
        return  # it was over by itself meanwhile
    deadline = time.monotonic() + WITHIN_S
    while (status := fis.get_experiment(id=experiment["id"])["experiment"]["state"])["status"] not in OVER:
        if time.monotonic() > deadline:
            raise Failure(f"experiment {experiment['id']} is still {status['status']} after {WITHIN_S:.0f} s")
        time.sleep(EVERY_S)
    if TAG in experiment.get("tags", {}):
        try:
            fis.delete_experiment_template(id=experiment["experimentTemplateId"])
        except fis.exceptions.ResourceNotFoundException:
            return  # somebody has deleted it before


def _wait_available(access: Access, zone: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    ec2 = access.client("ec2")
    while (found := ec2.describe_availability_zones(ZoneNames=[zone])["AvailabilityZones"][0])["State"] != "available":
        if time.monotonic() > deadline:
            raise Failure(f"{zone} is still {found['State']}: {found['Messages'][0]['Message']}")
        time.sleep(EVERY_S)
