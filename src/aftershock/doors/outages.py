"""A zone goes down and comes back, by experiments of Fault Injection Service's."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from .access import Access

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


class OutageError(Exception):
    """The zone is not as it was to be; the message says why."""


def fail(access: Access, zone: str, kind: str, duration: str) -> dict[str, Any]:
    """The experiment, once what it does to the zone is in force.

    Raises:
        OutageError
    """
    if standing := [one["id"] for one in shaking(access, zone) if ACTIONS[kind] in _action_ids(one)]:
        raise OutageError(f"{zone} is out already, by {standing[0]}: `aftershock heal {zone}` ends that")
    return _in_force(access, _start(access, zone, kind, duration))


def heal(access: Access, zone: str) -> list[str]:
    """Stop every experiment by which the zone is out, whoever started it; on return it is back.

    Raises:
        OutageError
    """
    found = shaking(access, zone)
    for experiment in found:
        _stop(access, experiment)
    if found:
        _wait_available(access, zone)
    return [str(one["id"]) for one in found]


def require_zone(access: Access, zone: str) -> str:
    """The zone's name.

    Raises:
        OutageError: there is none of that name or id.
    """
    known = access.client("ec2").describe_availability_zones()["AvailabilityZones"]
    for one in known:
        if zone in (one["ZoneName"], one["ZoneId"]):
            return str(one["ZoneName"])
    names = ", ".join(one["ZoneName"] for one in known)
    raise OutageError(f"there is no availability zone {zone}; the region has {names}")


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
        raise OutageError(error.response["Error"]["Message"]) from error


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
        OutageError: it failed, or took too long.
    """
    fis = access.client("fis")
    deadline = time.monotonic() + WITHIN_S
    while True:
        found: dict[str, Any] = fis.get_experiment(id=experiment_id)["experiment"]
        states = [action["state"]["status"] for action in found["actions"].values()]
        if set(states) <= {"running"}:
            return found
        if found["state"]["status"] in OVER:
            raise OutageError(f"experiment {experiment_id} {found['state']['status']}: {found['state'].get('reason')}")
        if time.monotonic() > deadline:
            raise OutageError(f"experiment {experiment_id} is {found['state']['status']} after {WITHIN_S:.0f} s")
        time.sleep(EVERY_S)


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
            raise OutageError(f"experiment {experiment['id']} is still {status['status']} after {WITHIN_S:.0f} s")
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
            raise OutageError(f"{zone} is still {found['State']}: {found['Messages'][0]['Message']}")
        time.sleep(EVERY_S)
