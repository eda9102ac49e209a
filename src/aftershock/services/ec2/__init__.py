"""Amazon Elastic Compute Cloud: instances, images, volumes, and the virtual private clouds they are in."""

from aftershock.aws.call import Tx

from .bootstrap import base_image, default_vpc, ground_is_new
from .controllers.base_image import BaseImageController
from .controllers.metadata import CredentialsOf
from .controllers.registry import controllers
from .metadata import RoleCredentials
from .networks import NETWORK_TABLES, networks
from .operations import refused
from .operations.outside import Outside, Profile
from .operations.registry import operations
from .records import image
from .records.tables import TABLES
from .records.vpc import VPCS

BASE_IMAGE_KIND = BaseImageController.kind
REFUSED = frozenset(refused.OPERATIONS)  # operations whose only answer is why the region does not have them

__all__ = [
    "BASE_IMAGE_KIND",
    "NETWORK_TABLES",
    "REFUSED",
    "TABLES",
    "CredentialsOf",
    "Outside",
    "Profile",
    "RoleCredentials",
    "base_image",
    "base_image_id",
    "controllers",
    "default_vpc",
    "ground_is_new",
    "is_routed",
    "networks",
    "operations",
]


def base_image_id(tx: Tx) -> str | None:
    """The id of the region's base AMI; None before the region first knew what it will be."""
    found = image.base(tx)
    return found.id if found else None


def is_routed(tx: Tx) -> bool:
    """Whether every VPC's router was seen, so that a machine would have a network at once."""
    return all(vpc.ready for vpc in VPCS.every(tx))
