"""Images and snapshots: what they are called in which state, and what the base image is."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from aftershock.services.ec2.records.image import DEBIAN, Image
from aftershock.services.ec2.records.snapshot import Snapshot

BASE_SIZE_GIB = 8  # of Debian's own images on AWS
BASE_DEVICE = "/dev/xvda"


def state(snapshot: Snapshot | None) -> str:
    """An image is available when what its root disk is made from is there."""
    if snapshot is None or snapshot.failed:
        return "failed"
    return "available" if snapshot.captured else "pending"


def state_reason(snapshot: Snapshot | None) -> Mapping[str, str] | None:
    if snapshot is None:
        return {"Code": "Server.InternalError", "Message": "The snapshot of the root device is not there"}
    if snapshot.failed:
        return {"Code": "Server.InternalError", "Message": snapshot.failed}
    if not snapshot.captured and snapshot.volume_id is None and snapshot.account == DEBIAN:
        return {"Code": "Server.Pending", "Message": snapshot.reason}
    return None


def location(image: Image) -> str:
    """AWS: the location of an EBS-backed image is its owner and its name."""
    return f"{image.account}/{image.name}"


def base_ids(layer: str) -> tuple[str, str]:
    """The ids of the base image and of its snapshot: the same in every region that has the same layer."""
    digest = hashlib.sha256(layer.encode()).hexdigest()[:16]
    return f"ami-0{digest}", f"snap-0{digest}"


def base_image(layer: str, region: str, made_at: datetime) -> tuple[Image, Snapshot]:
    """The base image and its snapshot, as Debian publishes them on AWS; not captured yet."""
    image_id, snapshot_id = base_ids(layer)
    name = f"debian-12-amd64-{made_at:%Y%m%d}-{layer.removeprefix('base-')[:4]}"
    image = Image(
        id=image_id,
        account=DEBIAN,
        region=region,
        name=name,
        description=f"Debian 12 ({made_at:%Y%m%d})",
        architecture="x86_64",
        snapshot_id=snapshot_id,
        size_gib=BASE_SIZE_GIB,
        volume_kind="gp3",
        root_device=BASE_DEVICE,
        public=True,
        created_at=made_at,
    )
    snapshot = Snapshot(
        id=snapshot_id,
        account=DEBIAN,
        region=region,
        volume_id=None,
        size_gib=BASE_SIZE_GIB,
        description=f"Root disk of {image_id}",
        below=(),
        layer=layer,
        started_at=made_at,
    )
    return image, snapshot
