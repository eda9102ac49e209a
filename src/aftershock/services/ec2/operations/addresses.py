"""Elastic IPs: allocated, associated, moved, released."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.address import ADDRESSES, Address
from aftershock.services.ec2.records.instance import INSTANCES
from aftershock.services.ec2.records.kinds import ELASTIC_IP, NETWORK_INTERFACE, VPC
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, Elastic, NetworkInterface
from aftershock.services.ec2.rules import tags
from aftershock.services.ec2.rules.instances import state
from aftershock.services.ec2.rules.parameters import honours

from . import public_pool, wiring
from .describing import Path, describe, paged

MAX_ADDRESSES = 5  # AWS: "Elastic IP addresses per Region: 5"


@honours("TagSpecifications", "NetworkBorderGroup", only={"Domain": "vpc", "PublicIpv4Pool": "amazon"})
def allocate_address(call: Call, params: Params) -> Result:
    group = params.get("NetworkBorderGroup", call.region)
    if group != call.region:
        raise AwsError("InvalidParameterValue", f"Value ({group}) for parameter networkBorderGroup is invalid.")
    if len(ELASTIC_IP.every(call.tx, call.account)) >= MAX_ADDRESSES:
        raise AwsError("AddressLimitExceeded", "The maximum number of addresses has been reached.")
    address = Address(
        id=call.new_id("eipalloc"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "elastic-ip", by=call.principal)["elastic-ip"],
        public_ip=public_pool.take(call.tx, call.region),
        allocated_at=call.now,
    )
    ADDRESSES.put(call.tx, address)
    return {
        "AllocationId": address.id,
        "PublicIp": address.public_ip,
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": call.region,
        "Domain": "vpc",
    }


@honours("AllocationId", "PublicIp", "NetworkBorderGroup")
def release_address(call: Call, params: Params) -> Result:
    address = _address(call, params)
    if params.get("NetworkBorderGroup", call.region) != call.region:
        raise AwsError("InvalidAddress.NotFound", f"Address '{address.public_ip}' not found.")
    if _holder(call, address) is not None:
        raise AwsError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")
    ADDRESSES.forget(call.tx, address.id)
    return {}


@honours("AllocationId", "PublicIp", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress", "AllowReassociation")
def associate_address(call: Call, params: Params) -> Result:
    """AWS: an address that is associated elsewhere moves, unless AllowReassociation is false."""
    address = _address(call, params)
    eni = _interface(call, params)
    if params.get("PrivateIpAddress", eni.private_ip) != eni.private_ip:
        raise AwsError(
            "InvalidParameterValue",
            f"Address {params['PrivateIpAddress']} is not assigned to network interface {eni.id}",
        )
    if VPC.require(call.tx, call.account, eni.vpc_id).internet_gateway_id is None:
        raise AwsError("Gateway.NotAttached", f"Network {eni.vpc_id} is not attached to any internet gateway")
    if eni.elastic and eni.elastic.allocation_id == address.id:
        return {"AssociationId": eni.elastic.association_id}
    holder = _holder(call, address)
    may_move = params.get("AllowReassociation", True)
    if holder and holder.elastic and not may_move:
        raise AwsError(
            "Resource.AlreadyAssociated",
            f"resource {address.id} is already associated with associate-id {holder.elastic.association_id}",
        )
    if eni.elastic and not may_move:
        raise AwsError(
            "Resource.AlreadyAssociated",
            f"resource {eni.id} is already associated with associate-id {eni.elastic.association_id}",
        )
    if holder:
        wiring.disassociate(call, wiring.own(holder))
    elastic = Elastic(allocation_id=address.id, association_id=call.new_id("eipassoc"), public_ip=address.public_ip)
    wiring.associate(call, eni, elastic)
    return {"AssociationId": elastic.association_id}


@honours("AssociationId", "PublicIp")
def disassociate_address(call: Call, params: Params) -> Result:
    association_id = params.get("AssociationId")
    if association_id is None and "PublicIp" not in params:
        raise AwsError("MissingParameter", "The request must contain the parameter AssociationId")
    if association_id is not None:
        for eni in NETWORK_INTERFACES.where(call.tx, "association", association_id):
            if eni.account == call.account:
                wiring.disassociate(call, wiring.own(eni))
                return {}
        raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{association_id}' does not exist")
    holder = _holder(call, _address(call, params))
    if holder is not None:  # AWS: disassociating what is not associated is no error
        wiring.disassociate(call, wiring.own(holder))
    return {}


def _address(call: Call, params: Params) -> Address:
    allocation_id, public_ip = params.get("AllocationId"), params.get("PublicIp")
    if allocation_id is not None and public_ip is not None:
        raise AwsError(
            "InvalidParameterCombination", "You may specify public IP or allocation id, but not both in the same call"
        )
    if allocation_id is not None:
        return ELASTIC_IP.require(call.tx, call.account, allocation_id)
    if public_ip is None:
        raise AwsError("MissingParameter", "Either public IP or allocation id must be specified")
    for address in ADDRESSES.where(call.tx, "public_ip", public_ip):
        if address.account == call.account:
            return address
    raise AwsError("InvalidAddress.NotFound", f"Address '{public_ip}' not found.")


def _holder(call: Call, address: Address) -> NetworkInterface | None:
    return next(iter(NETWORK_INTERFACES.where(call.tx, "allocation", address.id)), None)


def _interface(call: Call, params: Params) -> NetworkInterface:
    instance_id, eni_id = params.get("InstanceId"), params.get("NetworkInterfaceId")
    if instance_id is not None and eni_id is not None:
        raise AwsError(
            "InvalidParameterCombination", "You may specify an instance or a network interface, but not both"
        )
    if eni_id is not None:
        eni = wiring.own(NETWORK_INTERFACE.require(call.tx, call.account, eni_id))
        if (found := _unfit(call, eni)) is not None:
            raise AwsError(
                "IncorrectInstanceState",
                f"The {found} instance to which '{eni.id}' is attached is not in a valid state for this operation",
            )
        return eni
    if instance_id is None:
        raise AwsError("MissingParameter", "Either an instance or a network interface must be specified")
    for eni in NETWORK_INTERFACES.where(call.tx, "instance", instance_id):
        if eni.account == call.account and eni.device_index == 0:
            if (found := _unfit(call, eni)) is not None:
                raise AwsError(
                    "InvalidInstanceID",
                    f"The {found} instance '{instance_id}' is not in a valid state for this operation.",
                )
            return eni
    raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")


def _unfit(call: Call, eni: NetworkInterface) -> str | None:
    """The state of the interface's instance, where AWS associates no address in that state."""
    instance = INSTANCES.get(call.tx, eni.instance_id) if eni.instance_id else None
    found = state(instance) if instance else None
    return found if found in ("pending", "shutting-down", "terminated") else None


