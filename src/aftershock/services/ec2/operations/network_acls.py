"""Network ACLs: every VPC has its default one, which allows everything, and there are no others."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.records.kinds import VPC
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.vpc import Vpc
from aftershock.services.ec2.rules.parameters import honours

from .describing import Path, at, paged

LAST_RULE = 32767  # AWS: the "*" entry, which denies what no other entry allows

FILTERS: Mapping[str, Path] = {
    "association.association-id": ("Associations", "NetworkAclAssociationId"),
    "association.network-acl-id": ("Associations", "NetworkAclId"),
    "association.subnet-id": ("Associations", "SubnetId"),
    "default": ("IsDefault",),
    "entry.cidr": ("Entries", "CidrBlock"),
    "entry.protocol": ("Entries", "Protocol"),
    "entry.rule-action": ("Entries", "RuleAction"),
    "entry.egress": ("Entries", "Egress"),
    "entry.rule-number": ("Entries", "RuleNumber"),
    "network-acl-id": ("NetworkAclId",),
    "owner-id": ("OwnerId",),
    "vpc-id": ("VpcId",),
}


@honours("NetworkAclIds", "Filters", "MaxResults", "NextToken")
def describe_network_acls(call: Call, params: Params) -> Result:
    found = {vpc.network_acl_id: _view(call, vpc) for vpc in VPC.every(call.tx, call.account)}
    ids = params.get("NetworkAclIds") or list(found)
    for one in ids:
        if one not in found:
            raise AwsError("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{one}' does not exist")
    fields = {name: _field(path) for name, path in FILTERS.items()}
    chosen = matching([found[one] for one in set(ids)], params.get("Filters"), fields=fields, tags=_no_tags)
    return paged(
        params,
        chosen,
        key=lambda acl: str(acl["NetworkAclId"]),
        ids="NetworkAclIds",
        answer="NetworkAcls",
        view=lambda acl: acl,
    )


def _field(path: Path) -> Field[Result]:
    return lambda one: at(one, path)


def _no_tags(_acl: Result) -> Mapping[str, str]:
    return {}


def _view(call: Call, vpc: Vpc) -> Result:
    associations = [
        {
            "NetworkAclAssociationId": subnet.network_acl_association_id,
            "NetworkAclId": vpc.network_acl_id,
            "SubnetId": subnet.id,
        }
        for subnet in SUBNETS.where(call.tx, "vpc", vpc.id)
    ]
    entries: list[dict[str, Any]] = [
        {
            "CidrBlock": "0.0.0.0/0",
            "Egress": egress,
            "Protocol": "-1",
            "RuleAction": action,
            "RuleNumber": number,
        }
        for egress in (True, False)
        for number, action in ((100, "allow"), (LAST_RULE, "deny"))
    ]
    return {
        "NetworkAclId": vpc.network_acl_id,
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "IsDefault": True,
        "Associations": associations,
        "Entries": entries,
        "Tags": [],
    }


OPERATIONS: dict[str, Operation] = {"DescribeNetworkAcls": describe_network_acls}
