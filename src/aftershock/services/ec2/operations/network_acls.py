"""Network ACLs, their entries, and which subnets they guard."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.kinds import NETWORK_ACL, VPC
from aftershock.services.ec2.records.network_acl import NETWORK_ACLS, Association, NetworkAcl, associate, write
from aftershock.services.ec2.rules import network_acl_entries, tags
from aftershock.services.ec2.rules.parameters import honours

from .describing import Path, at, chosen, paged
from .idempotency import made_before, remember

MAX_ACLS = 200  # AWS: "Network ACLs per VPC: 200"


@honours("VpcId", "TagSpecifications", "ClientToken")
def create_network_acl(call: Call, params: Params) -> Result:
    """AWS: a new one denies everything, until entries are added."""
    before = made_before(call, "CreateNetworkAcl", params)
    acl = NETWORK_ACL.get(call.tx, call.account, before) if before else None
    vpc = VPC.require(call.tx, call.account, params["VpcId"])
    if acl is None:
        if NETWORK_ACLS.count(call.tx, "vpc", vpc.id) >= MAX_ACLS:
            raise AwsError("NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached.")
        acl = NetworkAcl(
            id=call.new_id("acl"),
            account=call.account,
            region=call.region,
            tags=tags.specified(params.get("TagSpecifications"), "network-acl", by=call.principal)["network-acl"],
            vpc_id=vpc.id,
            created_at=call.now,
        )
        NETWORK_ACLS.put(call.tx, acl)
        remember(call, "CreateNetworkAcl", params, acl.id)
    return {"NetworkAcl": _view(acl), "ClientToken": params.get("ClientToken")}


@honours("NetworkAclId")
def delete_network_acl(call: Call, params: Params) -> Result:
    acl = NETWORK_ACL.require(call.tx, call.account, params["NetworkAclId"])
    if acl.is_default:
        raise AwsError("InvalidParameterValue", f"cannot delete default network ACL {acl.id}")
    if acl.associations:
        raise AwsError("DependencyViolation", f"The networkAcl '{acl.id}' has dependencies and cannot be deleted.")
    NETWORK_ACLS.forget(call.tx, acl.id)
    return {}


ENTRY = (
    "NetworkAclId",
    "RuleNumber",
    "Protocol",
    "RuleAction",
    "Egress",
    "CidrBlock",
    "Ipv6CidrBlock",
    "IcmpTypeCode",
    "PortRange",
)


@honours(*ENTRY)
def create_network_acl_entry(call: Call, params: Params) -> Result:
    acl = NETWORK_ACL.require(call.tx, call.account, params["NetworkAclId"])
    new = network_acl_entries.entry(params)
    network_acl_entries.check_room(acl.entries, new)
    write(call.tx, acl, entries=(*acl.entries, new))
    return {}


@honours(*ENTRY)
def replace_network_acl_entry(call: Call, params: Params) -> Result:
    acl = NETWORK_ACL.require(call.tx, call.account, params["NetworkAclId"])
    new = network_acl_entries.entry(params)
    others = network_acl_entries.without(acl.entries, new.number, egress=new.egress)
    network_acl_entries.check_room(others, new)
    write(call.tx, acl, entries=(*others, new))
    return {}


@honours("NetworkAclId", "RuleNumber", "Egress")
def delete_network_acl_entry(call: Call, params: Params) -> Result:
    acl = NETWORK_ACL.require(call.tx, call.account, params["NetworkAclId"])
    left = network_acl_entries.without(acl.entries, params["RuleNumber"], egress=params["Egress"])
    write(call.tx, acl, entries=left)
    return {}


@honours("AssociationId", "NetworkAclId")
def replace_network_acl_association(call: Call, params: Params) -> Result:
    """The subnet of the association gets this ACL in the place of the one that it has, under a new association."""
    before, association = _association(call, params["AssociationId"])
    acl = NETWORK_ACL.require(call.tx, call.account, params["NetworkAclId"])
    if acl.vpc_id != before.vpc_id:
        raise AwsError(
            "InvalidParameterValue",
            f"Network ACL {acl.id} and the association {association.id} belong to different networks",
        )
    write(call.tx, before, associations=tuple(one for one in before.associations if one.id != association.id))
    new_id = call.new_id("aclassoc")
    associate(call.tx, NETWORK_ACL.require(call.tx, call.account, acl.id), association.subnet_id, new_id)
    return {"NewAssociationId": new_id}


def _association(call: Call, association_id: str) -> tuple[NetworkAcl, Association]:
    for acl in NETWORK_ACLS.where(call.tx, "association", association_id):
        if acl.account == call.account:
            return acl, next(one for one in acl.associations if one.id == association_id)
    raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{association_id}' does not exist")


FILTERS: Mapping[str, Path] = {
    "association.association-id": ("Associations", "NetworkAclAssociationId"),
    "association.network-acl-id": ("Associations", "NetworkAclId"),
    "association.subnet-id": ("Associations", "SubnetId"),
    "default": ("IsDefault",),
    "entry.cidr": ("Entries", "CidrBlock"),
    "entry.egress": ("Entries", "Egress"),
    "entry.icmp.code": ("Entries", "IcmpTypeCode", "Code"),
    "entry.icmp.type": ("Entries", "IcmpTypeCode", "Type"),
    "entry.ipv6-cidr": ("Entries", "Ipv6CidrBlock"),
    "entry.port-range.from": ("Entries", "PortRange", "From"),
    "entry.port-range.to": ("Entries", "PortRange", "To"),
    "entry.rule-action": ("Entries", "RuleAction"),
    "entry.rule-number": ("Entries", "RuleNumber"),
    "network-acl-id": ("NetworkAclId",),
    "owner-id": ("OwnerId",),
    "vpc-id": ("VpcId",),
}
Shown = tuple[NetworkAcl, Result]


@honours("NetworkAclIds", "Filters", "MaxResults", "NextToken")
def describe_network_acls(call: Call, params: Params) -> Result:
    shown: list[Shown] = [(acl, _view(acl)) for acl in chosen(call, NETWORK_ACL, params.get("NetworkAclIds"))]
    fields = {name: _field(path) for name, path in FILTERS.items()} | {"entry.protocol": _protocols}
    found = matching(shown, params.get("Filters"), fields=fields, tags=lambda one: one[0].tags)
    return paged(
        params,
        found,
        key=lambda one: one[0].id,
        ids="NetworkAclIds",
        answer="NetworkAcls",
        view=lambda one: one[1],
    )


def _field(path: Path) -> Field[Shown]:
    return lambda one: at(one[1], path)


def _protocols(one: Shown) -> list[str]:
    """AWS: "The protocol specified in the entry (tcp | udp | icmp or a protocol number)"."""
    numbers: list[str] = at(one[1], ("Entries", "Protocol"))
    return [*numbers, *(network_acl_entries.NAMES.get(number, number) for number in numbers)]


def _view(acl: NetworkAcl) -> dict[str, Any]:
    return {
        "NetworkAclId": acl.id,
        "VpcId": acl.vpc_id,
        "OwnerId": acl.account,
        "IsDefault": acl.is_default,
        "Associations": [
            {"NetworkAclAssociationId": one.id, "NetworkAclId": acl.id, "SubnetId": one.subnet_id}
            for one in acl.associations
        ],
        "Entries": network_acl_entries.view(acl.entries),
        "Tags": tags.view(acl.tags),
    }


OPERATIONS: dict[str, Operation] = {
    "CreateNetworkAcl": create_network_acl,
    "CreateNetworkAclEntry": create_network_acl_entry,
    "DeleteNetworkAcl": delete_network_acl,
    "DeleteNetworkAclEntry": delete_network_acl_entry,
    "DescribeNetworkAcls": describe_network_acls,
    "ReplaceNetworkAclAssociation": replace_network_acl_association,
    "ReplaceNetworkAclEntry": replace_network_acl_entry,
}
