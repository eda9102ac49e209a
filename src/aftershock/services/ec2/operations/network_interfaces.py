"""Network interfaces: the operations.  What instances' operations build on is in `wiring`, and is offered here too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import NETWORK_INTERFACE, SUBNET
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.rules import tags
from aftershock.services.ec2.rules.names import private_dns_name, public_dns_name
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.zones import zone_named

from .describing import Path, describe
from .idempotency import made_before, remember
from .wiring import (
    associate,
    attach,
    create,
    disassociate,
    groups_of_vpc,
    own,
    plug,
    public_address,
    release,
    unplug,
    wish,
)

__all__ = [
    "OPERATIONS",
    "associate",
    "attach",
    "create",
    "disassociate",
    "plug",
    "public_address",
    "release",
    "unplug",
    "view",
]


@honours(
    "SubnetId",
    "Description",
    "PrivateIpAddress",
    "PrivateIpAddresses",
    "Groups",
    "TagSpecifications",
    "ClientToken",
    only={"InterfaceType": "interface", "SecondaryPrivateIpAddressCount": 0, "Ipv6AddressCount": 0},
)
def create_network_interface(call: Call, params: Params) -> Result:
    before = made_before(call, "CreateNetworkInterface", params)
    eni = NETWORK_INTERFACE.get(call.tx, call.account, before) if before else None
    if eni is None:
        eni = create(
            call,
            subnet=SUBNET.require(call.tx, call.account, params["SubnetId"]),
            group_ids=params.get("Groups") or (),
            private_ip=_primary_address(params),
            description=params.get("Description", ""),
            tags=tags.specified(params.get("TagSpecifications"), "network-interface", by=call.principal)[
                "network-interface"
            ],
        )
        remember(call, "CreateNetworkInterface", params, eni.id)
    return {"NetworkInterface": view(call, eni), "ClientToken": params.get("ClientToken")}


def _primary_address(params: Params) -> str | None:
    wanted: str | None = params.get("PrivateIpAddress")
    for one in params.get("PrivateIpAddresses") or ():
        if not one.get("Primary") or wanted is not None:
            raise AwsError("UnsupportedOperation", "Secondary private IP addresses are not supported in this region.")
        wanted = one.get("PrivateIpAddress")
    return wanted


@honours("NetworkInterfaceId")
def delete_network_interface(call: Call, params: Params) -> Result:
    eni = NETWORK_INTERFACE.require(call.tx, call.account, params["NetworkInterfaceId"])
    if eni.attachment_id is not None or eni.plug or eni.plugged:
        raise AwsError("InvalidParameterValue", f"Network interface '{eni.id}' is currently in use.")
    NETWORK_INTERFACES.forget(call.tx, eni.id)
    return {}


@honours("NetworkInterfaceId", "InstanceId", "DeviceIndex", "NetworkCardIndex")
def attach_network_interface(call: Call, params: Params) -> Result:
    """A machine has one wire, its primary interface, which RunInstances attaches; a second one is not honoured."""
    eni = NETWORK_INTERFACE.require(call.tx, call.account, params["NetworkInterfaceId"])
    if eni.attachment_id is not None:
        raise AwsError("InvalidNetworkInterface.InUse", f"Interface: [{eni.id}] in use.")
    if not NETWORK_INTERFACES.where(call.tx, "instance", params["InstanceId"]):
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{params['InstanceId']}' does not exist")
    raise AwsError("UnsupportedOperation", "Secondary network interfaces are not supported in this region.")


@honours("AttachmentId", "Force")
def detach_network_interface(call: Call, params: Params) -> Result:
    eni = _attached(call, params["AttachmentId"])
    if eni.requester:
        raise AwsError("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
    raise AwsError(
        "OperationNotPermitted", f"The network interface at device index {eni.device_index} cannot be detached."
    )


def _attached(call: Call, attachment_id: str) -> NetworkInterface:
    for eni in NETWORK_INTERFACES.where(call.tx, "attachment", attachment_id):
        if eni.account == call.account:
            return eni
    raise AwsError("InvalidAttachmentID.NotFound", f"The interface attachment '{attachment_id}' does not exist.")


@honours(
    "NetworkInterfaceId",
    "Description",
    "Groups",
    "Attachment.AttachmentId",
    "Attachment.DeleteOnTermination",
    "SourceDestCheck.Value",
)
def modify_network_interface_attribute(call: Call, params: Params) -> Result:
    eni = own(NETWORK_INTERFACE.require(call.tx, call.account, params["NetworkInterfaceId"]))
    given = [name for name in ("Description", "Groups", "Attachment", "SourceDestCheck") if name in params]
    if len(given) > 1:
        raise AwsError("InvalidParameterCombination", "Fields for multiple attribute types specified")
    match given:
        case ["Description"]:
            wish(call, eni, description=params["Description"].get("Value", ""))
        case ["Groups"]:
            ids = groups_of_vpc(call, eni.vpc_id, params["Groups"], place=f"interface {eni.id}")
            wish(call, eni, group_ids=ids)
        case ["SourceDestCheck"]:
            wish(call, eni, source_dest_check=params["SourceDestCheck"].get("Value", True))
        case ["Attachment"]:
            _modify_attachment(call, eni, params["Attachment"])
        case []:
            raise AwsError("InvalidParameterCombination", "No attributes specified.")
    return {}


def _modify_attachment(call: Call, eni: NetworkInterface, attachment: Params) -> None:
    attachment_id = attachment.get("AttachmentId")
    if attachment_id is None:
        raise AwsError("MissingParameter", "The request must contain the parameter attachment.attachmentId")
    if eni.attachment_id != attachment_id:
        raise AwsError("InvalidAttachmentID.NotFound", f"The interface attachment '{attachment_id}' does not exist.")
    if "DeleteOnTermination" in attachment:
        wish(call, eni, delete_on_termination=attachment["DeleteOnTermination"])


@honours("NetworkInterfaceId", "Attribute")
def describe_network_interface_attribute(call: Call, params: Params) -> Result:
    eni = NETWORK_INTERFACE.require(call.tx, call.account, params["NetworkInterfaceId"])
    shown = view(call, eni)
    attributes: dict[str, Result] = {
        "description": {"Description": {"Value": eni.description}},
        "groupSet": {"Groups": shown["Groups"]},
        "sourceDestCheck": {"SourceDestCheck": {"Value": eni.source_dest_check}},
        "attachment": {"Attachment": shown["Attachment"]} if eni.attachment_id else {},
        "associatePublicIpAddress": {"AssociatePublicIpAddress": eni.auto_public},
    }
    attribute = params.get("Attribute")
    if attribute not in attributes:
        raise AwsError("InvalidParameterCombination", "No attributes specified.")
    return {"NetworkInterfaceId": eni.id, **attributes[attribute]}


@honours("NetworkInterfaceIds", "Filters", "MaxResults", "NextToken", "IncludeManagedResources")
def describe_network_interfaces(call: Call, params: Params) -> Result:
    around = _Around.of(call)
    return describe(
        call,
        params,
        NETWORK_INTERFACE,
        ids="NetworkInterfaceIds",
        answer="NetworkInterfaces",
        filters=FILTERS,
        view=lambda eni: _view(eni, around),
    )


# AWS: the filters of DescribeNetworkInterfaces, each with the place in the answer that it compares.
FILTERS: Mapping[str, Path] = {
    "addresses.private-ip-address": ("PrivateIpAddresses", "PrivateIpAddress"),
    "addresses.primary": ("PrivateIpAddresses", "Primary"),
    "addresses.association.public-ip": ("PrivateIpAddresses", "Association", "PublicIp"),
    "addresses.association.owner-id": ("PrivateIpAddresses", "Association", "IpOwnerId"),
    "association.association-id": ("Association", "AssociationId"),
    "association.allocation-id": ("Association", "AllocationId"),
    "association.ip-owner-id": ("Association", "IpOwnerId"),
    "association.public-ip": ("Association", "PublicIp"),
    "association.public-dns-name": ("Association", "PublicDnsName"),
    "attachment.attachment-id": ("Attachment", "AttachmentId"),
    "attachment.delete-on-termination": ("Attachment", "DeleteOnTermination"),
    "attachment.device-index": ("Attachment", "DeviceIndex"),
    "attachment.instance-id": ("Attachment", "InstanceId"),
    "attachment.instance-owner-id": ("Attachment", "InstanceOwnerId"),
    "attachment.status": ("Attachment", "Status"),
    "availability-zone": ("AvailabilityZone",),
    "availability-zone-id": ("AvailabilityZoneId",),
    "description": ("Description",),
    "group-id": ("Groups", "GroupId"),
    "group-name": ("Groups", "GroupName"),
    "interface-type": ("InterfaceType",),
    "mac-address": ("MacAddress",),
    "network-interface-id": ("NetworkInterfaceId",),
    "owner-id": ("OwnerId",),
    "private-dns-name": ("PrivateDnsName",),
    "private-ip-address": ("PrivateIpAddress",),
    "requester-id": ("RequesterId",),
    "requester-managed": ("RequesterManaged",),
    "source-dest-check": ("SourceDestCheck",),
    "status": ("Status",),
    "subnet-id": ("SubnetId",),
    "vpc-id": ("VpcId",),
}


@dataclass(frozen=True, slots=True)
class _Around:
    """What an interface's view needs of other records."""

    group_names: Callable[[str], str]
    has_hostnames: Callable[[str], bool]

    @classmethod
    def of(cls, call: Call) -> "_Around":
        names = {group.id: group.name for group in SECURITY_GROUPS.every(call.tx)}
        hostnames = {vpc.id: vpc.dns_hostnames for vpc in VPCS.every(call.tx)}
        return cls(names.__getitem__, hostnames.__getitem__)

    @classmethod
    def of_one(cls, call: Call) -> "_Around":
        def name(group_id: str) -> str:
            group = SECURITY_GROUPS.get(call.tx, group_id)
            return group.name if group else ""

        def hostnames(vpc_id: str) -> bool:
            vpc = VPCS.get(call.tx, vpc_id)
            return vpc is not None and vpc.dns_hostnames

        return cls(name, hostnames)


