"""Status checks and the console."""

import base64
from collections.abc import Mapping
from datetime import datetime

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.compute_kinds import INSTANCE
from aftershock.services.ec2.records.instance import HEALTH, Health, Instance
from aftershock.services.ec2.rules import instances
from aftershock.services.ec2.rules.health import Status, current, instance_status, summary, system_status
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.zones import zones

from .describing import paged
from .instances import chosen
from .outside import Outside


@honours("InstanceIds", "MaxResults", "NextToken", "Filters", "IncludeAllInstances", "IncludeManagedResources")
def describe_instance_status(call: Call, params: Params) -> Result:
    """AWS: running instances only, unless IncludeAllInstances."""
    found = chosen(call, params.get("InstanceIds"))
    if not params.get("IncludeAllInstances"):
        found = [instance for instance in found if instances.state(instance) == "running"]
    known = {health.id: health for health in HEALTH.every(call.tx)}
    found = matching(found, params.get("Filters"), fields=_fields(call, known))
    zone_ids = {zone.name: zone.id for zone in zones(call.region)}
    return paged(
        params,
        found,
        key=lambda one: one.id,
        ids="InstanceIds",
        answer="InstanceStatuses",
        view=lambda one: _view(one, current(known.get(one.id), one), zone_ids),
    )


def _statuses(instance: Instance, health: Health | None) -> tuple[tuple[Status, datetime | None], ...]:
    if instances.state(instance) != "running":
        return ("not-applicable", None), ("not-applicable", None)
    return system_status(health), instance_status(health)


def _view(instance: Instance, health: Health | None, zone_ids: Mapping[str, str]) -> Result:
    system, own = _statuses(instance, health)
    return {
        "InstanceId": instance.id,
        "AvailabilityZone": instance.zone,
        "AvailabilityZoneId": zone_ids.get(instance.zone),
        "InstanceState": instances.state_view(instances.state(instance)),
        "InstanceStatus": summary(*own),
        "SystemStatus": summary(*system),
    }


def _fields(call: Call, known: Mapping[str, Health]) -> Mapping[str, Field[Instance]]:
    def status(which: int) -> Field[Instance]:
        return lambda one: _statuses(one, current(known.get(one.id), one))[which][0]

    def reachability(which: int) -> Field[Instance]:
        words = {"ok": "passed", "impaired": "failed", "initializing": "initializing"}
        return lambda one: words.get(_statuses(one, current(known.get(one.id), one))[which][0])

    zone_ids = {zone.name: zone.id for zone in zones(call.region)}
    return {
        "availability-zone": lambda one: one.zone,
        "availability-zone-id": lambda one: zone_ids.get(one.zone),
        "instance-state-code": lambda one: instances.CODES[instances.state(one)],
        "instance-state-name": instances.state,
        "instance-status.reachability": reachability(1),
        "instance-status.status": status(1),
        "system-status.reachability": reachability(0),
        "system-status.status": status(0),
    }


OPERATIONS: dict[str, Operation] = {"DescribeInstanceStatus": describe_instance_status}


def operations(outside: Outside) -> dict[str, Operation]:
    @honours("InstanceId", "Latest")
    def get_console_output(call: Call, params: Params) -> Result:
        """The newest 64 KiB, with or without `Latest`: the console is read when it is asked for."""
        instance = INSTANCE.require(call.tx, call.account, params["InstanceId"])
        output = base64.b64encode(outside.console_of(instance.id)).decode()
        return {"InstanceId": instance.id, "Timestamp": call.now, "Output": output}

    return {"GetConsoleOutput": get_console_output}
