"""All operations of EC2's network side."""

from aftershock.aws.call import Operation

from . import (
    account,
    addresses,
    dhcp_options,
    internet_gateways,
    key_pairs,
    nat_gateways,
    network_acls,
    network_interfaces,
    route_tables,
    security_group_rules,
    security_groups,
    subnets,
    tags,
    vpcs,
    zones,
)

OPERATIONS: dict[str, Operation] = {
    **account.OPERATIONS,
    **addresses.OPERATIONS,
    **dhcp_options.OPERATIONS,
    **internet_gateways.OPERATIONS,
    **key_pairs.OPERATIONS,
    **nat_gateways.OPERATIONS,
    **network_acls.OPERATIONS,
    **network_interfaces.OPERATIONS,
    **route_tables.OPERATIONS,
    **security_group_rules.OPERATIONS,
    **security_groups.OPERATIONS,
    **subnets.OPERATIONS,
    **tags.OPERATIONS,
    **vpcs.OPERATIONS,
    **zones.OPERATIONS,
}
