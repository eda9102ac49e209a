"""Internet gateways, and the VPCs they are attached to."""

from collections.abc import Mapping

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.internet_gateway import INTERNET_GATEWAYS, InternetGateway
from aftershock.services.ec2.records.kinds import INTERNET_GATEWAY, VPC
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.vpc import VPCS, Vpc
from aftershock.services.ec2.rules import tags
from aftershock.services.ec2.rules.parameters import honours

from .describing import Path, describe

MAX_GATEWAYS = 5  # AWS: "Internet gateways per Region: 5"


@honours("TagSpecifications")
def create_internet_gateway(call: Call, params: Params) -> Result:
    if len(INTERNET_GATEWAY.every(call.tx, call.account)) >= MAX_GATEWAYS:
        raise AwsError("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
    gateway = InternetGateway(
        id=call.new_id("igw"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "internet-gateway", by=call.principal)["internet-gateway"],
        created_at=call.now,
    )
    INTERNET_GATEWAYS.put(call.tx, gateway)
    return {"InternetGateway": _view(gateway, None)}


@honours("InternetGatewayId", "VpcId")
def attach_internet_gateway(call: Call, params: Params) -> Result:
    gateway = INTERNET_GATEWAY.require(call.tx, call.account, params["InternetGatewayId"])
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    holder = _holder(call, gateway)
    if holder is not None:
        raise AwsError(
            "Resource.AlreadyAssociated", f"resource {gateway.id} is already attached to network {holder.id}"
        )
    if vpc.internet_gateway_id is not None:
        raise AwsError("InvalidParameterValue", f"Network {vpc.id} already has an internet gateway attached")
    VPCS.put(call.tx, replace(vpc, internet_gateway_id=gateway.id, generation=vpc.generation + 1))
    return {}


@honours("InternetGatewayId", "VpcId")
def detach_internet_gateway(call: Call, params: Params) -> Result:
    gateway = INTERNET_GATEWAY.require(call.tx, call.account, params["InternetGatewayId"])
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    if vpc.internet_gateway_id != gateway.id:
        raise AwsError("Gateway.NotAttached", f"resource {gateway.id} is not attached to network {vpc.id}")
    if any(eni.address for eni in NETWORK_INTERFACES.where(call.tx, "vpc", vpc.id)):
        raise AwsError(
            "DependencyViolation",
            f"Network {vpc.id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )
    VPCS.put(call.tx, replace(vpc, internet_gateway_id=None, generation=vpc.generation + 1))
    return {}


@honours("InternetGatewayId")
def delete_internet_gateway(call: Call, params: Params) -> Result:
    gateway = INTERNET_GATEWAY.require(call.tx, call.account, params["InternetGatewayId"])
    if _holder(call, gateway) is not None:
        raise AwsError(
            "DependencyViolation", f"The internetGateway '{gateway.id}' has dependencies and cannot be deleted."
        )
    INTERNET_GATEWAYS.forget(call.tx, gateway.id)
    return {}


def _holder(call: Call, gateway: InternetGateway) -> Vpc | None:
    return next(iter(VPCS.where(call.tx, "internet_gateway", gateway.id)), None)


FILTERS: Mapping[str, Path] = {
    "attachment.state": ("Attachments", "State"),
    "attachment.vpc-id": ("Attachments", "VpcId"),
    "internet-gateway-id": ("InternetGatewayId",),
    "owner-id": ("OwnerId",),
}


@honours("InternetGatewayIds", "Filters", "MaxResults", "NextToken")
def describe_internet_gateways(call: Call, params: Params) -> Result:
    holders = {vpc.internet_gateway_id: vpc for vpc in VPCS.every(call.tx)}
    return describe(
        call,
        params,
        INTERNET_GATEWAY,
        ids="InternetGatewayIds",
        answer="InternetGateways",
        filters=FILTERS,
        view=lambda gateway: _view(gateway, holders.get(gateway.id)),
    )


def _view(gateway: InternetGateway, holder: Vpc | None) -> Result:
    # "available" is what AWS calls an attached gateway; it is that once the VPC's router was seen with it.
    attachments = [{"VpcId": holder.id, "State": "available" if holder.ready else "attaching"}] if holder else []
    return {
        "InternetGatewayId": gateway.id,
        "OwnerId": gateway.account,
        "Attachments": attachments,
        "Tags": tags.view(gateway.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "AttachInternetGateway": attach_internet_gateway,
    "CreateInternetGateway": create_internet_gateway,
    "DeleteInternetGateway": delete_internet_gateway,
    "DescribeInternetGateways": describe_internet_gateways,
    "DetachInternetGateway": detach_internet_gateway,
}
