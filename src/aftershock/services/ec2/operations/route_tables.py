"""Route tables, their routes, and which subnets use them."""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import ROUTE_TABLE, SUBNET, VPC
from aftershock.services.ec2.records.route_table import ROUTE_TABLES, Association, RouteTable
from aftershock.services.ec2.records.vpc import VPCS, Vpc
from aftershock.services.ec2.rules import routes, tags
from aftershock.services.ec2.rules.addressing import block
from aftershock.services.ec2.rules.parameters import honours

from . import route_targets
from .describing import Path, describe
from .idempotency import made_before, remember

MAX_TABLES = 200  # AWS: "Route tables per VPC: 200"


@honours("VpcId", "TagSpecifications", "ClientToken")
def create_route_table(call: Call, params: Params) -> Result:
    before = made_before(call, "CreateRouteTable", params)
    table = ROUTE_TABLE.get(call.tx, call.account, before) if before else None
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    if table is None:
        if len(ROUTE_TABLES.where(call.tx, "vpc", vpc.id)) >= MAX_TABLES:
            raise AwsError("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
        table = RouteTable(
            id=call.new_id("rtb"),
            account=call.account,
            region=call.region,
            tags=tags.specified(params.get("TagSpecifications"), "route-table", by=call.principal)["route-table"],
            vpc_id=vpc.id,
            created_at=call.now,
        )
        ROUTE_TABLES.put(call.tx, table)
        remember(call, "CreateRouteTable", params, table.id)
    return {"RouteTable": _view(call, table, vpc), "ClientToken": params.get("ClientToken")}


@honours("RouteTableId")
def delete_route_table(call: Call, params: Params) -> Result:
    table = ROUTE_TABLE.require(call.tx, call.account, params["RouteTableId"])
    if table.associations:
        raise AwsError("DependencyViolation", f"The routeTable '{table.id}' has dependencies and cannot be deleted.")
    ROUTE_TABLES.forget(call.tx, table.id)
    return {}


@honours("RouteTableId", "SubnetId")
def associate_route_table(call: Call, params: Params) -> Result:
    table = ROUTE_TABLE.require(call.tx, call.account, params["RouteTableId"])
    if "SubnetId" not in params:
        raise AwsError("MissingParameter", "The request must contain the parameter subnetId")
    subnet = SUBNET.require(call.tx, call.account, params["SubnetId"])
    if subnet.vpc_id != table.vpc_id:
        raise AwsError(
            "InvalidParameterValue",
            f"Route table {table.id} and subnet {subnet.id} belong to different networks",
        )
    for other in ROUTE_TABLES.where(call.tx, "subnet", subnet.id):
        if other.id != table.id:
            raise AwsError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {table.id} conflicts with an existing association",
            )
        existing = next(one for one in table.associations if one.subnet_id == subnet.id)
        return _associated("AssociationId", existing.id)
    association = Association(id=call.new_id("rtbassoc"), subnet_id=subnet.id)
    ROUTE_TABLES.put(call.tx, replace(table, associations=(*table.associations, association)))
    return _associated("AssociationId", association.id)


def _associated(name: str, association_id: str) -> Result:
    return {name: association_id, "AssociationState": {"State": "associated"}}


@honours("AssociationId")
def disassociate_route_table(call: Call, params: Params) -> Result:
    table, association = _association(call, params["AssociationId"])
    if association.subnet_id is None:
        raise AwsError(
            "InvalidParameterValue", f"cannot disassociate the main route table association {association.id}"
        )
    _drop(call, table, association)
    return {}


@honours("AssociationId", "RouteTableId")
def replace_route_table_association(call: Call, params: Params) -> Result:
    """AWS: the subnet gets another table, and with the main association the VPC another main table."""
    before, association = _association(call, params["AssociationId"])
    table = ROUTE_TABLE.require(call.tx, call.account, params["RouteTableId"])
    if table.vpc_id != before.vpc_id:
        raise AwsError(
            "InvalidParameterValue",
            f"Route table {table.id} and the association {association.id} belong to different networks",
        )
    if table.id == before.id:
        return _associated("NewAssociationId", association.id)
    _drop(call, before, association)
    new = replace(association, id=call.new_id("rtbassoc"))
    ROUTE_TABLES.put(call.tx, replace(table, associations=(*table.associations, new)))
    return _associated("NewAssociationId", new.id)


def _association(call: Call, association_id: str) -> tuple[RouteTable, Association]:
    for table in ROUTE_TABLES.where(call.tx, "association", association_id):
        if table.account == call.account:
            return table, next(one for one in table.associations if one.id == association_id)
    raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{association_id}' does not exist")


def _drop(call: Call, table: RouteTable, association: Association) -> None:
    left = tuple(one for one in table.associations if one.id != association.id)
    ROUTE_TABLES.put(call.tx, replace(table, associations=left))


