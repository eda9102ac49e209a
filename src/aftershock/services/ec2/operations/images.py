"""Machine images: what is there, and new ones from an instance's or a snapshot's disk."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result, Tx
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.compute_kinds import IMAGE, INSTANCE, SNAPSHOT
from aftershock.services.ec2.records.image import IMAGES, Image
from aftershock.services.ec2.records.snapshot import SNAPSHOTS, Snapshot
from aftershock.services.ec2.records.volume import VOLUMES
from aftershock.services.ec2.rules import disks, instances, tags
from aftershock.services.ec2.rules.images import location, state, state_reason
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.times import wire_time

from .describing import paged
from .outside import Outside
from .snapshots import record_snapshot

NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
ALIAS, ALIAS_TYPE = "resolve:ssm:", "aws:ec2:image"
OWNER_ALIASES = {"self", "amazon", "aws-marketplace", "aws-backup-vault"}


def get_visible(tx: Tx, account: str, image_id: str) -> Image | None:
    image = IMAGES.get(tx, image_id)
    return image if image is not None and (image.public or image.account == account) else None


def require_visible(call: Call, image_id: str) -> Image:
    return get_visible(call.tx, call.account, image_id) or IMAGE.require(call.tx, call.account, image_id)


def require_own(call: Call, image_id: str) -> Image:
    image = require_visible(call, image_id)
    if image.account != call.account:
        raise AwsError("AuthFailure", f"Not authorized for image:{image_id}", status=403)
    return image


def resolved(outside: Outside, call: Call, image_id: str) -> str:
    """An image id as a launch or a template names it; `resolve:ssm:…` is the id that the parameter holds now.

    Raises:
        AwsError: SsmInvalidParameter
    """
    if not image_id.startswith(ALIAS):
        return image_id
    name = image_id.removeprefix(ALIAS)
    parameter = outside.parameter(call, name)
    if parameter is None:
        raise AwsError("SsmInvalidParameter", f"The following aliases are invalid: {name}")
    if parameter.data_type != ALIAS_TYPE:  # aws/aws-cdk#26712
        raise AwsError(
            "SsmInvalidParameter",
            f"Unsupported data type. The following parameter data types are supported: {ALIAS_TYPE}",
        )
    return parameter.value


def require_launchable(call: Call, image_id: str | None) -> tuple[Image, Snapshot]:
    """The image and the snapshot of its root disk, which is there.

    Raises:
        AwsError: MissingParameter, InvalidAMIID.Malformed, InvalidAMIID.NotFound, InvalidAMIID.Unavailable
    """
    if not image_id:
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
    image = require_visible(call, image_id)
    snapshot = SNAPSHOTS.get(call.tx, image.snapshot_id)
    if snapshot is None or state(snapshot) != "available":
        raise AwsError("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is not available: {state(snapshot)}")
    return image, snapshot


@honours(
    "ExecutableUsers",
    "ImageIds",
    "Owners",
    "IncludeDeprecated",
    "IncludeDisabled",
    "MaxResults",
    "NextToken",
    "Filters",
)
def describe_images(call: Call, params: Params) -> Result:
    if ids := params.get("ImageIds"):
        found = [require_visible(call, image_id) for image_id in dict.fromkeys(ids)]
    else:
        found = [image for image in IMAGES.every(call.tx) if image.public or image.account == call.account]
        if not params.get("IncludeDeprecated"):
            found = [one for one in found if not _deprecated(one, call.now) or one.account == call.account]
    if owners := params.get("Owners"):
        wanted = {call.account if owner == "self" else owner for owner in owners}
        found = [image for image in found if image.account in wanted]
    if users := params.get("ExecutableUsers"):
        found = [image for image in found if _executable_by(call, image, users)]
    snapshots = {snapshot.id: snapshot for snapshot in SNAPSHOTS.every(call.tx)}
    found = matching(found, params.get("Filters"), fields=_fields(call, snapshots.get), tags=lambda image: image.tags)
    return paged(
        params,
        found,
        key=lambda image: image.id,
        ids="ImageIds",
        answer="Images",
        view=lambda image: view(image, snapshots.get(image.snapshot_id)),
    )


def _deprecated(image: Image, now: datetime) -> bool:
    return image.deprecate_at is not None and image.deprecate_at <= now


def _executable_by(call: Call, image: Image, users: Iterable[str]) -> bool:
    """AWS: "all" means everybody, "self" explicit permission, which nobody can be given here."""
    return image.public and "all" in users


def _fields(call: Call, snapshot: Callable[[str], Snapshot | None]) -> Mapping[str, Field[Image]]:
    return {
        "architecture": lambda one: one.architecture,
        "block-device-mapping.delete-on-termination": lambda one: one.delete_on_termination,
        "block-device-mapping.device-name": lambda one: one.root_device,
        "block-device-mapping.snapshot-id": lambda one: one.snapshot_id,
        "block-device-mapping.volume-size": lambda one: one.size_gib,
        "block-device-mapping.volume-type": lambda one: one.volume_kind,
        "block-device-mapping.encrypted": lambda one: _encrypted(snapshot(one.snapshot_id)),
        "creation-date": lambda one: wire_time(one.created_at),
        "description": lambda one: one.description,
        "ena-support": lambda one: True,
        "hypervisor": lambda one: "xen",
        "image-id": lambda one: one.id,
        "image-type": lambda one: "machine",
        "is-public": lambda one: one.public,
        "kernel-id": lambda one: None,
        "manifest-location": location,
        "name": lambda one: one.name,
        "owner-alias": lambda one: None,
        "owner-id": lambda one: one.account,
        "platform": lambda one: None,
        "platform-details": lambda one: "Linux/UNIX",
        "product-code": lambda one: None,
        "ramdisk-id": lambda one: None,
        "root-device-name": lambda one: one.root_device,
        "root-device-type": lambda one: "ebs",
        "source-instance-id": lambda one: one.source_instance_id,
        "state": lambda one: state(snapshot(one.snapshot_id)),
        "usage-operation": lambda one: "RunInstances",
        "virtualization-type": lambda one: "hvm",
    }


def _encrypted(snapshot: Snapshot | None) -> bool:
    return snapshot is not None and snapshot.encrypted


def view(image: Image, snapshot: Snapshot | None) -> Result:
    shown: Result = {
        "ImageId": image.id,
        "ImageLocation": location(image),
        "State": state(snapshot),
        "OwnerId": image.account,
        "CreationDate": wire_time(image.created_at),
        "Public": image.public,
        "Architecture": image.architecture,
        "ImageType": "machine",
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "BlockDeviceMappings": [
            {
                "DeviceName": image.root_device,
                "Ebs": {
                    "DeleteOnTermination": image.delete_on_termination,
                    "SnapshotId": image.snapshot_id,
                    "VolumeSize": image.size_gib,
                    "VolumeType": image.volume_kind,
                    "Encrypted": _encrypted(snapshot),
                },
            }
        ],
        "Description": image.description,
        "EnaSupport": True,
        "Hypervisor": "xen",
        "Name": image.name,
        "RootDeviceName": image.root_device,
        "RootDeviceType": "ebs",
        "SriovNetSupport": "simple",
        "VirtualizationType": "hvm",
        "SourceInstanceId": image.source_instance_id,
        "SourceImageId": image.source_image_id,
    }
    if image.source_image_id:
        shown["SourceImageRegion"] = image.region
    if image.tags:
        shown["Tags"] = tags.view(image.tags)
    if reason := state_reason(snapshot):
        shown["StateReason"] = reason
    if image.deprecate_at:
        shown["DeprecationTime"] = wire_time(image.deprecate_at)
    return shown


@honours(
    "InstanceId",
    "Name",
    "Description",
    "NoReboot",
    "TagSpecifications",
    "BlockDeviceMappings",
    only={"SnapshotLocation": "regional"},
)
def create_image(call: Call, params: Params) -> Result:
    instance = INSTANCE.require(call.tx, call.account, params["InstanceId"])
    if instances.state(instance) not in ("running", "stopped", "pending", "stopping"):
        raise AwsError(
            "IncorrectInstanceState",
            f"The instance '{instance.id}' is not in a valid state to create an image: {instances.state(instance)}.",
        )
    _check_name(call, params["Name"])
    volume = VOLUMES.get(call.tx, instance.volume_id)
    if volume is None or not volume.wanted:
        raise AwsError("IncorrectInstanceState", f"The instance '{instance.id}' has no root volume.")
    given = tags.specified(params.get("TagSpecifications"), "image", "snapshot", by=call.principal)
    mappings = params.get("BlockDeviceMappings") or ()
    disks.check_encryption_stays(mappings, volume.encrypted)
    disk = disks.root_disk(
        mappings,
        device=instance.root_device,
        snapshot_id="",
        size_gib=volume.size_gib,
        kind=volume.kind,
        delete_on_termination=volume.delete_on_termination,
        encrypted=volume.encrypted,
    )
    image_id = call.new_id("ami")
    snapshot = record_snapshot(
        call,
        volume,
        description=f"Created by CreateImage({instance.id}) for {image_id}",
        given=given["snapshot"],
        reboot=not params.get("NoReboot", False) and instances.state(instance) in ("running", "pending"),
    )
    image = Image(
        id=image_id,
        account=call.account,
        region=call.region,
        tags=given["image"],
        name=params["Name"],
        description=params.get("Description", ""),
        architecture=instance.architecture,
        snapshot_id=snapshot.id,
        size_gib=disk.size_gib,
        volume_kind=disk.kind,
        delete_on_termination=disk.delete_on_termination,
        root_device=instance.root_device,
        created_at=call.now,
        source_instance_id=instance.id,
    )
    IMAGES.put(call.tx, image)
    return {"ImageId": image.id}


def _check_name(call: Call, name: str) -> None:
    if not NAME.fullmatch(name):
        raise AwsError(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
            "'(', ')', '.', '-', '/' and '_'",
        )
    for image in IMAGES.where(call.tx, "name", f"{call.account} {name}"):
        raise AwsError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {image.id}")


@honours(
    "Name",
    "Description",
    "Architecture",
    "RootDeviceName",
    "TagSpecifications",
    "BlockDeviceMappings",
    "EnaSupport",
    "SriovNetSupport",
    only={"VirtualizationType": "hvm", "BootMode": "legacy-bios"},
)
def register_image(call: Call, params: Params) -> Result:
    """From the snapshot of a root volume, as it is: its layers are a root file system."""
    _check_name(call, params["Name"])
    if params.get("Architecture", "i386") != "x86_64":
        raise AwsError(
            "UnsupportedOperation",
            f"The architecture {params.get('Architecture', 'i386')} is not supported in this region. "
            "The only supported value is (x86_64).",
        )
    device = params.get("RootDeviceName") or "/dev/sda1"
    mappings = params.get("BlockDeviceMappings") or ()
    snapshot_id = next((ebs["SnapshotId"] for one in mappings if (ebs := one.get("Ebs") or {}).get("SnapshotId")), None)
    if not snapshot_id:
        raise AwsError("MissingParameter", "The request must contain a snapshot for the root device")
    snapshot = SNAPSHOT.require(call.tx, call.account, snapshot_id)
    disks.check_encryption_stays(mappings, snapshot.encrypted)
    disk = disks.root_disk(
        mappings,
        device=device,
        snapshot_id=snapshot_id,
        size_gib=snapshot.size_gib,
        kind="gp2",
        delete_on_termination=True,
        encrypted=snapshot.encrypted,
    )
    image = Image(
        id=call.new_id("ami"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "image", by=call.principal)["image"],
        name=params["Name"],
        description=params.get("Description", ""),
        architecture="x86_64",
        snapshot_id=snapshot.id,
        size_gib=disk.size_gib,
        volume_kind=disk.kind,
        delete_on_termination=disk.delete_on_termination,
        root_device=device,
        created_at=call.now,
    )
    IMAGES.put(call.tx, image)
    return {"ImageId": image.id}


@honours("ImageId", "DeleteAssociatedSnapshots")
def deregister_image(call: Call, params: Params) -> Result:
    image = require_own(call, params["ImageId"])
    IMAGES.forget(call.tx, image.id)
    result: Result = {"Return": True}
    if params.get("DeleteAssociatedSnapshots"):
        result["DeleteSnapshotResults"] = [_delete_snapshot(call, image.snapshot_id)]
    return result


def _delete_snapshot(call: Call, snapshot_id: str) -> Result:
    snapshot = SNAPSHOTS.get(call.tx, snapshot_id)
    if snapshot is None or snapshot.account != call.account:
        return {"SnapshotId": snapshot_id, "ReturnCode": "client-error"}
    if IMAGES.where(call.tx, "snapshot", snapshot_id):
        return {"SnapshotId": snapshot_id, "ReturnCode": "skipped"}
    SNAPSHOTS.put(call.tx, replace(snapshot, wanted=False, generation=snapshot.generation + 1))
    return {"SnapshotId": snapshot_id, "ReturnCode": "success"}


@honours(
    "Name",
    "Description",
    "SourceImageId",
    "SourceRegion",
    "CopyImageTags",
    "TagSpecifications",
    "ClientToken",
    "Encrypted",
    only={"KmsKeyId": disks.DEFAULT_KEY},
)
def copy_image(call: Call, params: Params) -> Result:
    """Within the region a copy has the same layers; they are kept until nobody uses them."""
    if params["SourceRegion"] != call.region:
        raise AwsError(
            "InvalidRequest", f"The source region {params['SourceRegion']} does not exist: this region is alone."
        )
    source, snapshot = require_launchable(call, params["SourceImageId"])
    _check_name(call, params["Name"])
    given = tags.specified(params.get("TagSpecifications"), "image", "snapshot", by=call.principal)
    image_id = call.new_id("ami")
    copy = replace(
        snapshot,
        id=call.new_id("snap"),
        account=call.account,
        tags=given["snapshot"],
        volume_id=None,
        description=f"Copied for DestinationAmi {image_id} from SourceAmi {source.id} "
        f"for SourceSnapshot {snapshot.id}.",
        encrypted=snapshot.encrypted or params.get("Encrypted", False),
        started_at=call.now,
        completed_at=None,
        captured=False,
        generation=1,
        reason="not looked at yet",
    )
    SNAPSHOTS.put(call.tx, copy)
    kept = source.tags if params.get("CopyImageTags") and source.account == call.account else {}
    image = replace(
        source,
        id=image_id,
        account=call.account,
        tags={**kept, **given["image"]},
        name=params["Name"],
        description=params.get("Description", source.description),
        snapshot_id=copy.id,
        public=False,
        created_at=call.now,
        source_instance_id=None,
        source_image_id=source.id,
        deprecate_at=None,
    )
    IMAGES.put(call.tx, image)
    return {"ImageId": image.id}


@honours("ImageId", "Attribute", "Description", "Value")
def modify_image_attribute(call: Call, params: Params) -> Result:
    """The description.  Launch permissions would let in other accounts, and there is none."""
    image = require_own(call, params["ImageId"])
    attribute = params.get("Attribute", "description")
    if attribute != "description":
        raise AwsError("UnsupportedOperation", f"The attribute {attribute} cannot be modified in this region.")
    description = (params.get("Description") or {}).get("Value", params.get("Value"))
    if description is None:
        raise AwsError("MissingParameter", "The request must contain the parameter description")
    IMAGES.put(call.tx, replace(image, description=description))
    return {}


@honours("ImageId", "Attribute")
def describe_image_attribute(call: Call, params: Params) -> Result:
    image, attribute = require_own(call, params["ImageId"]), params["Attribute"]
    snapshot = SNAPSHOTS.get(call.tx, image.snapshot_id)
    shown: dict[str, Any] = {
        "description": {"Description": {"Value": image.description}},
        "launchPermission": {"LaunchPermissions": []},
        "productCodes": {"ProductCodes": []},
        "blockDeviceMapping": {"BlockDeviceMappings": view(image, snapshot)["BlockDeviceMappings"]},
        "kernel": {"KernelId": {}},
        "ramdisk": {"RamdiskId": {}},
        "sriovNetSupport": {"SriovNetSupport": {"Value": "simple"}},
    }
    if attribute not in shown:
        raise AwsError("UnsupportedOperation", f"The attribute {attribute} is not supported in this region.")
    return {"ImageId": image.id, **shown[attribute]}


@honours("ImageId", "DeprecateAt")
def enable_image_deprecation(call: Call, params: Params) -> Result:
    image = require_own(call, params["ImageId"])
    if params["DeprecateAt"] <= call.now:
        raise AwsError("InvalidParameterValue", "The deprecation date must be in the future.")
    IMAGES.put(call.tx, replace(image, deprecate_at=params["DeprecateAt"]))
    return {"Return": True}


@honours("ImageId")
def disable_image_deprecation(call: Call, params: Params) -> Result:
    IMAGES.put(call.tx, replace(require_own(call, params["ImageId"]), deprecate_at=None))
    return {"Return": True}


OPERATIONS: dict[str, Operation] = {
    "CopyImage": copy_image,
    "CreateImage": create_image,
    "DeregisterImage": deregister_image,
    "DescribeImageAttribute": describe_image_attribute,
    "DescribeImages": describe_images,
    "DisableImageDeprecation": disable_image_deprecation,
    "EnableImageDeprecation": enable_image_deprecation,
    "ModifyImageAttribute": modify_image_attribute,
    "RegisterImage": register_image,
}
