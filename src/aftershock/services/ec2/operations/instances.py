"""Instances: what is, and start, stop, reboot, terminate."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.compute_kinds import INSTANCE
from aftershock.services.ec2.records.instance import INSTANCES, Instance, Wish
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.rules import instances, names
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.times import wire_time

from . import instance_views, wiring
from .describing import paged_as_read
from .instance_views import Parts
from .outside import Outside
from .room import require_room


@honours("InstanceIds", "Filters", "NextToken", "MaxResults", "IncludeManagedResources")
def describe_instances(call: Call, params: Params) -> Result:
    listed = paged_as_read(
        params,
        _listed(call, params),
        key=_place,
        ids="InstanceIds",
        answer="Instances",
        view=lambda instance: {"Instance": instance},
    )
    shown = [one["Instance"] for one in listed["Instances"]]
    return {"Reservations": instance_views.reservations(call, shown), "NextToken": listed.get("NextToken")}


def _listed(call: Call, params: Params) -> Callable[[str], Iterable[Instance]]:
    """Those that are asked for, from about a place on, in order."""
    if not params.get("InstanceIds") and not params.get("Filters"):
        return lambda place: _every(call, place)
    found = chosen(call, params.get("InstanceIds"))
    if params.get("Filters"):
        known = instance_views.parts(call, found)
        found = matching(found, params["Filters"], fields=_fields(known), tags=lambda instance: instance.tags)
    return lambda _: sorted(found, key=_place)


def _place(instance: Instance) -> str:
    return f"{instance.reservation_id} {instance.launch_index:04} {instance.id}"


def _every(call: Call, place: str) -> Iterator[Instance]:
    """From the beginning of the place's reservation on."""
    found = INSTANCES.following(call.tx, "reservation", place.partition(" ")[0])
    for _, launched in groupby(found, key=lambda instance: instance.reservation_id):
        yield from sorted((one for one in launched if one.account == call.account), key=_place)


def chosen(call: Call, ids: Iterable[str] | None) -> list[Instance]:
    """The instances named, each once and in that order, or else all.

    Raises:
        AwsError: InvalidInstanceID.Malformed, InvalidInstanceID.NotFound, which names all that are not there.
    """
    if not ids:
        return INSTANCE.every(call.tx, call.account)
    found = {instance_id: INSTANCE.get(call.tx, call.account, instance_id) for instance_id in ids}
    for instance_id, instance in found.items():
        if instance is None and not instance_id.startswith("i-"):
            INSTANCE.require(call.tx, call.account, instance_id)
    if missing := [instance_id for instance_id, instance in found.items() if instance is None]:
        raise instances.not_found(missing)
    return [instance for instance in found.values() if instance is not None]


