"""Amazon Elastic Compute Cloud: instances, images, volumes, and the virtual private clouds they are in."""

from aftershock.aws.call import Tx

from .bootstrap import base_image, default_vpc, ground_is_new
from .controllers.base_image import BaseImageController
from .controllers.metadata import CredentialsOf
from .controllers.registry import controllers
from .controllers.zones import Others
from .identity import instance_shown
from .lookups import INSTANCE_TABLE, instance_seen, subnet_seen, vpc_of_group, vpc_seen, zone_names
from .metadata import RoleCredentials
from .metrics import InstanceMetrics, wires
from .migrations import MIGRATIONS
from .networks import NETWORK_TABLES, networks
from .operations import refused
from .operations.outside import Outside, Profile
from .operations.registry import operations
from .records import image
from .records.snapshot import SNAPSHOTS
from .records.tables import TABLES
from .records.vpc import VPCS
from .rules.capacity import Host
from .service_interfaces import INTERFACE_TABLE, ServiceInterface, ServiceInterfaces
from .usage import reservations, usage
from .zone_outages import (
    OUTAGE_TABLES,
    OutageSeen,
    begin_disruption,
    begin_outage,
    dark_zones,
    end_outages,
    outage,
    struck_zones,
)

BASE_IMAGE_KIND = BaseImageController.kind
REFUSED = frozenset(refused.OPERATIONS)  # operations whose only answer is why the region does not have them

__all__ = [
    "BASE_IMAGE_KIND",
    "INSTANCE_TABLE",
    "INTERFACE_TABLE",
    "MIGRATIONS",
    "NETWORK_TABLES",
    "OUTAGE_TABLES",
    "REFUSED",
    "TABLES",
    "CredentialsOf",
    "Host",
    "InstanceMetrics",
    "Others",
    "OutageSeen",
    "Outside",
    "Profile",
    "RoleCredentials",
    "ServiceInterface",
    "ServiceInterfaces",
    "base_image",
    "base_image_id",
    "begin_disruption",
    "begin_outage",
    "controllers",
    "dark_zones",
    "default_vpc",
    "end_outages",
    "ground_is_new",
    "instance_seen",
    "instance_shown",
    "is_base_image_available",
    "is_routed",
    "networks",
    "operations",
    "outage",
    "reservations",
    "struck_zones",
    "subnet_seen",
    "usage",
    "vpc_of_group",
    "vpc_seen",
    "wires",
    "zone_names",
]


def base_image_id(tx: Tx) -> str | None:
    """The id of the region's base AMI; None before the region first knew what it will be."""
    found = image.base(tx)
    return found.id if found else None


def is_base_image_available(tx: Tx) -> bool:
    """Whether the base AMI is told to be there, so that it can be launched."""
    found = image.base(tx)
    snapshot = SNAPSHOTS.get(tx, found.snapshot_id) if found else None
    return snapshot is not None and snapshot.captured


def is_routed(tx: Tx) -> bool:
    """Whether every VPC's router was seen, so that a machine would have a network at once."""
    return all(vpc.ready for vpc in VPCS.every(tx))
