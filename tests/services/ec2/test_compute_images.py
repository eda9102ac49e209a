"""Images, volumes and snapshots: what is captured, and how long it is kept."""

from pathlib import Path
from typing import Any

import pytest

from aftershock.services.ec2.records.image import DEBIAN
from tests.services.ec2.compute import Compute
from tests.services.ec2.ground import BASE


@pytest.fixture
def ec2(tmp_path: Path) -> Compute:
    return Compute(tmp_path / "region.db")


def image(ec2: Compute, image_id: str) -> dict[str, Any]:
    (found,) = ec2.call("DescribeImages", ImageIds=[image_id])["Images"]
    return dict(found)


def golden(ec2: Compute, **params: Any) -> tuple[str, str]:
    instance_id = ec2.running()
    return instance_id, ec2.call("CreateImage", InstanceId=instance_id, Name="golden", **params)["ImageId"]


def test_the_base_image_is_debians(ec2: Compute) -> None:
    found = image(ec2, ec2.image)
    assert (found["OwnerId"], found["State"], found["Public"]) == (DEBIAN, "available", True)
    assert found["Name"].startswith("debian-12-amd64-")
    (snapshot,) = ec2.call("DescribeSnapshots", OwnerIds=[DEBIAN])["Snapshots"]
    assert snapshot["SnapshotId"] == found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert ec2.refusal("DeregisterImage", ImageId=ec2.image)[0] == "AuthFailure"


def test_an_image_is_pending_until_its_layer_is_there(ec2: Compute) -> None:
    instance_id, image_id = golden(ec2, NoReboot=True)
    assert image(ec2, image_id)["State"] == "pending"
    code, message = ec2.refusal("RunInstances", ImageId=image_id, InstanceType="t2.nano", MinCount=1, MaxCount=1)
    assert code == "InvalidAMIID.Unavailable" and "pending" in message
    ec2.settle()
    found = image(ec2, image_id)
    snapshot_id = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert found["State"] == "available" and found["SourceInstanceId"] == instance_id
    assert snapshot_id in ec2.ground.layers
    assert not ec2.ground.captured_running
    assert ec2.ground.starts == [instance_id]


def test_without_no_reboot_the_instance_is_down_while_its_disk_is_captured(ec2: Compute) -> None:
    instance_id, image_id = golden(ec2)
    ec2.settle()
    assert image(ec2, image_id)["State"] == "available"
    assert ec2.state(instance_id) == "running"
    assert ec2.ground.starts == [instance_id, instance_id]
    assert not ec2.ground.captured_running


def test_an_instance_of_an_image_is_stacked_on_its_layers(ec2: Compute) -> None:
    _, first = golden(ec2, NoReboot=True)
    ec2.settle()
    instance_id = ec2.running(ImageId=first)
    second = ec2.call("CreateImage", InstanceId=instance_id, Name="platinum", NoReboot=True)["ImageId"]
    ec2.settle()
    last = ec2.running(ImageId=second)
    layers = ec2.ground.specs[last].layers
    assert layers[0] == BASE
    assert list(layers[1:]) == [
        image(ec2, one)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] for one in (first, second)
    ]


def test_a_layer_stays_as_long_as_anything_is_stacked_on_it(ec2: Compute) -> None:
    _, image_id = golden(ec2, NoReboot=True)
    ec2.settle()
    snapshot_id = image(ec2, image_id)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    code, message = ec2.refusal("DeleteSnapshot", SnapshotId=snapshot_id)
    assert (code, message) == (
        "InvalidSnapshot.InUse",
        f"The snapshot {snapshot_id} is currently in use by {image_id}",
    )
    instance_id = ec2.running(ImageId=image_id)
    ec2.call("DeregisterImage", ImageId=image_id)
    assert ec2.refusal("DescribeImages", ImageIds=[image_id])[0] == "InvalidAMIID.NotFound"
    ec2.call("DeleteSnapshot", SnapshotId=snapshot_id)
    ec2.settle()
    assert ec2.refusal("DescribeSnapshots", SnapshotIds=[snapshot_id])[0] == "InvalidSnapshot.NotFound"
    assert snapshot_id in ec2.ground.layers
    ec2.call("StopInstances", InstanceIds=[instance_id])
    ec2.settle()
    ec2.call("StartInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert ec2.state(instance_id) == "running"
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert snapshot_id not in ec2.ground.layers


def test_a_snapshot_of_a_stopped_instance_becomes_an_image_again(ec2: Compute) -> None:
    instance_id = ec2.running()
    ec2.call("StopInstances", InstanceIds=[instance_id])
    ec2.settle()
    volume_id = ec2.instance(instance_id)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    made = ec2.call("CreateSnapshot", VolumeId=volume_id, Description="before the change")
    assert made["State"] == "pending" and made["Progress"] == "0%"
    ec2.settle()
    (snapshot,) = ec2.call("DescribeSnapshots", OwnerIds=["self"])["Snapshots"]
    assert snapshot["State"] == "completed" and snapshot["Progress"] == "100%"
    registered = ec2.call(
        "RegisterImage",
        Name="restored",
        Architecture="x86_64",
        RootDeviceName="/dev/xvda",
        VirtualizationType="hvm",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot["SnapshotId"]}}],
    )["ImageId"]
    assert ec2.running(ImageId=registered)


