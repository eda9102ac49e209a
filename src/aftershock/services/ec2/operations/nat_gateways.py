"""NAT gateways: made, described, deleted.  Whatever comes of them is their controller's to see."""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import ELASTIC_IP, NAT_GATEWAY, SUBNET
from aftershock.services.ec2.records.nat_gateway import NAT_GATEWAYS, NatGateway
from aftershock.services.ec2.records.subnet import Subnet
from aftershock.services.ec2.rules import tags
from aftershock.services.ec2.rules.nat_gateways import MAX_PER_ZONE, counts, state
from aftershock.services.ec2.rules.parameters import honours

from . import wiring
from .describing import Path, describe
from .idempotency import made_before, remember


@honours(
    "SubnetId",
    "AllocationId",
    "PrivateIpAddress",
    "ConnectivityType",
    "ClientToken",
    "TagSpecifications",
    only={"AvailabilityMode": "zonal", "SecondaryPrivateIpAddressCount": 0},
)
def create_nat_gateway(call: Call, params: Params) -> Result:
    before = made_before(call, "CreateNatGateway", params)
    gateway = NAT_GATEWAY.get(call.tx, call.account, before) if before else None
    if gateway is None:
        gateway = _make(call, params)
        NAT_GATEWAYS.put(call.tx, gateway)
        remember(call, "CreateNatGateway", params, gateway.id)
    return {"NatGateway": _view(gateway), "ClientToken": params.get("ClientToken")}


def _make(call: Call, params: Params) -> NatGateway:
    subnet, connectivity = _subnet(call, params), params.get("ConnectivityType", "public")
    allocation_id, private_ip = params.get("AllocationId"), params.get("PrivateIpAddress")
    if connectivity == "private" and allocation_id is not None:
        raise AwsError(
            "InvalidParameterCombination", "AllocationId cannot be specified for a NAT gateway of connectivity private."
        )
    if connectivity == "public":
        if allocation_id is None:
            raise AwsError("MissingParameter", "The request must contain the parameter AllocationId")
        ELASTIC_IP.require(call.tx, call.account, allocation_id)
    if private_ip is not None:
        wiring.check_private_ip(call.tx, subnet, private_ip)
    there = [one for one in NAT_GATEWAYS.where(call.tx, "zone", subnet.zone) if one.account == call.account]
    if sum(map(counts, there)) >= MAX_PER_ZONE:
        raise AwsError(
            "NatGatewayLimitExceeded",
            f"Performing this operation would exceed the limit of {MAX_PER_ZONE} NAT gateways.",
        )
    return NatGateway(
        id=call.new_id("nat"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "natgateway", by=call.principal)["natgateway"],
        vpc_id=subnet.vpc_id,
        subnet_id=subnet.id,
        zone=subnet.zone,
        connectivity=connectivity,
        allocation_id=allocation_id,
        wanted_ip=private_ip,
        created_at=call.now,
    )


def _subnet(call: Call, params: Params) -> Subnet:
    if "SubnetId" not in params:
        raise AwsError("MissingParameter", "The request must contain the parameter subnetId")
    return SUBNET.require(call.tx, call.account, params["SubnetId"])


@honours("NatGatewayId")
def delete_nat_gateway(call: Call, params: Params) -> Result:
    """Its Elastic IP stays the account's, and the routes that lead to it become black holes."""
    gateway = NAT_GATEWAY.require(call.tx, call.account, params["NatGatewayId"])
    if gateway.wanted:
        NAT_GATEWAYS.put(call.tx, replace(gateway, wanted=False, generation=gateway.generation + 1))
    return {"NatGatewayId": gateway.id}


FILTERS: Mapping[str, Path] = {
    "nat-gateway-id": ("NatGatewayId",),
    "state": ("State",),
    "subnet-id": ("SubnetId",),
    "vpc-id": ("VpcId",),
}


@honours("NatGatewayIds", "Filter", "MaxResults", "NextToken")
def describe_nat_gateways(call: Call, params: Params) -> Result:
    return describe(
        call,
        {**params, "Filters": params.get("Filter")},
        NAT_GATEWAY,
        ids="NatGatewayIds",
        answer="NatGateways",
        filters=FILTERS,
        view=_view,
    )


_ADDRESS_STATUS = {"pending": "associating", "available": "succeeded", "deleting": "disassociating", "failed": "failed"}


def _view(gateway: NatGateway) -> Result:
    found = state(gateway)
    address = {
        "AllocationId": gateway.allocation_id,
        "AssociationId": gateway.association_id,
        "NetworkInterfaceId": gateway.interface_id,
        "PrivateIp": gateway.private_ip,
        "PublicIp": gateway.public_ip,
        "IsPrimary": True,
        "FailureMessage": gateway.failure_message,
        "Status": _ADDRESS_STATUS.get(found),
    }
    return {
        "NatGatewayId": gateway.id,
        "ConnectivityType": gateway.connectivity,
        "AvailabilityMode": "zonal",
        "CreateTime": gateway.created_at,
        "DeleteTime": gateway.ended_at,
        "FailureCode": gateway.failure_code,
        "FailureMessage": gateway.failure_message,
        "NatGatewayAddresses": [address],
        "State": found,
        "SubnetId": gateway.subnet_id,
        "VpcId": gateway.vpc_id,
        "Tags": tags.view(gateway.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "CreateNatGateway": create_nat_gateway,
    "DeleteNatGateway": delete_nat_gateway,
    "DescribeNatGateways": describe_nat_gateways,
}
