"""Every table that EC2 keeps."""

from typing import Any

from aftershock.store import Table

from .address import ADDRESSES, POOLS
from .client_token import CLIENT_TOKENS
from .image import IMAGES
from .instance import HEALTH, INSTANCES
from .internet_gateway import INTERNET_GATEWAYS
from .key_pair import KEY_PAIRS
from .launch_template import LAUNCH_TEMPLATE_VERSIONS, LAUNCH_TEMPLATES
from .metadata_key import METADATA_KEYS
from .nat_gateway import NAT_GATEWAYS
from .network_acl import NETWORK_ACLS
from .network_interface import NETWORK_INTERFACES
from .reserved_instances import RESERVED_INSTANCES
from .route_table import ROUTE_TABLES
from .security_group import SECURITY_GROUPS
from .snapshot import SNAPSHOTS
from .subnet import SUBNETS
from .volume import VOLUMES
from .vpc import DHCP_OPTIONS, VPCS
from .zone_outage import DISRUPTIONS, ZONE_OUTAGES

TABLES: tuple[Table[Any], ...] = (
    ADDRESSES,
    CLIENT_TOKENS,
    DHCP_OPTIONS,
    DISRUPTIONS,
    HEALTH,
    IMAGES,
    INSTANCES,
    INTERNET_GATEWAYS,
    KEY_PAIRS,
    LAUNCH_TEMPLATES,
    LAUNCH_TEMPLATE_VERSIONS,
    METADATA_KEYS,
    NAT_GATEWAYS,
    NETWORK_ACLS,
    NETWORK_INTERFACES,
    POOLS,
    RESERVED_INSTANCES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SNAPSHOTS,
    SUBNETS,
    VOLUMES,
    VPCS,
    ZONE_OUTAGES,
)
