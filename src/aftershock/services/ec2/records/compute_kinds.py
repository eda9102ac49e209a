"""The kinds of resources on EC2's compute side, and all its tables."""

from typing import Any

from aftershock.store import Table

from .image import IMAGES
from .instance import HEALTH, INSTANCES
from .kinds import Kind
from .launch_template import LAUNCH_TEMPLATE_VERSIONS, LAUNCH_TEMPLATES
from .metadata_key import METADATA_KEYS
from .reserved_instances import RESERVED_INSTANCES
from .snapshot import SNAPSHOTS
from .volume import VOLUMES

INSTANCE = Kind(
    "instance",
    "i",
    INSTANCES,
    "InvalidInstanceID.NotFound",
    "The instance ID '{}' does not exist",
    malformed="InvalidInstanceID.Malformed",
)
VOLUME = Kind("volume", "vol", VOLUMES, "InvalidVolume.NotFound", "The volume '{}' does not exist.")
SNAPSHOT = Kind(
    "snapshot",
    "snap",
    SNAPSHOTS,
    "InvalidSnapshot.NotFound",
    "The snapshot '{}' does not exist.",
    malformed="InvalidSnapshotID.Malformed",
)
IMAGE = Kind(
    "image",
    "ami",
    IMAGES,
    "InvalidAMIID.NotFound",
    "The image id '[{}]' does not exist",
    malformed="InvalidAMIID.Malformed",
)
LAUNCH_TEMPLATE = Kind(
    "launch-template",
    "lt",
    LAUNCH_TEMPLATES,
    "InvalidLaunchTemplateId.NotFound",
    "The specified launch template, with template ID {}, does not exist.",
    malformed="InvalidLaunchTemplateId.Malformed",
)

COMPUTE_KINDS: tuple[Kind[Any], ...] = (INSTANCE, VOLUME, SNAPSHOT, IMAGE, LAUNCH_TEMPLATE)

COMPUTE_TABLES: tuple[Table[Any], ...] = (
    INSTANCES,
    HEALTH,
    VOLUMES,
    SNAPSHOTS,
    IMAGES,
    LAUNCH_TEMPLATES,
    LAUNCH_TEMPLATE_VERSIONS,
    METADATA_KEYS,
    RESERVED_INSTANCES,
)
