"""VPCs, each with the main route table, the default security group and the default network ACL it is born with."""

from collections.abc import Mapping
from ipaddress import IPv4Network

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.internet_gateway import INTERNET_GATEWAYS, InternetGateway
from aftershock.services.ec2.records.kinds import VPC
from aftershock.services.ec2.records.network_acl import AS_MADE, NETWORK_ACLS, NetworkAcl, associate, default_acl
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.route_table import ROUTE_TABLES, Association, Route, RouteTable
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS, Rule, SecurityGroup
from aftershock.services.ec2.records.subnet import SUBNETS, Subnet
from aftershock.services.ec2.records.vpc import DHCP_OPTIONS, VPCS, DhcpOptions, Vpc, default_vpc
from aftershock.services.ec2.rules import addressing, tags
from aftershock.services.ec2.rules.names import internal_domain
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.zones import zones

from .describing import Path, describe

MAX_VPCS = 5  # AWS: "VPCs per Region: 5"


@honours(
    "CidrBlock",
    "TagSpecifications",
    only={"InstanceTenancy": "default", "AmazonProvidedIpv6CidrBlock": False},
)
def create_vpc(call: Call, params: Params) -> Result:
    if "CidrBlock" not in params:
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    cidr = addressing.vpc_block(params["CidrBlock"])
    vpc = _build(call, cidr, tags=tags.specified(params.get("TagSpecifications"), "vpc", by=call.principal)["vpc"])
    return {"Vpc": view(vpc)}


