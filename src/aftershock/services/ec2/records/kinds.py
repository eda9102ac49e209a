"""Every kind of EC2 resource: its type's name, the prefix of its ids, its table, and what AWS says of a missing one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aftershock.aws.call import Tx
from aftershock.aws.errors import AwsError
from aftershock.store import Table

from .address import ADDRESSES
from .internet_gateway import INTERNET_GATEWAYS
from .key_pair import KEY_PAIRS
from .nat_gateway import NAT_GATEWAYS
from .network_acl import NETWORK_ACLS
from .network_interface import NETWORK_INTERFACES
from .resource import Resource
from .route_table import ROUTE_TABLES
from .security_group import SECURITY_GROUPS
from .subnet import SUBNETS
from .vpc import DHCP_OPTIONS, VPCS

R = TypeVar("R", bound=Resource)

_BODY = re.compile(r"[0-9a-f]{8}(?:[0-9a-f]{9})?")  # EC2 user guide, "Resource IDs": the short form is the older


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    type: str  # as in TagSpecifications and DescribeTags
    prefix: str
    table: Table[R]
    missing: str  # the code of AWS's error
    missing_message: str  # with the id in the place of {}
    malformed: str | None = None  # the code for what is no such id at all, where AWS tells it apart

    def get(self, tx: Tx, account: str, key: str) -> R | None:
        record = self.table.get(tx, key)
        return record if record is not None and record.account == account else None

    def require(self, tx: Tx, account: str, key: str) -> R:
        """
        Raises:
            AwsError: the kind's own code for what is malformed or missing.
        """
        record = self.get(tx, account, key)
        if record is not None:
            return record
        if self.malformed and not (key.startswith(f"{self.prefix}-") and _BODY.fullmatch(key, len(self.prefix) + 1)):
            raise AwsError(self.malformed, f'Invalid id: "{key}" (expecting "{self.prefix}-...")')
        raise AwsError(self.missing, self.missing_message.format(key))

    def every(self, tx: Tx, account: str) -> list[R]:
        return [record for record in self.table.every(tx) if record.account == account]


VPC = Kind("vpc", "vpc", VPCS, "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist")
DHCP_OPTIONS_SET = Kind(
    "dhcp-options",
    "dopt",
    DHCP_OPTIONS,
    "InvalidDhcpOptionID.NotFound",
    "The dhcpOption ID '{}' does not exist",
)
SUBNET = Kind("subnet", "subnet", SUBNETS, "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist")
ROUTE_TABLE = Kind(
    "route-table",
    "rtb",
    ROUTE_TABLES,
    "InvalidRouteTableID.NotFound",
    "The routeTable ID '{}' does not exist",
    malformed="InvalidRouteTableId.Malformed",
)
INTERNET_GATEWAY = Kind(
    "internet-gateway",
    "igw",
    INTERNET_GATEWAYS,
    "InvalidInternetGatewayID.NotFound",
    "The internetGateway ID '{}' does not exist",
)
NETWORK_ACL = Kind(
    "network-acl",
    "acl",
    NETWORK_ACLS,
    "InvalidNetworkAclID.NotFound",
    "The networkAcl ID '{}' does not exist",
    malformed="InvalidNetworkAclId.Malformed",
)
SECURITY_GROUP = Kind(
    "security-group",
    "sg",
    SECURITY_GROUPS,
    "InvalidGroup.NotFound",
    "The security group '{}' does not exist",
    malformed="InvalidGroupId.Malformed",
)
NETWORK_INTERFACE = Kind(
    "network-interface",
    "eni",
    NETWORK_INTERFACES,
    "InvalidNetworkInterfaceID.NotFound",
    "The networkInterface ID '{}' does not exist",
    malformed="InvalidNetworkInterfaceId.Malformed",
)
NAT_GATEWAY = Kind(
    "natgateway",
    "nat",
    NAT_GATEWAYS,
    "NatGatewayNotFound",
    "The Nat Gateway {} was not found",
    malformed="NatGatewayMalformed",
)
ELASTIC_IP = Kind(
    "elastic-ip",
    "eipalloc",
    ADDRESSES,
    "InvalidAllocationID.NotFound",
    "The allocation ID '{}' does not exist",
)
KEY_PAIR = Kind("key-pair", "key", KEY_PAIRS, "InvalidKeyPair.NotFound", "The key pair '{}' does not exist")

NETWORK_KINDS: tuple[Kind[Any], ...] = (
    VPC,
    DHCP_OPTIONS_SET,
    SUBNET,
    ROUTE_TABLE,
    INTERNET_GATEWAY,
    NETWORK_ACL,
    SECURITY_GROUP,
    NETWORK_INTERFACE,
    NAT_GATEWAY,
    ELASTIC_IP,
    KEY_PAIR,
)


def by_prefix(kinds: tuple[Kind[Any], ...]) -> Mapping[str, Kind[Any]]:
    return {kind.prefix: kind for kind in kinds}