@honours("RouteTableId", "DestinationCidrBlock", *route_targets.PARAMETERS)
def create_route(call: Call, params: Params) -> Result:
    table, vpc = _table(call, params)
    route = route_targets.route(call, params, "", table, vpc)
    destination = routes.destination(_destination(params), vpc.cidr, through=route.through is not None)
    if any(route.destination == destination for route in table.routes):
        raise AwsError("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    if len(table.routes) + 1 >= routes.MAX_ROUTES:  # the local route counts as well
        raise AwsError("RouteLimitExceeded", "The maximum number of routes has been reached.")
    ROUTE_TABLES.put(call.tx, replace(table, routes=(*table.routes, replace(route, destination=destination))))
    return {"Return": True}


@honours("RouteTableId", "DestinationCidrBlock", *route_targets.PARAMETERS)
def replace_route(call: Call, params: Params) -> Result:
    table, vpc = _table(call, params)
    wanted = str(block(_destination(params), "destinationCidrBlock"))
    if all(route.destination != wanted for route in table.routes):
        raise AwsError(
            "InvalidParameterValue",
            f"There is no route defined for '{wanted}' in the route table. Use CreateRoute instead.",
        )
    new = route_targets.route(call, params, wanted, table, vpc)
    changed = tuple(new if route.destination == wanted else route for route in table.routes)
    ROUTE_TABLES.put(call.tx, replace(table, routes=changed))
    return {}


@honours("RouteTableId", "DestinationCidrBlock")
def delete_route(call: Call, params: Params) -> Result:
    table, vpc = _table(call, params)
    wanted = str(block(_destination(params), "destinationCidrBlock"))
    if wanted == vpc.cidr:
        raise AwsError("InvalidParameterValue", f"cannot remove local route {wanted} in route table {table.id}")
    left = tuple(route for route in table.routes if route.destination != wanted)
    if len(left) == len(table.routes):
        raise AwsError(
            "InvalidRoute.NotFound", f"no route with destination-cidr-block {wanted} in route table {table.id}"
        )
    ROUTE_TABLES.put(call.tx, replace(table, routes=left))
    return {}


def _table(call: Call, params: Params) -> tuple[RouteTable, Vpc]:
    table = ROUTE_TABLE.require(call.tx, call.account, params["RouteTableId"])
    return table, VPC.require(call.tx, call.account, table.vpc_id)


def _destination(params: Params) -> str:
    if "DestinationCidrBlock" not in params:
        raise AwsError("MissingParameter", "The request must contain the parameter destinationCidrBlock")
    found: str = params["DestinationCidrBlock"]
    return found


FILTERS: Mapping[str, Path] = {
    "association.gateway-id": ("Associations", "GatewayId"),
    "association.main": ("Associations", "Main"),
    "association.route-table-association-id": ("Associations", "RouteTableAssociationId"),
    "association.route-table-id": ("Associations", "RouteTableId"),
    "association.subnet-id": ("Associations", "SubnetId"),
    "owner-id": ("OwnerId",),
    "route-table-id": ("RouteTableId",),
    "route.destination-cidr-block": ("Routes", "DestinationCidrBlock"),
    "route.destination-ipv6-cidr-block": ("Routes", "DestinationIpv6CidrBlock"),
    "route.destination-prefix-list-id": ("Routes", "DestinationPrefixListId"),
    "route.egress-only-internet-gateway-id": ("Routes", "EgressOnlyInternetGatewayId"),
    "route.gateway-id": ("Routes", "GatewayId"),
    "route.instance-id": ("Routes", "InstanceId"),
    "route.nat-gateway-id": ("Routes", "NatGatewayId"),
    "route.origin": ("Routes", "Origin"),
    "route.state": ("Routes", "State"),
    "route.transit-gateway-id": ("Routes", "TransitGatewayId"),
    "route.vpc-peering-connection-id": ("Routes", "VpcPeeringConnectionId"),
    "vpc-id": ("VpcId",),
}


@honours("RouteTableIds", "Filters", "MaxResults", "NextToken")
def describe_route_tables(call: Call, params: Params) -> Result:
    vpcs = {vpc.id: vpc for vpc in VPCS.every(call.tx)}
    return describe(
        call,
        params,
        ROUTE_TABLE,
        ids="RouteTableIds",
        answer="RouteTables",
        filters=FILTERS,
        view=lambda table: _view(call, table, vpcs[table.vpc_id]),
    )


def _view(call: Call, table: RouteTable, vpc: Vpc) -> Result:
    local = {
        "DestinationCidrBlock": vpc.cidr,
        "GatewayId": "local",
        "Origin": "CreateRouteTable",
        "State": "active",
    }
    others = [
        {
            "DestinationCidrBlock": route.destination,
            "Origin": "CreateRoute",
            **route_targets.view(call, route, vpc),
        }
        for route in table.routes
    ]
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc_id,
        "OwnerId": table.account,
        "Routes": [local, *others],
        "Associations": [
            {
                "Main": one.subnet_id is None,
                "RouteTableAssociationId": one.id,
                "RouteTableId": table.id,
                "SubnetId": one.subnet_id,
                "AssociationState": {"State": "associated"},
            }
            for one in table.associations
        ],
        "PropagatingVgws": [],
        "Tags": tags.view(table.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "AssociateRouteTable": associate_route_table,
    "CreateRoute": create_route,
    "CreateRouteTable": create_route_table,
    "DeleteRoute": delete_route,
    "DeleteRouteTable": delete_route_table,
    "DescribeRouteTables": describe_route_tables,
    "DisassociateRouteTable": disassociate_route_table,
    "ReplaceRoute": replace_route,
    "ReplaceRouteTableAssociation": replace_route_table_association,
}