@honours()
def create_default_vpc(call: Call, _params: Params) -> Result:
    if default_vpc(call.tx, call.account) is not None:
        raise AwsError("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
    return {"Vpc": view(build_default(call))}


def build_default(call: Call) -> Vpc:
    """The default VPC as AWS makes it: a subnet in every zone, and a way to the internet."""
    vpc = _build(call, addressing.DEFAULT_VPC, is_default=True, dns_hostnames=True)
    ranges = addressing.DEFAULT_VPC.subnets(new_prefix=addressing.DEFAULT_SUBNET_PREFIX)
    for zone, cidr in zip(zones(call.region), ranges, strict=False):
        put_new_subnet(call, new_default_subnet(call, vpc, zone.name, cidr))
    gateway = InternetGateway(id=call.new_id("igw"), account=call.account, region=call.region, created_at=call.now)
    INTERNET_GATEWAYS.put(call.tx, gateway)
    table = next(table for table in ROUTE_TABLES.where(call.tx, "vpc", vpc.id) if table.main)
    ROUTE_TABLES.put(call.tx, replace(table, routes=(Route(destination="0.0.0.0/0", gateway_id=gateway.id),)))
    vpc = replace(vpc, internet_gateway_id=gateway.id)
    VPCS.put(call.tx, vpc)
    return vpc


def put_new_subnet(call: Call, subnet: Subnet) -> None:
    """AWS: a subnet that nobody associated "with a network ACL" is "associated with the default network ACL"."""
    SUBNETS.put(call.tx, subnet)
    associate(call.tx, default_acl(call.tx, subnet.vpc_id), subnet.id, call.new_id("aclassoc"))


def new_default_subnet(call: Call, vpc: Vpc, zone: str, cidr: IPv4Network) -> Subnet:
    return Subnet(
        id=call.new_id("subnet"),
        account=call.account,
        region=call.region,
        vpc_id=vpc.id,
        cidr=str(cidr),
        zone=zone,
        map_public_ip_on_launch=True,
        default_for_az=True,
        created_at=call.now,
    )


def _build(
    call: Call,
    cidr: IPv4Network,
    *,
    is_default: bool = False,
    dns_hostnames: bool = False,
    tags: Mapping[str, str] | None = None,
) -> Vpc:
    if len(VPCS.where(call.tx, "account", call.account)) >= MAX_VPCS:
        raise AwsError("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
    vpc = Vpc(
        id=call.new_id("vpc"),
        account=call.account,
        region=call.region,
        tags=dict(tags or {}),
        cidr=str(cidr),
        cidr_association_id=call.new_id("vpc-cidr-assoc"),
        is_default=is_default,
        dns_hostnames=dns_hostnames,
        dhcp_options_id=_default_dhcp_options(call).id,
        created_at=call.now,
    )
    VPCS.put(call.tx, vpc)
    SECURITY_GROUPS.put(call.tx, _default_group(call, vpc))
    NETWORK_ACLS.put(call.tx, _default_acl(call, vpc))
    ROUTE_TABLES.put(
        call.tx,
        RouteTable(
            id=call.new_id("rtb"),
            account=call.account,
            region=call.region,
            vpc_id=vpc.id,
            associations=(Association(id=call.new_id("rtbassoc"), subnet_id=None),),
            created_at=call.now,
        ),
    )
    return vpc


def _default_group(call: Call, vpc: Vpc) -> SecurityGroup:
    """AWS: everything in from the group itself, everything out."""
    group_id = call.new_id("sg")
    return SecurityGroup(
        id=group_id,
        account=call.account,
        region=call.region,
        name="default",
        description="default VPC security group",
        vpc_id=vpc.id,
        rules=(
            Rule(id=call.new_id("sgr"), egress=False, protocol="-1", group_id=group_id),
            Rule(id=call.new_id("sgr"), egress=True, protocol="-1", cidr="0.0.0.0/0"),
        ),
        created_at=call.now,
    )


def _default_acl(call: Call, vpc: Vpc) -> NetworkAcl:
    return NetworkAcl(
        id=call.new_id("acl"),
        account=call.account,
        region=call.region,
        vpc_id=vpc.id,
        is_default=True,
        entries=AS_MADE,
        created_at=call.now,
    )


def _default_dhcp_options(call: Call) -> DhcpOptions:
    for options in DHCP_OPTIONS.where(call.tx, "account", call.account):
        if not options.made:
            return options
    options = DhcpOptions(
        id=call.new_id("dopt"),
        account=call.account,
        region=call.region,
        domain_name=internal_domain(call.region),
    )
    DHCP_OPTIONS.put(call.tx, options)
    return options


@honours("VpcId")
def delete_vpc(call: Call, params: Params) -> Result:
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    tables = ROUTE_TABLES.where(call.tx, "vpc", vpc.id)
    groups = SECURITY_GROUPS.where(call.tx, "vpc", vpc.id)
    acls = NETWORK_ACLS.where(call.tx, "vpc", vpc.id)
    if (
        vpc.internet_gateway_id is not None
        or any(not table.main for table in tables)
        or any(group.name != "default" and group.account == vpc.account for group in groups)
        or any(not acl.is_default for acl in acls)
        or SUBNETS.where(call.tx, "vpc", vpc.id)
        or NETWORK_INTERFACES.where(call.tx, "vpc", vpc.id)
    ):
        raise AwsError("DependencyViolation", f"The vpc '{vpc.id}' has dependencies and cannot be deleted.")
    for table in tables:
        ROUTE_TABLES.forget(call.tx, table.id)
    for group in groups:
        SECURITY_GROUPS.forget(call.tx, group.id)
    for acl in acls:
        NETWORK_ACLS.forget(call.tx, acl.id)
    VPCS.forget(call.tx, vpc.id)
    return {}


@honours(
    "VpcId",
    "EnableDnsHostnames.Value",
    # A machine's only resolver is the VPC's, and the router has no way to take it away.
    only={"EnableDnsSupport.Value": True, "EnableNetworkAddressUsageMetrics.Value": False},
)
def modify_vpc_attribute(call: Call, params: Params) -> Result:
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    given = [name for name in params if name.startswith("Enable")]
    if len(given) > 1:
        raise AwsError("InvalidParameterCombination", "Fields for multiple attribute types specified")
    match given:
        case ["EnableDnsHostnames"]:
            hostnames = params["EnableDnsHostnames"].get("Value", False)
            VPCS.put(call.tx, replace(vpc, dns_hostnames=hostnames))
        case []:
            raise AwsError("MissingParameter", "The request must contain the parameter enableDnsSupport or another")
    return {}


@honours("VpcId", "Attribute")
def describe_vpc_attribute(call: Call, params: Params) -> Result:
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    attributes = {
        "enableDnsSupport": ("EnableDnsSupport", True),
        "enableDnsHostnames": ("EnableDnsHostnames", vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
    }
    if params["Attribute"] not in attributes:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({params['Attribute']}) for parameter attribute is invalid. Unknown attribute.",
        )
    name, value = attributes[params["Attribute"]]
    return {"VpcId": vpc.id, name: {"Value": value}}


FILTERS: Mapping[str, Path] = {
    "cidr": ("CidrBlock",),
    "cidr-block": ("CidrBlock",),
    "cidrBlock": ("CidrBlock",),
    "cidr-block-association.association-id": ("CidrBlockAssociationSet", "AssociationId"),
    "cidr-block-association.cidr-block": ("CidrBlockAssociationSet", "CidrBlock"),
    "cidr-block-association.state": ("CidrBlockAssociationSet", "CidrBlockState", "State"),
    "dhcp-options-id": ("DhcpOptionsId",),
    "dhcpOptionsId": ("DhcpOptionsId",),
    "ipv6-cidr-block-association.association-id": ("Ipv6CidrBlockAssociationSet", "AssociationId"),
    "ipv6-cidr-block-association.ipv6-cidr-block": ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock"),
    "is-default": ("IsDefault",),
    "isDefault": ("IsDefault",),
    "owner-id": ("OwnerId",),
    "state": ("State",),
    "vpc-id": ("VpcId",),
}


@honours("VpcIds", "Filters", "MaxResults", "NextToken")
def describe_vpcs(call: Call, params: Params) -> Result:
    return describe(call, params, VPC, ids="VpcIds", answer="Vpcs", filters=FILTERS, view=view)


def view(vpc: Vpc) -> Result:
    return {
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "State": state(vpc),
        "CidrBlock": vpc.cidr,
        "CidrBlockAssociationSet": [
            {
                "AssociationId": vpc.cidr_association_id,
                "CidrBlock": vpc.cidr,
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "DhcpOptionsId": vpc.dhcp_options_id,
        "InstanceTenancy": "default",
        "IsDefault": vpc.is_default,
        "Tags": tags.view(vpc.tags),
    }


def state(vpc: Vpc) -> str:
    """It is available once its router was seen."""
    return "available" if vpc.routed else "pending"


OPERATIONS: dict[str, Operation] = {
    "CreateDefaultVpc": create_default_vpc,
    "CreateVpc": create_vpc,
    "DeleteVpc": delete_vpc,
    "DescribeVpcAttribute": describe_vpc_attribute,
    "DescribeVpcs": describe_vpcs,
    "ModifyVpcAttribute": modify_vpc_attribute,
}