def _fields(known: Parts) -> Mapping[str, Field[Instance]]:
    def eni(read: Callable[[Any], Any]) -> Field[Instance]:
        return lambda one: None if (found := known.interface(one)) is None else read(found)

    def volume(read: Callable[[Any], Any]) -> Field[Instance]:
        return lambda one: None if (found := known.volume(one)) is None else read(found)

    def metadata(name: str) -> Field[Instance]:
        return lambda one: getattr(one.metadata, name)

    def reason(member: str) -> Field[Instance]:
        return lambda one: (instances.state_reason(one) or {}).get(member)

    group_ids = eni(lambda found: found.group_ids)
    group_names = eni(lambda found: [known.groups[group_id].name for group_id in found.group_ids])
    private_name = eni(lambda found: names.private_dns_name(known.region, found.private_ip))
    return {
        "affinity": lambda one: None,
        "architecture": lambda one: one.architecture,
        "availability-zone": lambda one: one.zone,
        "availability-zone-id": lambda one: known.zone_ids.get(one.zone),
        "block-device-mapping.attach-time": volume(lambda found: wire_time(found.attached_at)),
        "block-device-mapping.delete-on-termination": volume(lambda found: found.delete_on_termination),
        "block-device-mapping.device-name": volume(lambda found: found.device),
        "block-device-mapping.status": volume(lambda found: "attached" if found.exists else "attaching"),
        "block-device-mapping.volume-id": volume(lambda found: found.id),
        "capacity-reservation-specification.capacity-reservation-preference": lambda one: "open",
        "client-token": lambda one: one.client_token or None,
        "dns-name": eni(lambda found: known.public_dns_name(found.vpc_id, found.address) or None),
        "ebs-optimized": lambda one: one.ebs_optimized,
        "ena-support": lambda one: True,
        "enclave-options.enabled": lambda one: False,
        "group-id": group_ids,
        "group-name": group_names,
        "hibernation-options.configured": lambda one: False,
        "host-id": lambda one: None,
        "hypervisor": lambda one: "xen",
        "iam-instance-profile.arn": lambda one: one.profile and one.profile.arn,
        "iam-instance-profile.id": lambda one: one.profile and one.profile.profile_id,
        "image-id": lambda one: one.image_id,
        "instance-id": lambda one: one.id,
        "instance-lifecycle": lambda one: None,
        "instance-state-code": lambda one: instances.CODES[instances.state(one)],
        "instance-state-name": instances.state,
        "instance-type": lambda one: one.instance_type,
        "instance.group-id": group_ids,
        "instance.group-name": group_names,
        "ip-address": eni(lambda found: found.address),
        "key-name": lambda one: one.key_name,
        "launch-index": lambda one: one.launch_index,
        "launch-time": lambda one: wire_time(one.launched_at),
        "maintenance-options.auto-recovery": lambda one: "default",
        "metadata-options.http-endpoint": metadata("http_endpoint"),
        "metadata-options.http-put-response-hop-limit": metadata("hop_limit"),
        "metadata-options.http-tokens": metadata("http_tokens"),
        "metadata-options.instance-metadata-tags": metadata("instance_tags"),
        "monitoring-state": lambda one: "enabled" if one.monitored else "disabled",
        "network-interface.addresses.association.public-ip": eni(lambda found: found.address),
        "network-interface.addresses.primary": eni(lambda found: True),
        "network-interface.addresses.private-ip-address": eni(lambda found: found.private_ip),
        "network-interface.association.allocation-id": eni(lambda found: found.elastic and found.elastic.allocation_id),
        "network-interface.association.association-id": eni(
            lambda found: found.elastic and found.elastic.association_id
        ),
        "network-interface.association.ip-owner-id": eni(
            lambda found: (found.account if found.elastic else "amazon") if found.address else None
        ),
        "network-interface.association.public-ip": eni(lambda found: found.address),
        "network-interface.attachment.attach-time": eni(lambda found: wire_time(found.attached_at)),
        "network-interface.attachment.attachment-id": eni(lambda found: found.attachment_id),
        "network-interface.attachment.delete-on-termination": eni(lambda found: found.delete_on_termination),
        "network-interface.attachment.device-index": eni(lambda found: found.device_index),
        "network-interface.attachment.instance-id": eni(lambda found: found.instance_id),
        "network-interface.attachment.instance-owner-id": eni(lambda found: found.account),
        "network-interface.attachment.status": eni(lambda found: "attached"),
        "network-interface.availability-zone": eni(lambda found: found.zone),
        "network-interface.description": eni(lambda found: found.description),
        "network-interface.group-id": group_ids,
        "network-interface.group-name": group_names,
        "network-interface.mac-address": eni(lambda found: found.mac),
        "network-interface.network-interface-id": eni(lambda found: found.id),
        "network-interface.owner-id": eni(lambda found: found.account),
        "network-interface.private-dns-name": private_name,
        "network-interface.private-ip-address": eni(lambda found: found.private_ip),
        "network-interface.source-dest-check": eni(lambda found: found.source_dest_check),
        "network-interface.status": eni(lambda found: "in-use"),
        "network-interface.subnet-id": eni(lambda found: found.subnet_id),
        "network-interface.vpc-id": eni(lambda found: found.vpc_id),
        "owner-id": lambda one: one.account,
        "placement-group-name": lambda one: None,
        "platform": lambda one: None,
        "platform-details": lambda one: "Linux/UNIX",
        "private-dns-name": private_name,
        "private-ip-address": eni(lambda found: found.private_ip),
        "product-code": lambda one: None,
        "reason": instances.transition_reason,
        "requester-id": lambda one: None,
        "reservation-id": lambda one: one.reservation_id,
        "root-device-name": lambda one: one.root_device,
        "root-device-type": lambda one: "ebs",
        "source-dest-check": eni(lambda found: found.source_dest_check),
        "spot-instance-request-id": lambda one: None,
        "state-reason-code": reason("Code"),
        "state-reason-message": reason("Message"),
        "subnet-id": eni(lambda found: found.subnet_id),
        "tenancy": lambda one: "default",
        "usage-operation": lambda one: "RunInstances",
        "virtualization-type": lambda one: "hvm",
        "vpc-id": eni(lambda found: found.vpc_id),
    }


