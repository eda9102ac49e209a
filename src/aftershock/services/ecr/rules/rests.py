"""What is left over in a repository, and when it goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aftershock.services.ecr.records import Layer, Upload


@dataclass(frozen=True, slots=True)
class Plan:
    layers: tuple[Layer, ...]
    uploads: tuple[Upload, ...]
    next_at: datetime | None  # when there may be more


def plan(layers: Sequence[Layer], uploads: Sequence[Upload], now: datetime) -> Plan:
    """Layers that no image has and uploads that nobody goes on with, whose time is over."""
    times = [layer.kept_until for layer in layers if layer.kept_until is not None]
    times += [upload.kept_until for upload in uploads]
    return Plan(
        layers=tuple(layer for layer in layers if layer.kept_until is not None and layer.kept_until <= now),
        uploads=tuple(upload for upload in uploads if upload.kept_until <= now),
        next_at=min((at for at in times if at > now), default=None),
    )
