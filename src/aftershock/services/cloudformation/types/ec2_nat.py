"""AWS::EC2, NAT gateways."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import STRING, TAGS, changing, fixed

from .ec2_network import retag, tagged
from .model import Doing, ResourceType, Seen, found, unless_gone

NOT_THERE = "NatGatewayNotFound"


def _create(doing: Doing) -> str:
    asked = doing.given("AllocationId", "AvailabilityMode", "ConnectivityType", "PrivateIpAddress", "SubnetId")
    answer = doing.ask("ec2", "CreateNatGateway", ClientToken=doing.token, **asked, **tagged(doing, "natgateway"))
    return str(answer["NatGateway"]["NatGatewayId"])


def _read(doing: Doing, gateway_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("ec2", "DescribeNatGateways", NatGatewayIds=[gateway_id]), NOT_THERE)
    gateway = answer["NatGateways"][0] if answer else None
    if gateway is None or gateway["State"] == "deleted":
        return None
    state = gateway["State"]
    said = f"NatGateway {gateway_id} is in state {state}"
    interface = gateway["NatGatewayAddresses"][0].get("NetworkInterfaceId", "")
    return Seen(
        {"NatGatewayId": gateway_id, "EniId": interface},
        waiting=said if state in ("pending", "deleting") else None,
        failed=f"{said} and hence failed to stabilize. Detailed failure message: {gateway.get('FailureMessage')}"
        if state == "failed"
        else None,
    )


def _update(doing: Doing, gateway_id: str, before: Mapping[str, Any]) -> None:
    retag(doing, gateway_id, before)


def _delete(doing: Doing, gateway_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteNatGateway", NatGatewayId=gateway_id), NOT_THERE)


NAT_GATEWAY = ResourceType(
    name="AWS::EC2::NatGateway",
    properties={
        "AllocationId": fixed(STRING),
        "AvailabilityMode": fixed(STRING),
        "ConnectivityType": fixed(STRING),
        "PrivateIpAddress": fixed(STRING),
        "SubnetId": fixed(STRING, required=True),
        "Tags": changing(TAGS),
    },
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    attributes=("NatGatewayId", "EniId"),
    tags="list",
)

TYPES = (NAT_GATEWAY,)
