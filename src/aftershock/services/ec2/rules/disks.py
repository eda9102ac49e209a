"""Root disks: what a block device mapping may say of one, and what it is without one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aftershock.aws.errors import AwsError

# AWS's ranges, "Amazon EBS volume types": sizes in GiB, and the IOPS where they are provisioned.
SIZES = {
    "gp2": (1, 16384),
    "gp3": (1, 65536),
    "io1": (4, 16384),
    "io2": (4, 65536),
    "st1": (125, 16384),
    "sc1": (125, 16384),
    "standard": (1, 1024),
}
PROVISIONED = {"io1": (100, 64000), "io2": (100, 256000), "gp3": (3000, 80000)}
GP3_IOPS, GP3_THROUGHPUT = 3000, 125
NOT_FOR_ROOT = ("st1", "sc1")
DEFAULT_KEY = "alias/aws/ebs"  # the account's key, with which volumes are encrypted unless another one is named
INSTANCE_STORE = re.compile(r"ephemeral\d+")


@dataclass(frozen=True, slots=True)
class RootDisk:
    size_gib: int
    kind: str
    iops: int | None
    throughput: int | None  # MiB/s
    delete_on_termination: bool
    encrypted: bool


def default_key(account: str, region: str) -> str:
    """The ARN of the account's key for volumes: the same one always."""
    return f"arn:aws:kms:{region}:{account}:key/{uuid5(NAMESPACE_URL, f'{DEFAULT_KEY} {region} {account}')}"


def without_instance_store(mappings: Iterable[Mapping[str, Any]], device: str) -> list[Mapping[str, Any]]:
    """For a type that has no instance store volumes.

    AWS: "If the number of instance store volumes in a block device mapping exceeds the number of instance store
    volumes available to an instance, the additional volumes are ignored".
    """
    return [
        one
        for one in mappings
        if one.get("DeviceName") in (None, "", device)
        or one.get("Ebs")
        or not INSTANCE_STORE.fullmatch(one.get("VirtualName") or "")
    ]


def check_encryption_stays(mappings: Iterable[Mapping[str, Any]], encrypted: bool) -> None:
    """An image's root disk is encrypted if what it is made from is.

    Raises:
        AwsError: InvalidBlockDeviceMapping
    """
    for one in mappings:
        if (one.get("Ebs") or {}).get("Encrypted", encrypted) != encrypted:
            raise AwsError(
                "InvalidBlockDeviceMapping",
                f"the encrypted flag cannot be specified since device {one.get('DeviceName')} has a snapshot "
                "specified.",
            )


def root_disk(
    mappings: Iterable[Mapping[str, Any]],
    *,
    device: str,
    snapshot_id: str,
    size_gib: int,
    kind: str,
    delete_on_termination: bool,
    encrypted: bool,
) -> RootDisk:
    """The root disk that the image's own mapping and these mappings make together.

    AWS: what is made from an encrypted snapshot is encrypted, whatever is asked for.

    Raises:
        AwsError: a mapping for another device, or one that the root device cannot have.
    """
    ebs: dict[str, Any] = {}
    for mapping in mappings:
        name = mapping.get("DeviceName")
        if not name:
            raise AwsError("InvalidBlockDeviceMapping", "deviceName is missing")
        if name != device and mapping.get("NoDevice") is not None:
            continue  # it is left out, which it is anyway
        if name != device:
            raise AwsError(
                "UnsupportedOperation",
                f"The device {name} is not supported in this region: an instance has its root device {device} and "
                "no other.",
            )
        if mapping.get("NoDevice") is not None or mapping.get("VirtualName") is not None:
            raise AwsError("InvalidBlockDeviceMapping", f"The root device {device} must be an EBS volume")
        ebs.update(mapping.get("Ebs") or {})
    if ebs.get("SnapshotId") not in (None, "", snapshot_id):
        raise AwsError("InvalidBlockDeviceMapping", "snapshotId cannot be modified on root device")
    _check_key(ebs)
    chosen_kind = ebs.get("VolumeType") or kind
    size = ebs.get("VolumeSize") or size_gib
    if size < size_gib:
        raise AwsError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot '{snapshot_id}', expect size >= {size_gib}GB",
        )
    iops, throughput = performance(chosen_kind, size, ebs.get("Iops"), ebs.get("Throughput"))
    return RootDisk(
        size_gib=size,
        kind=chosen_kind,
        iops=iops,
        throughput=throughput,
        delete_on_termination=ebs.get("DeleteOnTermination", delete_on_termination),
        encrypted=encrypted or ebs.get("Encrypted") is True,
    )


def _check_key(ebs: Mapping[str, Any]) -> None:
    key = ebs.get("KmsKeyId")
    if key is None:
        return
    if ebs.get("Encrypted") is not True:
        raise AwsError(
            "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set."
        )
    if key != DEFAULT_KEY:
        raise AwsError(
            "UnsupportedOperation",
            f"The value ({key}) for parameter KmsKeyId is not supported in this region. "
            f"The only supported value is ({DEFAULT_KEY}).",
        )


def performance(kind: str, size_gib: int, iops: int | None, throughput: int | None) -> tuple[int | None, int | None]:
    """What is recorded of a volume's speed.

    Raises:
        AwsError: the figures do not fit the type.
    """
    if kind not in SIZES or kind in NOT_FOR_ROOT:
        raise AwsError("InvalidParameterValue", f"Invalid volume type for a root device: {kind}")
    low, high = SIZES[kind]
    if not low <= size_gib <= high:
        raise AwsError(
            "InvalidParameterValue",
            f"Volume of {size_gib}GiB is {'too small' if size_gib < low else 'too large'} for volume type {kind}; "
            f"{'minimum' if size_gib < low else 'maximum'} is {low if size_gib < low else high}GiB.",
        )
    if iops is not None and kind not in PROVISIONED:
        raise AwsError("InvalidParameterCombination", f"The parameter iops is not supported for {kind} volumes.")
    if throughput is not None and kind != "gp3":
        raise AwsError("InvalidParameterCombination", f"The parameter throughput is not supported for {kind} volumes.")
    if iops is None and kind in ("io1", "io2"):
        raise AwsError("MissingParameter", "The request must contain the parameter iops")
    if iops is not None:
        least, most = PROVISIONED[kind]
        if not least <= iops <= most:
            raise AwsError(
                "InvalidParameterValue",
                f"Volume iops of {iops} is {'too low' if iops < least else 'too high'}; "
                f"{'minimum' if iops < least else 'maximum'} is {least if iops < least else most}.",
            )
    if kind == "gp3":
        return iops or GP3_IOPS, throughput or GP3_THROUGHPUT
    if kind == "gp2":
        # AWS: "a baseline performance of 3 IOPS per GiB, with a minimum of 100 and a maximum of 16,000 IOPS"
        return max(100, min(16000, 3 * size_gib)), None
    return iops, None