def view(call: Call, eni: NetworkInterface) -> Result:
    return _view(eni, _Around.of_one(call))


def _view(eni: NetworkInterface, around: _Around) -> Result:
    hostnames = around.has_hostnames(eni.vpc_id)
    association = _association(eni, hostnames)
    private_name = private_dns_name(eni.region, eni.private_ip) if hostnames else None
    return {
        "NetworkInterfaceId": eni.id,
        "InterfaceType": eni.interface_type,
        "OwnerId": eni.account,
        "RequesterId": eni.requester or None,
        "RequesterManaged": bool(eni.requester),
        "Operator": {"Managed": False},
        "VpcId": eni.vpc_id,
        "SubnetId": eni.subnet_id,
        "AvailabilityZone": eni.zone,
        "AvailabilityZoneId": zone_named(eni.region, eni.zone).id,
        "Description": eni.description,
        "MacAddress": eni.mac,
        "Groups": [{"GroupId": id, "GroupName": around.group_names(id)} for id in eni.shown_groups],  # noqa: A001
        "SourceDestCheck": eni.source_dest_check,
        "Status": "in-use" if eni.attachment_id else "available",
        "Attachment": _attachment(eni),
        "Association": association,
        "PrivateIpAddress": eni.private_ip,
        "PrivateDnsName": private_name,
        "PublicDnsName": association.get("PublicDnsName") if association else None,
        "PrivateIpAddresses": [
            {
                "Primary": True,
                "PrivateIpAddress": eni.private_ip,
                "PrivateDnsName": private_name,
                "Association": association,
            }
        ],
        "Ipv6Addresses": [],
        "TagSet": tags.view(eni.tags),
    }


