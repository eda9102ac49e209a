"""AWS::EC2, the addresses: elastic ones, and the interfaces that have an address in a subnet."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    STRING,
    STRINGS,
    TAGS,
    changed,
    changing,
    fixed,
    many,
    members,
)

from .ec2_network import retag, tagged
from .model import Doing, FailedError, ResourceType, Seen, found, unless_gone

NO_INTERFACE = "InvalidNetworkInterfaceID.NotFound"


def _address(doing: Doing, public_ip: str) -> Mapping[str, Any] | None:
    answer = found(lambda: doing.ask("ec2", "DescribeAddresses", PublicIps=[public_ip]), "InvalidAddress.NotFound")
    return answer["Addresses"][0] if answer else None


def _create_address(doing: Doing) -> str:
    answer = doing.ask(
        "ec2", "AllocateAddress", Domain="vpc", **doing.given("NetworkBorderGroup"), **tagged(doing, "elastic-ip")
    )
    if "InstanceId" in doing.properties:
        instance = doing.properties["InstanceId"]
        doing.ask("ec2", "AssociateAddress", AllocationId=answer["AllocationId"], InstanceId=instance)
    return str(answer["PublicIp"])


def _read_address(doing: Doing, public_ip: str) -> Seen | None:
    address = _address(doing, public_ip)
    return Seen({"AllocationId": address["AllocationId"], "PublicIp": public_ip}) if address else None


def _update_address(doing: Doing, public_ip: str, before: Mapping[str, Any]) -> None:
    address = _address(doing, public_ip)
    if address is None:
        raise FailedError(f"The address {public_ip} does not exist")
    if before.get("InstanceId") != doing.properties.get("InstanceId"):
        if "AssociationId" in address:
            doing.ask("ec2", "DisassociateAddress", AssociationId=address["AssociationId"])
        if "InstanceId" in doing.properties:
            instance = doing.properties["InstanceId"]
            doing.ask("ec2", "AssociateAddress", AllocationId=address["AllocationId"], InstanceId=instance)
    retag(doing, address["AllocationId"], before)


def _delete_address(doing: Doing, public_ip: str) -> None:
    address = _address(doing, public_ip)
    if address is None:
        return
    if "AssociationId" in address:
        # A service's machine, which nobody else can take it from, has it until it ends.
        association = address["AssociationId"]
        found(lambda: doing.ask("ec2", "DisassociateAddress", AssociationId=association), "AuthFailure")
    doing.ask("ec2", "ReleaseAddress", AllocationId=address["AllocationId"])


EIP = ResourceType(
    name="AWS::EC2::EIP",
    properties={
        "Domain": changing(STRING),
        "InstanceId": changing(STRING),
        "NetworkBorderGroup": fixed(STRING),
        "Tags": changing(TAGS),
    },
    create=_create_address,
    read=_read_address,
    update=_update_address,
    delete=_delete_address,
    attributes=("AllocationId", "PublicIp"),
    tags="list",
    check=lambda properties: (
        None if properties.get("Domain", "vpc") == "vpc" else "Value of property Domain must be vpc"
    ),
)


def _associate(doing: Doing) -> str:
    asked = doing.given("AllocationId", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress")
    if "EIP" in doing.properties:
        asked["PublicIp"] = doing.properties["EIP"]
    return str(doing.ask("ec2", "AssociateAddress", **asked, AllowReassociation=True)["AssociationId"])


def _read_associated(doing: Doing, association_id: str) -> Seen | None:
    wanted = [{"Name": "association-id", "Values": [association_id]}]
    there = doing.ask("ec2", "DescribeAddresses", Filters=wanted)["Addresses"]
    return Seen({"Id": association_id}) if there else None


def _disassociate(doing: Doing, association_id: str) -> None:
    unless_gone(
        lambda: doing.ask("ec2", "DisassociateAddress", AssociationId=association_id),
        "InvalidAssociationID.NotFound",
    )


EIP_ASSOCIATION = ResourceType(
    name="AWS::EC2::EIPAssociation",
    properties={
        name: fixed(STRING) for name in ("AllocationId", "EIP", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress")
    },
    create=_associate,
    read=_read_associated,
    delete=_disassociate,
    attributes=("Id",),
)


def _create_interface(doing: Doing) -> str:
    asked = doing.given("Description", "InterfaceType", "PrivateIpAddress", "PrivateIpAddresses", "SubnetId")
    if "GroupSet" in doing.properties:
        asked["Groups"] = doing.properties["GroupSet"]
    answer = doing.ask(
        "ec2", "CreateNetworkInterface", ClientToken=doing.token, **asked, **tagged(doing, "network-interface")
    )
    interface_id = str(answer["NetworkInterface"]["NetworkInterfaceId"])
    if "SourceDestCheck" in doing.properties:
        _source_dest_check(doing, interface_id)
    return interface_id


def _source_dest_check(doing: Doing, interface_id: str) -> None:
    value = {"Value": doing.properties.get("SourceDestCheck", True)}
    doing.ask("ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface_id, SourceDestCheck=value)


def _read_interface(doing: Doing, interface_id: str) -> Seen | None:
    asked = {"NetworkInterfaceIds": [interface_id]}
    answer = found(lambda: doing.ask("ec2", "DescribeNetworkInterfaces", **asked), NO_INTERFACE)
    if answer is None:
        return None
    (interface,) = answer["NetworkInterfaces"]
    return Seen(
        {
            "Id": interface_id,
            "PrimaryPrivateIpAddress": interface["PrivateIpAddress"],
            "SecondaryPrivateIpAddresses": [],  # the region has none
            "VpcId": interface["VpcId"],
        }
    )


def _update_interface(doing: Doing, interface_id: str, before: Mapping[str, Any]) -> None:
    names, properties = changed(before, doing.properties), doing.properties
    if "Description" in names:
        description = {"Value": properties.get("Description", "")}
        doing.ask("ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface_id, Description=description)
    if "GroupSet" in names:
        groups = properties.get("GroupSet") or [_default_group(doing, interface_id)]
        doing.ask("ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface_id, Groups=groups)
    if "SourceDestCheck" in names:
        _source_dest_check(doing, interface_id)
    retag(doing, interface_id, before)


def _default_group(doing: Doing, interface_id: str) -> str:
    (interface,) = doing.ask("ec2", "DescribeNetworkInterfaces", NetworkInterfaceIds=[interface_id])[
        "NetworkInterfaces"
    ]
    wanted = [{"Name": "vpc-id", "Values": [interface["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    return str(doing.ask("ec2", "DescribeSecurityGroups", Filters=wanted)["SecurityGroups"][0]["GroupId"])


def _delete_interface(doing: Doing, interface_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteNetworkInterface", NetworkInterfaceId=interface_id), NO_INTERFACE)


NETWORK_INTERFACE = ResourceType(
    name="AWS::EC2::NetworkInterface",
    properties={
        "Description": changing(STRING),
        "GroupSet": changing(STRINGS),
        "InterfaceType": fixed(STRING),
        "PrivateIpAddress": fixed(STRING),
        "PrivateIpAddresses": fixed(
            many(members("PrivateIpAddress Primary", PrivateIpAddress=STRING, Primary=BOOLEAN))
        ),
        "SourceDestCheck": changing(BOOLEAN),
        "SubnetId": fixed(STRING, required=True),
        "Tags": changing(TAGS),
    },
    create=_create_interface,
    read=_read_interface,
    update=_update_interface,
    delete=_delete_interface,
    attributes=("Id", "PrimaryPrivateIpAddress", "SecondaryPrivateIpAddresses", "VpcId"),
    tags="list",
)

TYPES = (EIP, EIP_ASSOCIATION, NETWORK_INTERFACE)
