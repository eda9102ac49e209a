"""AWS::EC2, the edges of subnets: network ACLs, their entries, and which subnets they guard."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import BOOLEAN, INTEGER, STRING, TAGS, changing, fixed, members

from .ec2_network import retag, tagged
from .model import Doing, FailedError, ResourceType, Seen, found, unless_gone

_NO_ACL, _NO_ENTRY = "InvalidNetworkAclID.NotFound", "InvalidNetworkAclEntry.NotFound"


def _acl(doing: Doing, acl_id: str) -> Mapping[str, Any] | None:
    answer = found(lambda: doing.ask("ec2", "DescribeNetworkAcls", NetworkAclIds=[acl_id]), _NO_ACL)
    return answer["NetworkAcls"][0] if answer else None


def _create(doing: Doing) -> str:
    answer = doing.ask("ec2", "CreateNetworkAcl", **doing.given("VpcId"), **tagged(doing, "network-acl"))
    return str(answer["NetworkAcl"]["NetworkAclId"])


def _read(doing: Doing, acl_id: str) -> Seen | None:
    return Seen({"Id": acl_id}) if _acl(doing, acl_id) else None


def _delete(doing: Doing, acl_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteNetworkAcl", NetworkAclId=acl_id), _NO_ACL)


NETWORK_ACL = ResourceType(
    name="AWS::EC2::NetworkAcl",
    properties={"VpcId": fixed(STRING, required=True), "Tags": changing(TAGS)},
    create=_create,
    read=_read,
    update=retag,
    delete=_delete,
    attributes=("Id",),
    tags="list",
)


def _entry(doing: Doing) -> dict[str, Any]:
    """As EC2's operations take it, which want the action in small letters and call ICMP's property by another name."""
    return {
        **doing.given("NetworkAclId", "RuleNumber", "CidrBlock", "Ipv6CidrBlock", "PortRange"),
        **({"IcmpTypeCode": doing.properties["Icmp"]} if "Icmp" in doing.properties else {}),
        "Protocol": str(doing.properties["Protocol"]),
        "RuleAction": doing.properties["RuleAction"].lower(),
        "Egress": doing.properties.get("Egress", False),
    }


def _create_entry(doing: Doing) -> str:
    entry = _entry(doing)
    doing.ask("ec2", "CreateNetworkAclEntry", **entry)
    return f"{entry['NetworkAclId']}|{'egress' if entry['Egress'] else 'ingress'}|{entry['RuleNumber']}"


def entry_named(physical_id: str) -> dict[str, Any]:
    """The entry of this physical id, as EC2's operations name it."""
    acl_id, way, number = physical_id.split("|")
    return {"NetworkAclId": acl_id, "Egress": way == "egress", "RuleNumber": int(number)}


def _read_entry(doing: Doing, physical_id: str) -> Seen | None:
    named = entry_named(physical_id)
    acl = _acl(doing, named["NetworkAclId"])
    wanted = (named["Egress"], named["RuleNumber"])
    if acl is None or all((one["Egress"], one["RuleNumber"]) != wanted for one in acl["Entries"]):
        return None
    return Seen({"Id": physical_id})


def _update_entry(doing: Doing, _physical_id: str, _before: Mapping[str, Any]) -> None:
    doing.ask("ec2", "ReplaceNetworkAclEntry", **_entry(doing))


def _delete_entry(doing: Doing, physical_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "DeleteNetworkAclEntry", **entry_named(physical_id)), _NO_ACL, _NO_ENTRY)


NETWORK_ACL_ENTRY = ResourceType(
    name="AWS::EC2::NetworkAclEntry",
    properties={
        "NetworkAclId": fixed(STRING, required=True),
        "RuleNumber": fixed(INTEGER, required=True),
        "Egress": fixed(BOOLEAN),
        "Protocol": changing(INTEGER, required=True),
        "RuleAction": changing(STRING, required=True),
        "CidrBlock": changing(STRING),
        "Ipv6CidrBlock": changing(STRING),
        "Icmp": changing(members(Code=INTEGER, Type=INTEGER)),
        "PortRange": changing(members(From=INTEGER, To=INTEGER)),
    },
    create=_create_entry,
    read=_read_entry,
    update=_update_entry,
    delete=_delete_entry,
    attributes=("Id",),
)


def _guarding(doing: Doing, wanted: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The ACL that has what these filters say."""
    asked = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    acls = doing.ask("ec2", "DescribeNetworkAcls", Filters=asked)["NetworkAcls"]
    return acls[0] if acls else None


def _guard(doing: Doing, association_id: str, acl_id: str) -> str:
    asked = {"AssociationId": association_id, "NetworkAclId": acl_id}
    return str(doing.ask("ec2", "ReplaceNetworkAclAssociation", **asked)["NewAssociationId"])


def _create_association(doing: Doing) -> str:
    subnet_id = doing.properties["SubnetId"]
    acl = _guarding(doing, {"association.subnet-id": subnet_id})
    if acl is None:
        raise FailedError(f"The subnet ID '{subnet_id}' does not exist")
    before = next(one for one in acl["Associations"] if one["SubnetId"] == subnet_id)
    return _guard(doing, before["NetworkAclAssociationId"], doing.properties["NetworkAclId"])


def _read_association(doing: Doing, association_id: str) -> Seen | None:
    acl = _guarding(doing, {"association.association-id": association_id})
    return Seen({"AssociationId": association_id}) if acl else None


def _delete_association(doing: Doing, association_id: str) -> None:
    """A subnet is never without: it gets its VPC's default one, if it still has the one that the template gave it."""
    acl = _guarding(doing, {"association.association-id": association_id})
    default = _guarding(doing, {"vpc-id": acl["VpcId"], "default": "true"}) if acl else None
    if default:
        _guard(doing, association_id, default["NetworkAclId"])


SUBNET_ASSOCIATION = ResourceType(
    name="AWS::EC2::SubnetNetworkAclAssociation",
    properties={"NetworkAclId": fixed(STRING, required=True), "SubnetId": fixed(STRING, required=True)},
    create=_create_association,
    read=_read_association,
    delete=_delete_association,
    attributes=("AssociationId",),
)


TYPES = (NETWORK_ACL, NETWORK_ACL_ENTRY, SUBNET_ASSOCIATION)
