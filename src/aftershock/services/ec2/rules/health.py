"""Status checks, from what was seen of an instance in this boot."""

from datetime import datetime
from typing import Literal

from aftershock.aws.call import Result
from aftershock.services.ec2.records.instance import Health, Instance

Status = Literal["ok", "impaired", "initializing", "not-applicable"]


def checked(before: Health | None, instance: Instance, *, host_ok: bool, reachable: bool, at: datetime) -> Health:
    """What is known after one more look; a boot, or a reboot, begins afresh."""
    if before is None or (before.boot, before.reboots) != (instance.boot, instance.rebooted):
        before = Health(id=instance.id, boot=instance.boot, reboots=instance.rebooted)
    return Health(
        id=instance.id,
        boot=instance.boot,
        reboots=instance.rebooted,
        host_ok=host_ok,
        reachable=reachable,
        ever_reachable=before.ever_reachable or reachable,
        host_impaired_since=None if host_ok else before.host_impaired_since or at,
        impaired_since=None if reachable else before.impaired_since or at,
    )


def system_status(health: Health | None) -> tuple[Status, datetime | None]:
    """Of what is around the machine: that it runs, on its wire."""
    if health is None:
        return "initializing", None
    return ("ok", None) if health.host_ok else ("impaired", health.host_impaired_since)


def instance_status(health: Health | None) -> tuple[Status, datetime | None]:
    """Of the system in the machine: that it answers.  One that has not answered yet is still coming up."""
    if health is None or not health.ever_reachable:
        return "initializing", None
    return ("ok", None) if health.reachable else ("impaired", health.impaired_since)


def summary(status: Status, since: datetime | None) -> Result:
    word = {"ok": "passed", "impaired": "failed", "initializing": "initializing"}.get(status)
    shown: Result = {"Status": status}
    if word:
        shown["Details"] = [{"Name": "reachability", "Status": word, "ImpairedSince": since}]
    return shown


def current(health: Health | None, instance: Instance) -> Health | None:
    """The health record, if it is of this boot."""
    if health is None or (health.boot, health.reboots) != (instance.boot, instance.rebooted):
        return None
    return health
