"""AWS::EC2, the network: VPCs, subnets, routes, gateways."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Result
from aftershock.services.cloudformation.rules.schema import BOOLEAN, STRING, TAGS, changing, fixed, members

from .model import Doing, ResourceType, Seen, found, tag_changes, unless_gone


def tagged(doing: Doing, kind: str) -> dict[str, Any]:
    """TagSpecifications for what is made, if it has tags at all."""
    tags = doing.tags("ec2")
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def retag(doing: Doing, physical_id: str, before: Mapping[str, Any], after: Mapping[str, Any] | None = None) -> None:
    """The tags as properties have them now, which are the resource's own unless others are given."""
    put, gone = tag_changes(before, doing.properties if after is None else after)
    if gone:
        doing.ask("ec2", "DeleteTags", Resources=[physical_id], Tags=[{"Key": key} for key in gone])
    if put:
        doing.ask("ec2", "CreateTags", Resources=[physical_id], Tags=put)


def _create_vpc(doing: Doing) -> str:
    asked = doing.given("CidrBlock", "InstanceTenancy")
    vpc_id = str(doing.ask("ec2", "CreateVpc", **asked, **tagged(doing, "vpc"))["Vpc"]["VpcId"])
    _vpc_attributes(doing, vpc_id, {})
    return vpc_id


def _vpc_attributes(doing: Doing, vpc_id: str, before: Mapping[str, Any]) -> None:
    defaults = {"EnableDnsSupport": True, "EnableDnsHostnames": False}
    for name, default in defaults.items():
        wanted = doing.properties.get(name, default)
        if wanted != before.get(name, default):
            doing.ask("ec2", "ModifyVpcAttribute", VpcId=vpc_id, **{name: {"Value": wanted}})


def _read_vpc(doing: Doing, vpc_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("ec2", "DescribeVpcs", VpcIds=[vpc_id]), "InvalidVpcID.NotFound")
    if answer is None:
        return None
    vpc = answer["Vpcs"][0]
    groups = doing.ask("ec2", "DescribeSecurityGroups", Filters=_filters(vpc_id, **{"group-name": "default"}))
    acls = doing.ask("ec2", "DescribeNetworkAcls", Filters=_filters(vpc_id, default="true"))
    attributes: dict[str, Any] = {
        "VpcId": vpc_id,
        "CidrBlock": vpc["CidrBlock"],
        "CidrBlockAssociations": [one["AssociationId"] for one in vpc.get("CidrBlockAssociationSet", [])],
        "Ipv6CidrBlocks": [],
        "DefaultSecurityGroup": next((one["GroupId"] for one in groups["SecurityGroups"]), ""),
        "DefaultNetworkAcl": next((one["NetworkAclId"] for one in acls["NetworkAcls"]), ""),
    }
    return Seen(attributes, waiting=None if vpc["State"] == "available" else f"the VPC is {vpc['State']}")


def _filters(vpc_id: str, **more: str) -> list[dict[str, Any]]:
    wanted = {"vpc-id": vpc_id, **more}
    return [{"Name": name, "Values": [value]} for name, value in wanted.items()]


def _update_vpc(doing: Doing, vpc_id: str, before: Mapping[str, Any]) -> None:
    _vpc_attributes(doing, vpc_id, before)
    retag(doing, vpc_id, before)


