"""Machine images.  Whether one is there stands with its snapshot, and nowhere else."""

from datetime import datetime

from aftershock.aws.call import Tx
from aftershock.store import Table

from .resource import Resource

DEBIAN = "136693071363"  # the account that publishes Debian's official images on AWS


class Image(Resource, frozen=True, kw_only=True):
    """`account` is the owner; the base image belongs to Debian's account, as on AWS."""

    name: str
    description: str = ""
    architecture: str
    snapshot_id: str
    size_gib: int
    volume_kind: str
    delete_on_termination: bool = True
    root_device: str
    public: bool = False
    created_at: datetime
    source_instance_id: str | None = None
    source_image_id: str | None = None
    deprecate_at: datetime | None = None


IMAGES = Table(
    "ec2_image",
    Image,
    indexes={"snapshot": lambda image: image.snapshot_id, "name": lambda image: f"{image.account} {image.name}"},
)


def base(tx: Tx) -> Image | None:
    """The base image of the present recipe: the newest of Debian's."""
    owned = [image for image in IMAGES.every(tx) if image.account == DEBIAN]
    return max(owned, key=lambda image: image.created_at, default=None)