FILTERS: Mapping[str, Path] = {
    "allocation-id": ("AllocationId",),
    "association-id": ("AssociationId",),
    "domain": ("Domain",),
    "instance-id": ("InstanceId",),
    "network-border-group": ("NetworkBorderGroup",),
    "network-interface-id": ("NetworkInterfaceId",),
    "network-interface-owner-id": ("NetworkInterfaceOwnerId",),
    "private-ip-address": ("PrivateIpAddress",),
    "public-ip": ("PublicIp",),
}


@honours("AllocationIds", "PublicIps", "Filters")
def describe_addresses(call: Call, params: Params) -> Result:
    ids = list(params.get("AllocationIds") or ())
    ids += [_address(call, {"PublicIp": public_ip}).id for public_ip in params.get("PublicIps") or ()]
    return describe(
        call,
        {**params, "AllocationIds": ids},
        ELASTIC_IP,
        ids="AllocationIds",
        answer="Addresses",
        filters=FILTERS,
        view=lambda address: _view(address, _holder(call, address)),
    )


@honours("AllocationIds", "MaxResults", "NextToken", "Attribute")
def describe_addresses_attribute(call: Call, params: Params) -> Result:
    """Reverse DNS names, of which there are none: setting one is not honoured."""
    ids = params.get("AllocationIds") or ()
    found = [_address(call, {"AllocationId": one}) for one in ids] or ELASTIC_IP.every(call.tx, call.account)
    return paged(
        params,
        found,
        key=lambda address: address.id,
        ids="AllocationIds",
        answer="Addresses",
        view=lambda address: {"AllocationId": address.id, "PublicIp": address.public_ip},
    )


def _view(address: Address, holder: NetworkInterface | None) -> Result:
    view: Result = {
        "AllocationId": address.id,
        "PublicIp": address.public_ip,
        "Domain": "vpc",
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": address.region,
        "Tags": tags.view(address.tags),
    }
    if holder and holder.elastic:
        view |= {
            "AssociationId": holder.elastic.association_id,
            "InstanceId": holder.instance_id,
            "NetworkInterfaceId": holder.id,
            "NetworkInterfaceOwnerId": holder.account,
            "PrivateIpAddress": holder.private_ip,
        }
    return view


OPERATIONS: dict[str, Operation] = {
    "AllocateAddress": allocate_address,
    "AssociateAddress": associate_address,
    "DescribeAddresses": describe_addresses,
    "DescribeAddressesAttribute": describe_addresses_attribute,
    "DisassociateAddress": disassociate_address,
    "ReleaseAddress": release_address,
}