# As AWS shows them, whatever their requester is called.
_WHOSE = {"nat_gateway": "amazon-aws"}


def _attachment(eni: NetworkInterface) -> Result | None:
    if eni.attachment_id is None:
        return None
    return {
        "AttachmentId": eni.attachment_id,
        "AttachTime": eni.attached_at,
        "DeleteOnTermination": eni.delete_on_termination,
        "DeviceIndex": eni.device_index,
        "NetworkCardIndex": 0,
        "InstanceId": eni.instance_id,
        "InstanceOwnerId": _WHOSE.get(eni.interface_type) or eni.requester or eni.account,
        "Status": attachment_status(eni),
    }


def attachment_status(eni: NetworkInterface) -> str:
    if not eni.wanted:
        return "detaching"
    return "attaching" if eni.plug and not eni.plugged else "attached"


def _association(eni: NetworkInterface, hostnames: bool) -> Result | None:
    if eni.address is None:
        return None
    return {
        "PublicIp": eni.address,
        "PublicDnsName": public_dns_name(eni.region, eni.address) if hostnames else "",
        "IpOwnerId": eni.account if eni.elastic else eni.requester or "amazon",
        "AllocationId": eni.elastic.allocation_id if eni.elastic else None,
        "AssociationId": eni.elastic.association_id if eni.elastic else None,
    }


OPERATIONS: dict[str, Operation] = {
    "AttachNetworkInterface": attach_network_interface,
    "CreateNetworkInterface": create_network_interface,
    "DeleteNetworkInterface": delete_network_interface,
    "DescribeNetworkInterfaceAttribute": describe_network_interface_attribute,
    "DescribeNetworkInterfaces": describe_network_interfaces,
    "DetachNetworkInterface": detach_network_interface,
    "ModifyNetworkInterfaceAttribute": modify_network_interface_attribute,
}
