"""Volumes.  Root disks come with instances; there are no others yet."""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.compute_kinds import VOLUME
from aftershock.services.ec2.records.volume import VOLUMES, Volume
from aftershock.services.ec2.rules import disks, tags
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.times import wire_time

from .describing import chosen, paged


@honours("VolumeIds", "Filters", "NextToken", "MaxResults", "IncludeManagedResources")
def describe_volumes(call: Call, params: Params) -> Result:
    found = chosen(call, VOLUME, params.get("VolumeIds"))
    found = matching(found, params.get("Filters"), fields=_FIELDS, tags=lambda volume: volume.tags)
    return paged(params, found, key=lambda one: one.id, ids="VolumeIds", answer="Volumes", view=view)


def state(volume: Volume) -> str:
    if not volume.wanted:
        return "deleting"
    if not volume.exists:
        return "creating"
    return "in-use" if volume.instance_id else "available"


def _attachment_state(volume: Volume) -> str | None:
    return ("attached" if volume.exists else "attaching") if volume.instance_id else None


_FIELDS: Mapping[str, Field[Volume]] = {
    "attachment.attach-time": lambda one: wire_time(one.attached_at),
    "attachment.delete-on-termination": lambda one: one.delete_on_termination if one.instance_id else None,
    "attachment.device": lambda one: one.device if one.instance_id else None,
    "attachment.instance-id": lambda one: one.instance_id,
    "attachment.status": _attachment_state,
    "availability-zone": lambda one: one.zone,
    "create-time": lambda one: wire_time(one.created_at),
    "encrypted": lambda one: one.encrypted,
    "fast-restored": lambda one: False,
    "multi-attach-enabled": lambda one: False,
    "size": lambda one: one.size_gib,
    "snapshot-id": lambda one: one.snapshot_id,
    "status": state,
    "volume-id": lambda one: one.id,
    "volume-type": lambda one: one.kind,
}


def view(volume: Volume) -> Result:
    shown: Result = {
        "VolumeId": volume.id,
        "State": state(volume),
        "Size": volume.size_gib,
        "VolumeType": volume.kind,
        "Iops": volume.iops,
        "Throughput": volume.throughput,
        "SnapshotId": volume.snapshot_id,
        "AvailabilityZone": volume.zone,
        "CreateTime": volume.created_at,
        "Encrypted": volume.encrypted,
        "KmsKeyId": disks.default_key(volume.account, volume.region) if volume.encrypted else None,
        "MultiAttachEnabled": False,
        "Attachments": [],
    }
    if volume.instance_id:
        shown["Attachments"] = [
            {
                "VolumeId": volume.id,
                "InstanceId": volume.instance_id,
                "Device": volume.device,
                "State": _attachment_state(volume),
                "AttachTime": volume.attached_at,
                "DeleteOnTermination": volume.delete_on_termination,
            }
        ]
    if volume.tags:
        shown["Tags"] = tags.view(volume.tags)
    return shown


@honours("VolumeIds", "Filters", "NextToken", "MaxResults", "IncludeManagedResources")
def describe_volume_status(call: Call, params: Params) -> Result:
    """A volume that was seen to be there is ok; of another nothing is known."""
    found = chosen(call, VOLUME, params.get("VolumeIds"))
    fields: Mapping[str, Field[Volume]] = {
        "availability-zone": lambda one: one.zone,
        "volume-status.status": _health,
    }
    return paged(
        params,
        matching(found, params.get("Filters"), fields=fields),
        key=lambda one: one.id,
        ids="VolumeIds",
        answer="VolumeStatuses",
        view=lambda one: {
            "VolumeId": one.id,
            "AvailabilityZone": one.zone,
            "VolumeStatus": {"Status": _health(one), "Details": []},
            "Actions": [],
            "Events": [],
        },
    )


def _health(volume: Volume) -> str:
    return "ok" if volume.exists else "insufficient-data"


@honours("VolumeId")
def delete_volume(call: Call, params: Params) -> Result:
    volume = VOLUME.require(call.tx, call.account, params["VolumeId"])
    if volume.instance_id:
        raise AwsError("VolumeInUse", f"Volume {volume.id} is currently attached to {volume.instance_id}")
    if volume.wanted:
        VOLUMES.put(call.tx, replace(volume, wanted=False, generation=volume.generation + 1))
    return {}


OPERATIONS: dict[str, Operation] = {
    "DeleteVolume": delete_volume,
    "DescribeVolumeStatus": describe_volume_status,
    "DescribeVolumes": describe_volumes,
}
