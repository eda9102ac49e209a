"""Subnets."""

from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv4Network

from msgspec.structs import replace

from aftershock.aws.arn import Arn
from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import SUBNET, VPC
from aftershock.services.ec2.records.network_acl import dissociate
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.route_table import ROUTE_TABLES
from aftershock.services.ec2.records.subnet import SUBNETS, Subnet
from aftershock.services.ec2.records.vpc import VPCS, Vpc, default_vpc
from aftershock.services.ec2.rules import addressing, tags
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.zones import Zone, zone_named, zone_with_id, zones

from .describing import Path, describe
from .vpcs import new_default_subnet, put_new_subnet, state

MAX_SUBNETS = 200  # AWS: "Subnets per VPC: 200"


@honours(
    "VpcId",
    "CidrBlock",
    "AvailabilityZone",
    "AvailabilityZoneId",
    "TagSpecifications",
    only={"Ipv6Native": False},
)
def create_subnet(call: Call, params: Params) -> Result:
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    if "CidrBlock" not in params:
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    others = SUBNETS.where(call.tx, "vpc", vpc.id)
    zone = _zone(call, params) or _emptiest(call, others)
    cidr = addressing.subnet_block(
        params["CidrBlock"], IPv4Network(vpc.cidr), [IPv4Network(other.cidr) for other in others]
    )
    if len(others) >= MAX_SUBNETS:
        raise AwsError("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
    subnet = Subnet(
        id=call.new_id("subnet"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "subnet", by=call.principal)["subnet"],
        vpc_id=vpc.id,
        cidr=str(cidr),
        zone=zone.name,
        created_at=call.now,
    )
    put_new_subnet(call, subnet)
    return {"Subnet": _view(subnet, vpc, taken=0)}


def _zone(call: Call, params: Params) -> Zone | None:
    if "AvailabilityZone" in params and "AvailabilityZoneId" in params:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameters availabilityZone and availabilityZoneId cannot be used together.",
        )
    if "AvailabilityZone" in params:
        return zone_named(call.region, params["AvailabilityZone"])
    if "AvailabilityZoneId" in params:
        return zone_with_id(call.region, params["AvailabilityZoneId"])
    return None


def _emptiest(call: Call, subnets: list[Subnet]) -> Zone:
    """AWS: "Default: Amazon Web Services selects one for you"; we spread a VPC's subnets over the zones."""
    count = Counter(subnet.zone for subnet in subnets)
    return min(zones(call.region), key=lambda zone: count[zone.name])


