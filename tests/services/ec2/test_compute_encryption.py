"""That a volume is encrypted is recorded, and handed on to whatever is made from it."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.services.ec2.compute import Compute

KEY = re.compile(r"arn:aws:kms:us-east-1:\d{12}:key/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ENCRYPTED = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]


@pytest.fixture
def ec2(tmp_path: Path) -> Compute:
    return Compute(tmp_path / "region.db")


def volume_of(ec2: Compute, instance_id: str) -> dict[str, Any]:
    filters = [{"Name": "attachment.instance-id", "Values": [instance_id]}]
    (found,) = ec2.call("DescribeVolumes", Filters=filters)["Volumes"]
    return dict(found)


@pytest.mark.parametrize("ebs", [{"Encrypted": True}, {"Encrypted": True, "KmsKeyId": "alias/aws/ebs"}])
def test_a_root_disk_may_be_called_encrypted_with_the_accounts_own_key(ec2: Compute, ebs: dict[str, Any]) -> None:
    volume = volume_of(ec2, ec2.run(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": ebs}]))
    assert volume["Encrypted"] is True and KEY.fullmatch(volume["KmsKeyId"])
    plain = volume_of(ec2, ec2.run(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": False}}]))
    assert plain["Encrypted"] is False and "KmsKeyId" not in plain
    found = ec2.call("DescribeVolumes", Filters=[{"Name": "encrypted", "Values": ["true"]}])["Volumes"]
    assert [one["VolumeId"] for one in found] == [volume["VolumeId"]]


def test_a_launch_template_may_say_so_too(ec2: Compute) -> None:
    data = {"BlockDeviceMappings": ENCRYPTED, "InstanceType": "t2.micro"}
    ec2.call("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=data)
    assert volume_of(ec2, ec2.run(LaunchTemplate={"LaunchTemplateName": "web"}))["Encrypted"] is True
    data["BlockDeviceMappings"] = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": "mine"}}]
    refused = ec2.refusal("CreateLaunchTemplate", LaunchTemplateName="other", LaunchTemplateData=data)
    assert refused[0] == "UnsupportedOperation" and "KmsKeyId" in refused[1]


def test_snapshots_images_and_what_is_launched_from_them_are_encrypted_as_well(ec2: Compute) -> None:
    instance_id = ec2.run(BlockDeviceMappings=ENCRYPTED)
    ec2.settle()
    key = volume_of(ec2, instance_id)["KmsKeyId"]
    image_id = ec2.call("CreateImage", InstanceId=instance_id, Name="encrypted", NoReboot=True)["ImageId"]
    ec2.settle()
    (image,) = ec2.call("DescribeImages", ImageIds=[image_id])["Images"]
    ebs = image["BlockDeviceMappings"][0]["Ebs"]
    assert ebs["Encrypted"] is True
    filters = [{"Name": "block-device-mapping.encrypted", "Values": ["true"]}]
    assert [one["ImageId"] for one in ec2.call("DescribeImages", Filters=filters)["Images"]] == [image_id]
    (snapshot,) = ec2.call("DescribeSnapshots", SnapshotIds=[ebs["SnapshotId"]])["Snapshots"]
    assert (snapshot["Encrypted"], snapshot["KmsKeyId"]) == (True, key)
    # AWS: nothing makes unencrypted what was encrypted.
    plainly = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": False}}]
    assert volume_of(ec2, ec2.run(ImageId=image_id, BlockDeviceMappings=plainly))["Encrypted"] is True


def test_an_image_is_encrypted_as_its_disk_is_or_by_a_copy(ec2: Compute) -> None:
    instance_id = ec2.run()
    ec2.settle()
    asked = {"InstanceId": instance_id, "Name": "plain", "NoReboot": True}
    assert ec2.refusal("CreateImage", **asked, BlockDeviceMappings=ENCRYPTED) == (
        "InvalidBlockDeviceMapping",
        "the encrypted flag cannot be specified since device /dev/xvda has a snapshot specified.",
    )
    image_id = ec2.call("CreateImage", **asked)["ImageId"]
    ec2.settle()
    copy = {"SourceImageId": image_id, "SourceRegion": "us-east-1", "Name": "copy"}
    assert ec2.refusal("CopyImage", **copy, Encrypted=True, KmsKeyId="mine")[0] == "UnsupportedOperation"
    copied = ec2.call("CopyImage", **copy, Encrypted=True)["ImageId"]
    (image,) = ec2.call("DescribeImages", ImageIds=[copied])["Images"]
    assert image["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
