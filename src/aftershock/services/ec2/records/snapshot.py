"""Snapshots: what a volume held at one moment, kept as a layer."""

from datetime import datetime

from aftershock.store import Table

from .resource import Resource


class Snapshot(Resource, frozen=True, kw_only=True):
    volume_id: str | None  # None: the base image's, which nobody captured
    size_gib: int
    description: str = ""
    encrypted: bool = False  # as its volume is; recorded only
    below: tuple[str, ...]  # the layers that the volume is written over, lowest first
    layer: str  # the name of the layer that holds what the volume had above them
    reboot: bool = False  # the instance is shut down meanwhile, and started again
    started_at: datetime
    wanted: bool = True
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of snapshots.
    captured: bool = False  # the layer was there, whole, when last looked at
    completed_at: datetime | None = None
    size_bytes: int = 0
    failed: str = ""  # why it never can be
    reason: str = "not looked at yet"

    @property
    def layers(self) -> tuple[str, ...]:
        """What a volume made from it is written over, lowest first."""
        return (*self.below, self.layer)

    @property
    def pending(self) -> bool:
        return not self.captured and not self.failed


SNAPSHOTS = Table(
    "ec2_snapshot",
    Snapshot,
    indexes={
        "volume": lambda snapshot: snapshot.volume_id,
        "layer": lambda snapshot: snapshot.layers,
        "pending": lambda snapshot: snapshot.volume_id if snapshot.pending else None,
    },
)
