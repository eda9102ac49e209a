"""What routes lead to: internet gateways, NAT gateways, instances and interfaces."""

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.compute_kinds import INSTANCE
from aftershock.services.ec2.records.kinds import INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_INTERFACE
from aftershock.services.ec2.records.nat_gateway import NAT_GATEWAYS
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.route_table import Route, RouteTable, interface_of
from aftershock.services.ec2.records.vpc import Vpc
from aftershock.services.ec2.rules import nat_gateways

from . import wiring

PARAMETERS = ("GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId")
TARGETS = (
    "gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, "
    "transitGatewayId, localGatewayId or instanceId"
)


def route(call: Call, params: Params, destination: str, table: RouteTable, vpc: Vpc) -> Route:
    """A route to the one target that the parameters name.

    Raises:
        AwsError: there is not exactly one; it is not there, or in another VPC.
    """
    given = [(name, params[name]) for name in PARAMETERS if params.get(name) is not None]
    match given:
        case [("GatewayId", gateway_id)]:
            return Route(destination=destination, gateway_id=_gateway(call, gateway_id, table, vpc))
        case [("NatGatewayId", gateway_id)]:
            return Route(destination=destination, nat_gateway_id=_nat_gateway(call, gateway_id, table))
        case [("InstanceId", instance_id)]:
            instance = INSTANCE.require(call.tx, call.account, instance_id)
            eni = NETWORK_INTERFACES.get(call.tx, instance.interface_id)
            if eni is None:  # it is terminated
                raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance.id}' does not exist")
            _require_same(table, eni)
            return Route(destination=destination, instance_id=instance.id, interface_id=eni.id)
        case [("NetworkInterfaceId", eni_id)]:
            own = wiring.own(NETWORK_INTERFACE.require(call.tx, call.account, eni_id))
            _require_same(table, own)
            return Route(destination=destination, interface_id=own.id)
    raise AwsError("InvalidParameterCombination", f"The request must contain exactly one of {TARGETS}")


def _gateway(call: Call, gateway_id: str, table: RouteTable, vpc: Vpc) -> str:
    if INTERNET_GATEWAY.get(call.tx, call.account, gateway_id) is None:
        raise AwsError("InvalidGatewayID.NotFound", f"The gateway ID '{gateway_id}' does not exist")
    if vpc.internet_gateway_id != gateway_id:
        raise AwsError(
            "InvalidParameterValue",
            f"route table {table.id} and network gateway {gateway_id} belong to different networks",
        )
    return gateway_id


def _nat_gateway(call: Call, gateway_id: str, table: RouteTable) -> str:
    gateway = NAT_GATEWAY.get(call.tx, call.account, gateway_id)
    if gateway is None or not nat_gateways.is_there(gateway):
        raise AwsError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{gateway_id}' does not exist")
    if gateway.vpc_id != table.vpc_id:
        raise AwsError(
            "InvalidParameterValue",
            f"route table {table.id} and NAT gateway {gateway_id} belong to different networks",
        )
    return gateway.id


def _require_same(table: RouteTable, eni: NetworkInterface) -> None:
    if eni.vpc_id != table.vpc_id:
        raise AwsError(
            "InvalidParameterValue", f"route table {table.id} and interface {eni.id} belong to different networks"
        )


def view(call: Call, one: Route, vpc: Vpc) -> Result:
    """The target of a route, and whether it is there: a route to a stopped instance is a black hole."""
    if one.gateway_id is not None:
        active = one.gateway_id == vpc.internet_gateway_id
        return {"GatewayId": one.gateway_id, "State": _state(active=active)}
    if one.nat_gateway_id is not None:
        gateway = NAT_GATEWAYS.get(call.tx, one.nat_gateway_id)
        active = gateway is not None and nat_gateways.is_there(gateway)
        return {"NatGatewayId": one.nat_gateway_id, "State": _state(active=active)}
    eni = interface_of(call.tx, one)
    instance_id = eni.instance_id if eni else one.instance_id
    return {
        "InstanceId": instance_id,
        "InstanceOwnerId": call.account if instance_id else None,
        "NetworkInterfaceId": one.interface_id,
        "State": _state(active=eni is not None and eni.plug),
    }


def _state(*, active: bool) -> str:
    return "active" if active else "blackhole"