@honours("InstanceIds", "Force", "SkipOsShutdown", only={"Hibernate": False})
def stop_instances(call: Call, params: Params) -> Result:
    found = chosen(call, params["InstanceIds"])
    for instance in found:
        instances.check_may_stop(instance)
    forced = bool(params.get("Force") or params.get("SkipOsShutdown"))
    changes = [(one, _wish(call, one, "stopped", forced=forced)) for one in found]
    return {"StoppingInstances": instance_views.state_changes(changes)}


def _start(call: Call, instance: Instance) -> Instance:
    if instances.state(instance) != "stopped":
        return instance
    eni = NETWORK_INTERFACES.get(call.tx, instance.interface_id)
    if eni is None or eni.instance_id != instance.id:
        raise AwsError("IncorrectInstanceState", f"The instance '{instance.id}' has no network interface.")
    wiring.plug(call, eni)
    started = replace(
        instance,
        wanted="running",
        boot=instance.boot + 1,
        asked_at=call.now,
        launched_at=call.now,
        forced=False,
        generation=instance.generation + 1,
    )
    INSTANCES.put(call.tx, started)
    return started


@honours("InstanceIds")
def reboot_instances(call: Call, params: Params) -> Result:
    found = chosen(call, params["InstanceIds"])
    for instance in found:
        instances.check_may_reboot(instance)
    for instance in found:
        INSTANCES.put(call.tx, replace(instance, reboots=instance.reboots + 1, generation=instance.generation + 1))
    return {}


@honours("InstanceIds", "Force", "SkipOsShutdown")
def terminate_instances(call: Call, params: Params) -> Result:
    found = chosen(call, params["InstanceIds"])
    for instance in found:
        instances.check_may_terminate(instance)
    forced = bool(params.get("Force") or params.get("SkipOsShutdown"))
    changes = [(one, _wish(call, one, "terminated", forced=forced)) for one in found]
    return {"TerminatingInstances": instance_views.state_changes(changes)}


def _wish(call: Call, instance: Instance, wanted: Wish, *, forced: bool) -> Instance:
    """Want it stopped or terminated; what is so already, or is on its way, stays as it is but for `forced`."""
    if instances.wish(instance) == wanted:
        if not forced or instance.forced or instances.state(instance) in ("stopped", "terminated"):
            return instance
        changed = replace(instance, forced=True, generation=instance.generation + 1)
    else:
        changed = replace(instance, wanted=wanted, forced=forced, asked_at=call.now, generation=instance.generation + 1)
    INSTANCES.put(call.tx, changed)
    return changed


@honours("InstanceIds")
def monitor_instances(call: Call, params: Params) -> Result:
    return _monitored(call, params, True)


@honours("InstanceIds")
def unmonitor_instances(call: Call, params: Params) -> Result:
    return _monitored(call, params, False)


def _monitored(call: Call, params: Params, monitored: bool) -> Result:
    found = chosen(call, params["InstanceIds"])
    for instance in found:
        INSTANCES.put(call.tx, replace(instance, monitored=monitored))
    state = {"State": "enabled" if monitored else "disabled"}
    return {"InstanceMonitorings": [{"InstanceId": one.id, "Monitoring": state} for one in found]}


OPERATIONS: dict[str, Operation] = {
    "DescribeInstances": describe_instances,
    "MonitorInstances": monitor_instances,
    "RebootInstances": reboot_instances,
    "StopInstances": stop_instances,
    "TerminateInstances": terminate_instances,
    "UnmonitorInstances": unmonitor_instances,
}


def operations(outside: Outside) -> dict[str, Operation]:
    @honours("InstanceIds")
    def start_instances(call: Call, params: Params) -> Result:
        found = chosen(call, params["InstanceIds"])
        for instance in found:
            instances.check_may_start(instance)
        stopped = [one for one in found if instances.state(one) == "stopped"]
        for one in stopped:
            require_room(call, outside, one.instance_type, one.zone, least=len(stopped), most=len(stopped))
        return {"StartingInstances": instance_views.state_changes((one, _start(call, one)) for one in found)}

    return {"StartInstances": start_instances}
