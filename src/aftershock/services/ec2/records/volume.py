"""Volumes: root disks, each the writable part of one machine's file system."""

from datetime import datetime

from aftershock.store import Table

from .resource import Resource


class Volume(Resource, frozen=True, kw_only=True):
    size_gib: int  # recorded only: no quota stands behind it
    kind: str  # "gp2", "gp3" ...; recorded only, as are the next two
    iops: int | None = None
    throughput: int | None = None
    encrypted: bool = False  # recorded only: nobody encrypts the host's disk
    zone: str
    snapshot_id: str
    layers: tuple[str, ...]  # what it is written over, lowest first
    created_at: datetime
    instance_id: str | None = None
    device: str = ""
    attached_at: datetime | None = None
    delete_on_termination: bool = True
    wanted: bool = True
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of volumes.
    exists: bool = False  # it was there when last looked at
    reason: str = "not looked at yet"


VOLUMES = Table(
    "ec2_volume",
    Volume,
    indexes={
        "instance": lambda volume: volume.instance_id,
        "layer": lambda volume: volume.layers,
    },
)