def _delete_vpc(doing: Doing, vpc_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteVpc", VpcId=vpc_id), "InvalidVpcID.NotFound")


VPC = ResourceType(
    name="AWS::EC2::VPC",
    properties={
        "CidrBlock": fixed(STRING, required=True),
        "EnableDnsHostnames": changing(BOOLEAN),
        "EnableDnsSupport": changing(BOOLEAN),
        "InstanceTenancy": fixed(STRING),
        "Tags": changing(TAGS),
    },
    create=_create_vpc,
    read=_read_vpc,
    update=_update_vpc,
    delete=_delete_vpc,
    attributes=(
        "VpcId",
        "CidrBlock",
        "CidrBlockAssociations",
        "DefaultNetworkAcl",
        "DefaultSecurityGroup",
        "Ipv6CidrBlocks",
    ),
    tags="list",
)


_SUBNET_SWITCHES = ("AssignIpv6AddressOnCreation", "EnableDns64", "MapPublicIpOnLaunch")


def _create_subnet(doing: Doing) -> str:
    asked = doing.given("VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId", "Ipv6Native")
    subnet_id = str(doing.ask("ec2", "CreateSubnet", **asked, **tagged(doing, "subnet"))["Subnet"]["SubnetId"])
    _subnet_attributes(doing, subnet_id, {})
    return subnet_id


def _subnet_attributes(doing: Doing, subnet_id: str, before: Mapping[str, Any]) -> None:
    def modify(**attribute: Any) -> None:
        doing.ask("ec2", "ModifySubnetAttribute", SubnetId=subnet_id, **attribute)

    for name in _SUBNET_SWITCHES:
        wanted = doing.properties.get(name, False)
        if wanted != before.get(name, False):
            modify(**{name: {"Value": wanted}})
    names = "PrivateDnsNameOptionsOnLaunch"
    for name, wanted in doing.properties.get(names, {}).items():
        if wanted == before.get(names, {}).get(name):
            continue
        if name == "HostnameType":
            modify(PrivateDnsHostnameTypeOnLaunch=wanted)
        else:
            modify(**{f"{name}OnLaunch": {"Value": wanted}})


def _read_subnet(doing: Doing, subnet_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("ec2", "DescribeSubnets", SubnetIds=[subnet_id]), "InvalidSubnetID.NotFound")
    if answer is None:
        return None
    subnet = answer["Subnets"][0]
    attributes = {
        name: subnet[name] for name in ("SubnetId", "VpcId", "CidrBlock", "AvailabilityZone") if name in subnet
    }
    attributes["AvailabilityZoneId"] = subnet.get("AvailabilityZoneId", "")
    attributes["Ipv6CidrBlocks"] = []  # the region has no IPv6
    attributes["NetworkAclAssociationId"] = _acl_association(doing, subnet_id)
    return Seen(attributes, waiting=None if subnet["State"] == "available" else f"the subnet is {subnet['State']}")


def _acl_association(doing: Doing, subnet_id: str) -> str:
    wanted = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
    for acl in doing.ask("ec2", "DescribeNetworkAcls", Filters=wanted)["NetworkAcls"]:
        for one in acl.get("Associations", []):
            if one["SubnetId"] == subnet_id:
                return str(one["NetworkAclAssociationId"])
    return ""


def _update_subnet(doing: Doing, subnet_id: str, before: Mapping[str, Any]) -> None:
    _subnet_attributes(doing, subnet_id, before)
    retag(doing, subnet_id, before)


def _delete_subnet(doing: Doing, subnet_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteSubnet", SubnetId=subnet_id), "InvalidSubnetID.NotFound")


SUBNET = ResourceType(
    name="AWS::EC2::Subnet",
    properties={
        **{name: changing(BOOLEAN) for name in _SUBNET_SWITCHES},
        "AvailabilityZone": fixed(STRING),
        "AvailabilityZoneId": fixed(STRING),
        "CidrBlock": fixed(STRING),
        "Ipv6Native": fixed(BOOLEAN),
        "PrivateDnsNameOptionsOnLaunch": changing(
            members(EnableResourceNameDnsAAAARecord=BOOLEAN, EnableResourceNameDnsARecord=BOOLEAN, HostnameType=STRING)
        ),
        "VpcId": fixed(STRING, required=True),
        "Tags": changing(TAGS),
    },
    create=_create_subnet,
    read=_read_subnet,
    update=_update_subnet,
    delete=_delete_subnet,
    attributes=(
        "SubnetId",
        "VpcId",
        "CidrBlock",
        "AvailabilityZone",
        "AvailabilityZoneId",
        "Ipv6CidrBlocks",
        "NetworkAclAssociationId",
    ),
    tags="list",
)


def _create_gateway(doing: Doing) -> str:
    answer = doing.ask("ec2", "CreateInternetGateway", **tagged(doing, "internet-gateway"))
    return str(answer["InternetGateway"]["InternetGatewayId"])


def _gateway(doing: Doing, gateway_id: str) -> Mapping[str, Any] | None:
    answer = found(
        lambda: doing.ask("ec2", "DescribeInternetGateways", InternetGatewayIds=[gateway_id]),
        "InvalidInternetGatewayID.NotFound",
    )
    return answer["InternetGateways"][0] if answer else None


def _read_gateway(doing: Doing, gateway_id: str) -> Seen | None:
    return Seen({"InternetGatewayId": gateway_id}) if _gateway(doing, gateway_id) else None


def _delete_gateway(doing: Doing, gateway_id: str) -> None:
    unless_gone(
        lambda: doing.ask("ec2", "DeleteInternetGateway", InternetGatewayId=gateway_id),
        "InvalidInternetGatewayID.NotFound",
    )


INTERNET_GATEWAY = ResourceType(
    name="AWS::EC2::InternetGateway",
    properties={"Tags": changing(TAGS)},
    create=_create_gateway,
    read=_read_gateway,
    update=retag,
    delete=_delete_gateway,
    attributes=("InternetGatewayId",),
    tags="list",
)


def _create_attachment(doing: Doing) -> str:
    gateway, vpc = doing.properties["InternetGatewayId"], doing.properties["VpcId"]
    doing.ask("ec2", "AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc)
    return f"IGW|{vpc}"


def _update_attachment(doing: Doing, physical_id: str, before: Mapping[str, Any]) -> None:
    """Another gateway takes the place of the one before."""
    _detach(doing, physical_id, before["InternetGatewayId"])
    _create_attachment(doing)


def _read_attachment(doing: Doing, physical_id: str) -> Seen | None:
    gateway = _gateway(doing, doing.properties["InternetGatewayId"])
    vpc = physical_id.partition("|")[2]
    if gateway is None or all(one["VpcId"] != vpc for one in gateway.get("Attachments", [])):
        return None
    return Seen({"AttachmentType": "IGW"})


def _delete_attachment(doing: Doing, physical_id: str) -> None:
    _detach(doing, physical_id, doing.properties["InternetGatewayId"])


def _detach(doing: Doing, physical_id: str, gateway_id: str) -> None:
    vpc = physical_id.partition("|")[2]
    unless_gone(
        lambda: doing.ask("ec2", "DetachInternetGateway", InternetGatewayId=gateway_id, VpcId=vpc),
        "InvalidInternetGatewayID.NotFound",
        "Gateway.NotAttached",
    )


GATEWAY_ATTACHMENT = ResourceType(
    name="AWS::EC2::VPCGatewayAttachment",
    properties={"InternetGatewayId": changing(STRING, required=True), "VpcId": fixed(STRING, required=True)},
    create=_create_attachment,
    read=_read_attachment,
    update=_update_attachment,
    delete=_delete_attachment,
    attributes=("AttachmentType",),
)


def _create_table(doing: Doing) -> str:
    answer = doing.ask("ec2", "CreateRouteTable", **doing.given("VpcId"), **tagged(doing, "route-table"))
    return str(answer["RouteTable"]["RouteTableId"])


def _tables(doing: Doing, **asked: Any) -> Result | None:
    return found(lambda: doing.ask("ec2", "DescribeRouteTables", **asked), "InvalidRouteTableID.NotFound")


def _read_table(doing: Doing, table_id: str) -> Seen | None:
    return Seen({"RouteTableId": table_id}) if _tables(doing, RouteTableIds=[table_id]) else None


def _delete_table(doing: Doing, table_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteRouteTable", RouteTableId=table_id), "InvalidRouteTableID.NotFound")


ROUTE_TABLE = ResourceType(
    name="AWS::EC2::RouteTable",
    properties={"VpcId": fixed(STRING, required=True), "Tags": changing(TAGS)},
    create=_create_table,
    read=_read_table,
    update=retag,
    delete=_delete_table,
    attributes=("RouteTableId",),
    tags="list",
)


ROUTE_TARGETS = ("GatewayId", "InstanceId", "NatGatewayId", "NetworkInterfaceId")


def _route(doing: Doing) -> dict[str, Any]:
    return doing.given("RouteTableId", "DestinationCidrBlock", *ROUTE_TARGETS)


def _create_route(doing: Doing) -> str:
    doing.ask("ec2", "CreateRoute", **_route(doing))
    return f"{doing.properties['RouteTableId']}|{doing.properties['DestinationCidrBlock']}"


def _read_route(doing: Doing, physical_id: str) -> Seen | None:
    table_id, _, cidr = physical_id.partition("|")
    answer = _tables(doing, RouteTableIds=[table_id])
    routes = answer["RouteTables"][0].get("Routes", []) if answer else []
    if all(one.get("DestinationCidrBlock") != cidr for one in routes):
        return None
    return Seen({"CidrBlock": cidr})


def _update_route(doing: Doing, _physical_id: str, _before: Mapping[str, Any]) -> None:
    doing.ask("ec2", "ReplaceRoute", **_route(doing))


def _delete_route(doing: Doing, physical_id: str) -> None:
    table_id, _, cidr = physical_id.partition("|")
    unless_gone(
        lambda: doing.ask("ec2", "DeleteRoute", RouteTableId=table_id, DestinationCidrBlock=cidr),
        "InvalidRouteTableID.NotFound",
        "InvalidRoute.NotFound",
    )


ROUTE = ResourceType(
    name="AWS::EC2::Route",
    properties={
        "RouteTableId": fixed(STRING, required=True),
        "DestinationCidrBlock": fixed(STRING, required=True),
        **{name: changing(STRING) for name in ROUTE_TARGETS},
    },
    create=_create_route,
    read=_read_route,
    update=_update_route,
    delete=_delete_route,
    attributes=("CidrBlock",),
)


def _create_association(doing: Doing) -> str:
    answer = doing.ask("ec2", "AssociateRouteTable", **doing.given("RouteTableId", "SubnetId"))
    return str(answer["AssociationId"])


def _associated(doing: Doing, association_id: str) -> bool:
    wanted = [{"Name": "association.route-table-association-id", "Values": [association_id]}]
    return bool(doing.ask("ec2", "DescribeRouteTables", Filters=wanted)["RouteTables"])


def _read_association(doing: Doing, association_id: str) -> Seen | None:
    return Seen({"Id": association_id}) if _associated(doing, association_id) else None


def _delete_association(doing: Doing, association_id: str) -> None:
    unless_gone(
        lambda: doing.ask("ec2", "DisassociateRouteTable", AssociationId=association_id),
        "InvalidAssociationID.NotFound",
    )


SUBNET_ASSOCIATION = ResourceType(
    name="AWS::EC2::SubnetRouteTableAssociation",
    properties={"RouteTableId": fixed(STRING, required=True), "SubnetId": fixed(STRING, required=True)},
    create=_create_association,
    read=_read_association,
    delete=_delete_association,
    attributes=("Id",),
)


TYPES = (
    VPC,
    SUBNET,
    INTERNET_GATEWAY,
    GATEWAY_ATTACHMENT,
    ROUTE_TABLE,
    ROUTE,
    SUBNET_ASSOCIATION,
)
