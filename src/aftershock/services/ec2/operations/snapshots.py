"""Snapshots of root volumes."""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.compute_kinds import SNAPSHOT, VOLUME
from aftershock.services.ec2.records.image import IMAGES
from aftershock.services.ec2.records.snapshot import SNAPSHOTS, Snapshot
from aftershock.services.ec2.records.volume import Volume
from aftershock.services.ec2.rules import disks, tags
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.times import wire_time

from .describing import paged


@honours("VolumeId", "Description", "TagSpecifications", only={"Location": "regional"})
def create_snapshot(call: Call, params: Params) -> Result:
    volume = VOLUME.require(call.tx, call.account, params["VolumeId"])
    if not volume.wanted:
        raise AwsError("IncorrectState", f"The volume '{volume.id}' is 'deleting'")
    given = tags.specified(params.get("TagSpecifications"), "snapshot", by=call.principal)
    return view(record_snapshot(call, volume, description=params.get("Description", ""), given=given["snapshot"]))


def record_snapshot(
    call: Call, volume: Volume, *, description: str, given: Mapping[str, str], reboot: bool = False
) -> Snapshot:
    """Want the volume's disk captured, with the instance shut down meanwhile if `reboot`."""
    snapshot_id = call.new_id("snap")
    snapshot = Snapshot(
        id=snapshot_id,
        account=call.account,
        region=call.region,
        tags=dict(given),
        volume_id=volume.id,
        size_gib=volume.size_gib,
        description=description,
        encrypted=volume.encrypted,
        below=volume.layers,
        layer=snapshot_id,
        reboot=reboot,
        started_at=call.now,
    )
    SNAPSHOTS.put(call.tx, snapshot)
    return snapshot


@honours("MaxResults", "NextToken", "OwnerIds", "RestorableByUserIds", "SnapshotIds", "Filters")
def describe_snapshots(call: Call, params: Params) -> Result:
    if ids := params.get("SnapshotIds"):
        found = [_require_visible(call, snapshot_id) for snapshot_id in dict.fromkeys(ids)]
    else:
        found = [one for one in SNAPSHOTS.every(call.tx) if _visible(call, one)]
    if owners := params.get("OwnerIds"):
        wanted = {call.account if owner == "self" else owner for owner in owners}
        found = [snapshot for snapshot in found if snapshot.account in wanted]
    if users := params.get("RestorableByUserIds"):
        # AWS: "all" are the public ones, "self" those that the caller may use.
        found = [one for one in found if ("all" in users and _public(call, one)) or {"self", call.account} & set(users)]
    found = matching(found, params.get("Filters"), fields=_FIELDS, tags=lambda snapshot: snapshot.tags)
    return paged(params, found, key=lambda one: one.id, ids="SnapshotIds", answer="Snapshots", view=view)


def _visible(call: Call, snapshot: Snapshot) -> bool:
    return (snapshot.account == call.account and snapshot.wanted) or _public(call, snapshot)


def _public(call: Call, snapshot: Snapshot) -> bool:
    return any(image.public for image in IMAGES.where(call.tx, "snapshot", snapshot.id))


def _require_visible(call: Call, snapshot_id: str) -> Snapshot:
    found = SNAPSHOTS.get(call.tx, snapshot_id)
    if found is not None and _visible(call, found):
        return found
    if found is not None and not found.wanted:
        raise AwsError(SNAPSHOT.missing, SNAPSHOT.missing_message.format(snapshot_id))
    return SNAPSHOT.require(call.tx, call.account, snapshot_id)


def _state(snapshot: Snapshot) -> str:
    if snapshot.failed:
        return "error"
    return "completed" if snapshot.captured else "pending"


def _progress(snapshot: Snapshot) -> str:
    """A layer is there whole or not at all; how far its copy is, nobody knows."""
    return "100%" if snapshot.captured else "0%"


_FIELDS: Mapping[str, Field[Snapshot]] = {
    "description": lambda one: one.description,
    "encrypted": lambda one: one.encrypted,
    "owner-alias": lambda one: None,
    "owner-id": lambda one: one.account,
    "progress": _progress,
    "snapshot-id": lambda one: one.id,
    "start-time": lambda one: wire_time(one.started_at),
    "status": _state,
    "storage-tier": lambda one: "standard",
    "volume-id": lambda one: one.volume_id or "vol-ffffffff",
    "volume-size": lambda one: one.size_gib,
}


def view(snapshot: Snapshot) -> Result:
    shown: Result = {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume_id or "vol-ffffffff",  # AWS shows this of a snapshot that has no volume
        "State": _state(snapshot),
        "StateMessage": snapshot.failed or None,
        "StartTime": snapshot.started_at,
        "CompletionTime": snapshot.completed_at,
        "Progress": _progress(snapshot),
        "OwnerId": snapshot.account,
        "Description": snapshot.description,
        "VolumeSize": snapshot.size_gib,
        "FullSnapshotSizeInBytes": snapshot.size_bytes if snapshot.captured else None,
        "Encrypted": snapshot.encrypted,
        "KmsKeyId": disks.default_key(snapshot.account, snapshot.region) if snapshot.encrypted else None,
        "StorageTier": "standard",
    }
    if snapshot.tags:
        shown["Tags"] = tags.view(snapshot.tags)
    return shown


@honours("SnapshotId")
def delete_snapshot(call: Call, params: Params) -> Result:
    snapshot = SNAPSHOT.require(call.tx, call.account, params["SnapshotId"])
    if not snapshot.wanted:
        raise AwsError(SNAPSHOT.missing, SNAPSHOT.missing_message.format(snapshot.id))
    for image in IMAGES.where(call.tx, "snapshot", snapshot.id):
        raise AwsError("InvalidSnapshot.InUse", f"The snapshot {snapshot.id} is currently in use by {image.id}")
    SNAPSHOTS.put(call.tx, replace(snapshot, wanted=False, generation=snapshot.generation + 1))
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateSnapshot": create_snapshot,
    "DeleteSnapshot": delete_snapshot,
    "DescribeSnapshots": describe_snapshots,
}
