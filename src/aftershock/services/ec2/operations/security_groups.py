"""Security groups: made, described, deleted.  Their rules are in `security_group_rules`."""

import re
from collections.abc import Mapping

from aftershock.aws.arn import Arn
from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.kinds import SECURITY_GROUP, VPC
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS, Rule, SecurityGroup, named
from aftershock.services.ec2.records.vpc import Vpc, default_vpc
from aftershock.services.ec2.rules import permissions, tags
from aftershock.services.ec2.rules.parameters import honours

from .describing import Path, describe

MAX_GROUPS = 2500  # AWS: "VPC security groups per Region: 2,500"
ID_LIKE = re.compile(r"sg-", re.IGNORECASE)


@honours("GroupName", "Description", "VpcId", "TagSpecifications")
def create_security_group(call: Call, params: Params) -> Result:
    name = _name(params)
    description = _description(params)
    vpc = _vpc(call, params.get("VpcId"))
    if named(call.tx, vpc.id, name) is not None:
        raise AwsError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc.id}'")
    if len(SECURITY_GROUP.every(call.tx, call.account)) >= MAX_GROUPS:
        raise AwsError("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
    group = SecurityGroup(
        id=call.new_id("sg"),
        account=call.account,
        region=call.region,
        tags=tags.specified(params.get("TagSpecifications"), "security-group", by=call.principal)["security-group"],
        name=name,
        description=description,
        vpc_id=vpc.id,
        rules=(Rule(id=call.new_id("sgr"), egress=True, protocol=permissions.ALL, cidr="0.0.0.0/0"),),
        created_at=call.now,
    )
    SECURITY_GROUPS.put(call.tx, group)
    return {"GroupId": group.id, "SecurityGroupArn": _arn(group), "Tags": tags.view(group.tags) or None}


def _name(params: Params) -> str:
    name = str(params["GroupName"]).strip()
    if not name:
        raise AwsError("MissingParameter", "The request must contain the parameter groupName")
    _check_text("GroupName", name, "name")
    if ID_LIKE.match(name):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.",
        )
    if name == "default":
        raise AwsError("InvalidParameterValue", "Cannot use reserved security group name: default")
    return name


def _description(params: Params) -> str:
    description = str(params["Description"])
    if not description:
        raise AwsError("MissingParameter", "The request must contain the parameter GroupDescription")
    _check_text("GroupDescription", description, "description")
    return description


def _check_text(parameter: str, value: str, what: str) -> None:
    if not value.isascii():
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({value}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported.",
        )
    if not permissions.TEXT.fullmatch(value):
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid security group {what}. Valid {what}s are {permissions.TEXT_SAID}",
        )


def _vpc(call: Call, vpc_id: str | None) -> Vpc:
    if vpc_id is not None:
        return VPC.require(call.tx, call.account, vpc_id)
    vpc = default_vpc(call.tx, call.account)
    if vpc is None:
        raise AwsError("VPCIdNotSpecified", "No default VPC for this user")
    return vpc


def meant(call: Call, params: Params) -> SecurityGroup:
    """The group that GroupId, or GroupName in the default VPC, means.

    Raises:
        AwsError: MissingParameter, InvalidGroup.NotFound, InvalidGroupId.Malformed
    """
    if "GroupId" in params:
        return SECURITY_GROUP.require(call.tx, call.account, params["GroupId"])
    if "GroupName" in params:
        return in_default_vpc(call, params["GroupName"])
    raise AwsError("MissingParameter", "The request must contain the parameter groupName or groupId")


def in_default_vpc(call: Call, name: str) -> SecurityGroup:
    """
    Raises:
        AwsError: VPCIdNotSpecified, InvalidGroup.NotFound
    """
    vpc = _vpc(call, None)
    group = named(call.tx, vpc.id, name)
    if group is None:
        raise AwsError("InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC '{vpc.id}'")
    return group


@honours("GroupId", "GroupName")
def delete_security_group(call: Call, params: Params) -> Result:
    group = meant(call, params)
    if group.name == "default":
        raise AwsError("CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user')
    referring = [one for one in SECURITY_GROUPS.where(call.tx, "refers", group.id) if one.id != group.id]
    if referring or NETWORK_INTERFACES.where(call.tx, "group", group.id):
        raise AwsError("DependencyViolation", f"resource {group.id} has a dependent object")
    SECURITY_GROUPS.forget(call.tx, group.id)
    return {"Return": True, "GroupId": group.id}


def _rule_filters(prefix: str, block: str) -> dict[str, Path]:
    return {
        f"{prefix}.cidr": (block, "IpRanges", "CidrIp"),
        f"{prefix}.from-port": (block, "FromPort"),
        f"{prefix}.group-id": (block, "UserIdGroupPairs", "GroupId"),
        f"{prefix}.group-name": (block, "UserIdGroupPairs", "GroupName"),
        f"{prefix}.ipv6-cidr": (block, "Ipv6Ranges", "CidrIpv6"),
        f"{prefix}.prefix-list-id": (block, "PrefixListIds", "PrefixListId"),
        f"{prefix}.protocol": (block, "IpProtocol"),
        f"{prefix}.to-port": (block, "ToPort"),
        f"{prefix}.user-id": (block, "UserIdGroupPairs", "UserId"),
    }


FILTERS: Mapping[str, Path] = {
    "description": ("Description",),
    "group-id": ("GroupId",),
    "group-name": ("GroupName",),
    "owner-id": ("OwnerId",),
    "vpc-id": ("VpcId",),
    **_rule_filters("ip-permission", "IpPermissions"),
    **_rule_filters("egress.ip-permission", "IpPermissionsEgress"),
}


@honours("GroupIds", "GroupNames", "Filters", "MaxResults", "NextToken")
def describe_security_groups(call: Call, params: Params) -> Result:
    ids = list(params.get("GroupIds") or ())
    ids += [_named_somewhere(call, name) for name in params.get("GroupNames") or ()]
    asked = {**params, "GroupIds": ids}
    return describe(call, asked, SECURITY_GROUP, ids="GroupIds", answer="SecurityGroups", filters=FILTERS, view=_view)


def _named_somewhere(call: Call, name: str) -> str:
    """AWS: GroupNames is for the default VPC; other VPCs' groups are found with the filter `group-name`."""
    vpc = default_vpc(call.tx, call.account)
    group = named(call.tx, vpc.id, name) if vpc else None
    if group is None:
        raise AwsError("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
    return group.id


def _view(group: SecurityGroup) -> Result:
    return {
        "GroupId": group.id,
        "GroupName": group.name,
        "Description": group.description,
        "VpcId": group.vpc_id,
        "OwnerId": group.account,
        "SecurityGroupArn": _arn(group),
        "IpPermissions": permissions.view((rule for rule in group.rules if not rule.egress), group.account),
        "IpPermissionsEgress": permissions.view((rule for rule in group.rules if rule.egress), group.account),
        "Tags": tags.view(group.tags),
    }


def _arn(group: SecurityGroup) -> str:
    return str(Arn(service="ec2", region=group.region, account=group.account, resource=f"security-group/{group.id}"))


OPERATIONS: dict[str, Operation] = {
    "CreateSecurityGroup": create_security_group,
    "DeleteSecurityGroup": delete_security_group,
    "DescribeSecurityGroups": describe_security_groups,
}