@honours("AvailabilityZone", "AvailabilityZoneId", only={"Ipv6Native": False})
def create_default_subnet(call: Call, params: Params) -> Result:
    zone = _zone(call, params)
    if zone is None:
        raise AwsError("MissingParameter", "The request must contain the parameter availabilityZone")
    vpc = default_vpc(call.tx, call.account)
    if vpc is None:
        raise AwsError("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
    others = SUBNETS.where(call.tx, "vpc", vpc.id)
    for other in others:
        if other.default_for_az and other.zone == zone.name:
            raise AwsError(
                "DefaultSubnetAlreadyExistsInAvailabilityZone",
                f"'{other.id}' is already the default subnet in {zone.name}.",
            )
    subnet = new_default_subnet(call, vpc, zone.name, _free_range(vpc, others))
    put_new_subnet(call, subnet)
    return {"Subnet": _view(subnet, vpc, taken=0)}


def _free_range(vpc: Vpc, others: list[Subnet]) -> IPv4Network:
    taken = [IPv4Network(other.cidr) for other in others]
    for cidr in IPv4Network(vpc.cidr).subnets(new_prefix=addressing.DEFAULT_SUBNET_PREFIX):
        if not any(cidr.overlaps(other) for other in taken):
            return cidr
    raise AwsError("InsufficientAddressCapacity", "There is not enough free address space for a default subnet.")


@honours("SubnetId")
def delete_subnet(call: Call, params: Params) -> Result:
    subnet = SUBNET.require(call.tx, call.account, params["SubnetId"])
    if NETWORK_INTERFACES.where(call.tx, "subnet", subnet.id):
        raise AwsError("DependencyViolation", f"The subnet '{subnet.id}' has dependencies and cannot be deleted.")
    for table in ROUTE_TABLES.where(call.tx, "subnet", subnet.id):
        left = tuple(one for one in table.associations if one.subnet_id != subnet.id)
        ROUTE_TABLES.put(call.tx, replace(table, associations=left))
    dissociate(call.tx, subnet.id)
    SUBNETS.forget(call.tx, subnet.id)
    return {}


@honours(
    "SubnetId",
    "MapPublicIpOnLaunch.Value",
    only={
        "AssignIpv6AddressOnCreation.Value": False,
        "EnableDns64.Value": False,
        "EnableResourceNameDnsAAAARecordOnLaunch.Value": False,
        "EnableResourceNameDnsARecordOnLaunch.Value": False,
        "MapCustomerOwnedIpOnLaunch.Value": False,
        "PrivateDnsHostnameTypeOnLaunch": "ip-name",
    },
)
def modify_subnet_attribute(call: Call, params: Params) -> Result:
    subnet = SUBNET.require(call.tx, call.account, params["SubnetId"])
    if len(params.keys() - {"SubnetId"}) > 1:
        raise AwsError("InvalidParameterCombination", "Fields for multiple attribute types specified")
    if "MapPublicIpOnLaunch" in params:
        wanted = params["MapPublicIpOnLaunch"].get("Value", False)
        SUBNETS.put(call.tx, replace(subnet, map_public_ip_on_launch=wanted))
    return {}


FILTERS: Mapping[str, Path] = {
    "availability-zone": ("AvailabilityZone",),
    "availabilityZone": ("AvailabilityZone",),
    "availability-zone-id": ("AvailabilityZoneId",),
    "availabilityZoneId": ("AvailabilityZoneId",),
    "available-ip-address-count": ("AvailableIpAddressCount",),
    "cidr": ("CidrBlock",),
    "cidr-block": ("CidrBlock",),
    "cidrBlock": ("CidrBlock",),
    "default-for-az": ("DefaultForAz",),
    "defaultForAz": ("DefaultForAz",),
    "enable-dns64": ("EnableDns64",),
    "ipv6-native": ("Ipv6Native",),
    "map-public-ip-on-launch": ("MapPublicIpOnLaunch",),
    "owner-id": ("OwnerId",),
    "state": ("State",),
    "subnet-arn": ("SubnetArn",),
    "subnet-id": ("SubnetId",),
    "vpc-id": ("VpcId",),
}


@honours("SubnetIds", "Filters", "MaxResults", "NextToken")
def describe_subnets(call: Call, params: Params) -> Result:
    taken = Counter(eni.subnet_id for eni in NETWORK_INTERFACES.every(call.tx))
    vpcs = {vpc.id: vpc for vpc in VPCS.every(call.tx)}
    return describe(
        call,
        params,
        SUBNET,
        ids="SubnetIds",
        answer="Subnets",
        filters=FILTERS,
        view=lambda subnet: _view(subnet, vpcs[subnet.vpc_id], taken[subnet.id]),
    )


def _view(subnet: Subnet, vpc: Vpc, taken: int) -> Result:
    arn = Arn(service="ec2", region=subnet.region, account=subnet.account, resource=f"subnet/{subnet.id}")
    return {
        "SubnetId": subnet.id,
        "SubnetArn": str(arn),
        "OwnerId": subnet.account,
        "VpcId": subnet.vpc_id,
        "State": state(vpc),
        "CidrBlock": subnet.cidr,
        "AvailabilityZone": subnet.zone,
        "AvailabilityZoneId": zone_named(subnet.region, subnet.zone).id,
        "AvailableIpAddressCount": addressing.capacity(IPv4Network(subnet.cidr)) - taken,
        "DefaultForAz": subnet.default_for_az,
        "MapPublicIpOnLaunch": subnet.map_public_ip_on_launch,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Ipv6Native": False,
        "EnableDns64": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "Tags": tags.view(subnet.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "CreateDefaultSubnet": create_default_subnet,
    "CreateSubnet": create_subnet,
    "DeleteSubnet": delete_subnet,
    "DescribeSubnets": describe_subnets,
    "ModifySubnetAttribute": modify_subnet_attribute,
}
