"""`quake`: an availability zone goes down, by an experiment of Fault Injection Service's."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from aftershock.doors.access import Access

from .errors import Failure
from .place import access_to, running, state_option

TAG = "aftershock:quake"  # on what this command makes; its value is the zone
ROLE = "aftershock-quake"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "fis.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ACTIONS = {"power": "aftershock:zone:power-interruption", "network": "aftershock:zone:network-isolation"}
LONGEST = "PT12H"  # AWS lets no action last longer
OVER = ("completed", "stopped", "failed", "cancelled")
WITHIN_S = 60.0
EVERY_S = 0.1


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
    if standing := [one["id"] for one in shaking(access, zone) if ACTIONS[kind] in _action_ids(one)]:
        raise Failure(f"{zone} is out already, by {standing[0]}: `aftershock heal {zone}` ends that")
    experiment = _in_force(access, _start(access, zone, kind, duration))
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
    known = access.client("ec2").describe_availability_zones()["AvailabilityZones"]
    for one in known:
        if zone in (one["ZoneName"], one["ZoneId"]):
            return str(one["ZoneName"])
    names = ", ".join(one["ZoneName"] for one in known)
    raise Failure(f"there is no availability zone {zone}; the region has {names}")


def shaking(access: Access, zone: str) -> list[dict[str, Any]]:
    """The experiments, whoever started them, by which this zone is out or about to be."""
    fis = access.client("fis")
    found = (fis.get_experiment(id=one["id"])["experiment"] for one in _active(fis))
    known = access.client("ec2").describe_availability_zones(ZoneNames=[zone])["AvailabilityZones"]
    ids = {one["ZoneId"] for one in known}
    return [one for one in found if set(_zones(one)) & {zone, *ids}]


def _active(fis: Any) -> Iterator[dict[str, Any]]:
    token: dict[str, str] = {}
    while True:
        page = fis.list_experiments(**token)
        yield from (one for one in page["experiments"] if one["state"]["status"] not in OVER)
        if "nextToken" not in page:
            return
        token = {"nextToken": page["nextToken"]}


def _zones(experiment: dict[str, Any]) -> Iterator[str]:
    for action in experiment["actions"].values():
        if action["actionId"] in ACTIONS.values():
            yield action["parameters"]["availabilityZoneIdentifier"]


def _action_ids(experiment: dict[str, Any]) -> list[str]:
    return [action["actionId"] for action in experiment["actions"].values()]


def _start(access: Access, zone: str, kind: str, duration: str) -> str:
    from botocore.exceptions import ClientError  # noqa: PLC0415  # slow to import

    fis, tags = access.client("fis"), {TAG: zone}
    try:
        template = fis.create_experiment_template(
            clientToken=str(uuid.uuid4()),
            description=f"aftershock quake {zone}: {kind}",
            actions={
                kind: {
                    "actionId": ACTIONS[kind],
                    "parameters": {"availabilityZoneIdentifier": zone, "duration": duration},
                }
            },
            stopConditions=[{"source": "none"}],
            roleArn=_role(access),
            tags=tags,
        )["experimentTemplate"]["id"]
        started = fis.start_experiment(clientToken=str(uuid.uuid4()), experimentTemplateId=template, tags=tags)
        return str(started["experiment"]["id"])
    except ClientError as error:
        raise Failure(error.response["Error"]["Message"]) from error


def _role(access: Access) -> str:
    """The role that the experiment acts by, made now if there is none."""
    iam = access.client("iam")
    try:
        return str(iam.get_role(RoleName=ROLE)["Role"]["Arn"])
    except iam.exceptions.NoSuchEntityException:
        made = iam.create_role(
            RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST), Description="For `aftershock quake`"
        )
        return str(made["Role"]["Arn"])


def _in_force(access: Access, experiment_id: str) -> dict[str, Any]:
    """The experiment, once what it does is in force.

    Raises:
        Failure: it failed, or took too long.
    """
    fis = access.client("fis")
    deadline = time.monotonic() + WITHIN_S
    while True:
        found: dict[str, Any] = fis.get_experiment(id=experiment_id)["experiment"]
        states = [action["state"]["status"] for action in found["actions"].values()]
        if set(states) <= {"running"}:
            return found
        if found["state"]["status"] in OVER:
            raise Failure(f"experiment {experiment_id} {found['state']['status']}: {found['state'].get('reason')}")
        if time.monotonic() > deadline:
            raise Failure(f"experiment {experiment_id} is {found['state']['status']} after {WITHIN_S:.0f} s")
        time.sleep(EVERY_S)


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