def test_a_copy_has_the_same_layers_and_outlives_its_source(ec2: Compute) -> None:
    _, image_id = golden(ec2, NoReboot=True)
    ec2.settle()
    copy = ec2.call("CopyImage", Name="copy", SourceImageId=image_id, SourceRegion="us-east-1")["ImageId"]
    ec2.settle()
    ec2.call("DeregisterImage", ImageId=image_id, DeleteAssociatedSnapshots=True)
    ec2.settle()
    assert image(ec2, copy)["State"] == "available"
    assert ec2.running(ImageId=copy)


def test_an_image_of_a_volume_that_went_away_fails_and_says_why(ec2: Compute) -> None:
    instance_id, image_id = golden(ec2, NoReboot=True)
    volume_id = ec2.instance(instance_id)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ec2.ground.volumes.discard(volume_id)
    ec2.ground.end(instance_id, "poweroff")
    with ec2.store.transaction() as tx:
        from aftershock.services.ec2.records.volume import VOLUMES

        VOLUMES.forget(tx, volume_id)
    ec2.settle()
    found = image(ec2, image_id)
    assert found["State"] == "failed"
    assert volume_id in found["StateReason"]["Message"]


@pytest.mark.parametrize(
    "operation, params, code",
    [
        ("CreateImage", {"InstanceId": "i-01234567", "Name": "golden"}, "InvalidInstanceID.NotFound"),
        ("CreateImage", {"InstanceId": "x", "Name": "golden"}, "InvalidInstanceID.Malformed"),
        ("DescribeImages", {"ImageIds": ["ami-01234567"]}, "InvalidAMIID.NotFound"),
        ("DescribeImages", {"ImageIds": ["debian"]}, "InvalidAMIID.Malformed"),
        ("DescribeImages", {"Filters": [{"Name": "nonsense", "Values": ["x"]}]}, "InvalidParameterValue"),
        ("CreateSnapshot", {"VolumeId": "vol-0123"}, "InvalidVolume.NotFound"),
        ("DeleteSnapshot", {"SnapshotId": "snap-01234567"}, "InvalidSnapshot.NotFound"),
        ("DeleteVolume", {"VolumeId": "vol-0123"}, "InvalidVolume.NotFound"),
        ("CreateVolume", {"AvailabilityZone": "us-east-1a", "Size": 1}, "UnsupportedOperation"),
        ("AttachVolume", {"Device": "/dev/sdf", "InstanceId": "i-0", "VolumeId": "vol-0"}, "UnsupportedOperation"),
        ("CopyImage", {"Name": "copy", "SourceImageId": "ami-0", "SourceRegion": "eu-west-1"}, "InvalidRequest"),
        ("RegisterImage", {"Name": "mine"}, "UnsupportedOperation"),
    ],
)
def test_what_is_refused(ec2: Compute, operation: str, params: dict[str, Any], code: str) -> None:
    assert ec2.refusal(operation, **params)[0] == code


def test_names_of_images_are_unique_and_well_formed(ec2: Compute) -> None:
    instance_id, _ = golden(ec2)
    assert ec2.refusal("CreateImage", InstanceId=instance_id, Name="golden")[0] == "InvalidAMIName.Duplicate"
    assert ec2.refusal("CreateImage", InstanceId=instance_id, Name="a;b")[0] == "InvalidAMIName.Malformed"


def test_a_volume_in_use_is_not_deleted(ec2: Compute) -> None:
    instance_id = ec2.running()
    (volume,) = ec2.call("DescribeVolumes", Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}])[
        "Volumes"
    ]
    assert volume["State"] == "in-use"
    assert ec2.refusal("DeleteVolume", VolumeId=volume["VolumeId"])[0] == "VolumeInUse"
