"""Targets: registered, deregistered, and described as they were last seen."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.records.target_group import TARGETS, Target, TargetGroup, target_key
from aftershock.services.elbv2.records.use import load_balancers_of
from aftershock.services.elbv2.rules import errors, quotas
from aftershock.services.elbv2.rules.located import NO_BALANCER
from aftershock.services.elbv2.rules.parameters import honours
from aftershock.services.elbv2.rules.target_groups import TRAFFIC_PORT, require_address, zone_of_address

from .forwarding import groups_used_by, require_targets
from .found import Handler, Sources, require_target_group, require_vpc

TARGETS_GIVEN = ("TargetGroupArn", "Targets.Id", "Targets.Port", "Targets.AvailabilityZone")


@honours(*TARGETS_GIVEN)
def register_targets(sources: Sources, call: Call, params: Params) -> Result:
    """Registering what is registered changes nothing; a target that drains is registered anew."""
    group = require_target_group(call, params["TargetGroupArn"])
    if not params["Targets"]:
        raise errors.invalid("A target must be specified")
    zones = _zones(sources, call, group, params)
    for one in params["Targets"]:
        made = Target(
            group=group.arn,
            id=one["Id"],
            port=one.get("Port") or group.port,
            zone=zones.get(one["Id"]),
            registered_at=call.now,
        )
        before = TARGETS.get(call.tx, made.key)
        if before is None or before.deregistering_at is not None:
            generation = before.generation + 1 if before else 1
            TARGETS.put(call.tx, replace(made, generation=generation))
    count = TARGETS.count(call.tx, "group", group.arn)
    quotas.require_within("TooManyTargets", count, quotas.TARGETS_PER_GROUP)
    for balancer in load_balancers_of(call.tx, group.arn):
        require_targets(call, groups_used_by(call, balancer))
    return {}


def _zones(sources: Sources, call: Call, group: TargetGroup, params: Params) -> dict[str, str]:
    """The zones of addresses.  Instances are where they are.

    Raises:
        AwsError: InvalidTarget, ValidationError
    """
    if group.target_type == "instance":
        _require_instances(sources, call, group, params)
        return {}
    vpc = require_vpc(sources, call, group.vpc_id)
    zones = {}
    for one in params["Targets"]:
        address = require_address(one["Id"])
        given = one.get("AvailabilityZone") or None
        zones[one["Id"]] = zone_of_address(address, vpc.cidrs, vpc.subnets, sources.outside.zones(), given)
    return zones


def _require_instances(sources: Sources, call: Call, group: TargetGroup, params: Params) -> None:
    idle, elsewhere = [], []
    for one in params["Targets"]:
        if one.get("AvailabilityZone"):
            raise errors.invalid("You cannot specify an Availability Zone for targets of the type instance")
        if not one["Id"].startswith("i-"):
            raise errors.invalid(f"Instance ID '{one['Id']}' is not valid")
        instance = sources.outside.instance(call.tx, call.account, one["Id"])
        if instance is None or instance.state == "terminated":
            raise errors.invalid_target(f"The following targets do not exist: '{one['Id']}'")
        if instance.vpc_id != group.vpc_id:
            elsewhere.append(one["Id"])
        elif instance.state != "running":
            idle.append(one["Id"])
    if elsewhere:
        listed = errors.quoted(elsewhere)
        raise errors.invalid_target(f"The following targets are not in the target group VPC '{group.vpc_id}': {listed}")
    if idle:
        listed = errors.quoted(idle)
        raise errors.invalid_target(
            f"The following targets are not in a running state and cannot be registered: {listed}"
        )


@honours(*TARGETS_GIVEN)
def deregister_targets(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: "If the specified target does not exist, the action returns successfully"."""
    group = require_target_group(call, params["TargetGroupArn"])
    for one in params["Targets"]:
        target = TARGETS.get(call.tx, target_key(group.arn, one["Id"], one.get("Port") or group.port))
        if target is not None and target.deregistering_at is None:
            leaving = replace(target, deregistering_at=call.now, generation=target.generation + 1)
            TARGETS.put(call.tx, leaving)
    return {}


@honours(*TARGETS_GIVEN, "Include")
def describe_target_health(sources: Sources, call: Call, params: Params) -> Result:
    group = require_target_group(call, params["TargetGroupArn"])
    in_use = bool(load_balancers_of(call.tx, group.arn))
    given = params.get("Targets") or ()
    if not given:
        found = TARGETS.where(call.tx, "group", group.arn)
        return {"TargetHealthDescriptions": [_described(group, target, in_use) for target in found]}
    described = []
    for one in given:
        port = one.get("Port") or group.port
        target = TARGETS.get(call.tx, target_key(group.arn, one["Id"], port))
        described.append(_described(group, target, in_use) if target else _unknown(one["Id"], port))
    return {"TargetHealthDescriptions": described}


def _described(group: TargetGroup, target: Target, in_use: bool) -> dict[str, Any]:
    port = group.check.port
    return {
        "Target": {"Id": target.id, "Port": target.port, "AvailabilityZone": target.zone},
        "HealthCheckPort": str(target.port) if port == TRAFFIC_PORT else port,
        "TargetHealth": _health(target, in_use),
    }


def _health(target: Target, in_use: bool) -> Mapping[str, str | None]:
    if target.deregistering_at is not None:
        return _told("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    if not in_use:
        return _told("unused", "Target.NotInUse", NO_BALANCER)
    return _told(target.state, target.fault, target.description)


def _unknown(target_id: str, port: int) -> dict[str, Any]:
    health = _told("unused", "Target.NotRegistered", "Target is not registered to the target group")
    return {"Target": {"Id": target_id, "Port": port}, "TargetHealth": health}


def _told(state: str, reason: str | None, description: str | None) -> Mapping[str, str | None]:
    return {"State": state, "Reason": reason, "Description": description}


OPERATIONS: dict[str, Handler] = {
    "RegisterTargets": register_targets,
    "DeregisterTargets": deregister_targets,
    "DescribeTargetHealth": describe_target_health,
}
