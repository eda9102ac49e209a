"""The rules of security groups: authorized, revoked, modified, described."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aftershock.aws.arn import Arn
from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import matching
from aftershock.services.ec2.records.kinds import SECURITY_GROUP
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS, Rule, SecurityGroup
from aftershock.services.ec2.records.vpc import default_vpc
from aftershock.services.ec2.rules import permissions, tags
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.permissions import Permission, permission

from .describing import paged
from .security_groups import in_default_vpc, meant

FLAT = ("IpProtocol", "FromPort", "ToPort", "CidrIp", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId")
PERMISSIONS = (
    "IpPermissions.IpProtocol",
    "IpPermissions.FromPort",
    "IpPermissions.ToPort",
    "IpPermissions.IpRanges",
    "IpPermissions.Ipv6Ranges",
    "IpPermissions.UserIdGroupPairs.Description",
    "IpPermissions.UserIdGroupPairs.GroupId",
    "IpPermissions.UserIdGroupPairs.GroupName",
    "IpPermissions.UserIdGroupPairs.UserId",
    "IpPermissions.UserIdGroupPairs.VpcId",
)


@honours("GroupId", "GroupName", "TagSpecifications", *FLAT, *PERMISSIONS)
def authorize_security_group_ingress(call: Call, params: Params) -> Result:
    return _authorize(call, params, egress=False)


@honours("GroupId", "TagSpecifications", *PERMISSIONS)
def authorize_security_group_egress(call: Call, params: Params) -> Result:
    return _authorize(call, params, egress=True)


def _authorize(call: Call, params: Params, *, egress: bool) -> Result:
    group = meant(call, params)
    asked = _asked(call, group, params)
    if not asked:
        raise AwsError("MissingParameter", "The request must contain the parameter ipPermissions")
    permissions.check_new(group.rules, [one for one, _ in asked], egress=egress)
    tagged = tags.specified(params.get("TagSpecifications"), "security-group-rule", by=call.principal)[
        "security-group-rule"
    ]
    new = tuple(
        _rule(call.new_id("sgr"), one, egress=egress, description=description, tagged=tagged)
        for one, description in asked
    )
    _write(call, group, (*group.rules, *new))
    return {"Return": True, "SecurityGroupRules": [_view(group, rule) for rule in new]}


def _rule(
    rule_id: str,
    what: Permission,
    *,
    egress: bool,
    description: str | None,
    tagged: Mapping[str, str],
) -> Rule:
    return Rule(
        id=rule_id,
        egress=egress,
        protocol=what.protocol,
        from_port=what.from_port,
        to_port=what.to_port,
        cidr=what.cidr,
        cidr6=what.cidr6,
        group_id=what.group_id,
        description=description,
        tags=dict(tagged),
    )


def _write(call: Call, group: SecurityGroup, rules: Iterable[Rule]) -> None:
    changed = replace(group, rules=tuple(rules))
    if changed != group:
        SECURITY_GROUPS.put(call.tx, replace(changed, generation=group.generation + 1))


def _asked(call: Call, group: SecurityGroup, params: Params) -> list[tuple[Permission, str | None]]:
    """The permissions named by IpPermissions, or by the older flat parameters."""
    blocks = params.get("IpPermissions")
    flat = [name for name in FLAT if name in params]
    if blocks and flat:
        name = flat[0][0].lower() + flat[0][1:]
        raise AwsError(
            "InvalidParameterCombination",
            f"The parameter '{name}' may not be used in combination with 'ipPermissions'",
        )
    if flat:
        blocks = _flat(params)
    return permissions.parse(blocks or (), _referred(call, group))


def _flat(params: Params) -> list[dict[str, Any]]:
    """AWS: with a source group, all of TCP, UDP and ICMP, and neither a range nor ports may be given."""
    if "SourceSecurityGroupName" not in params:
        if "CidrIp" not in params:
            raise AwsError("MissingParameter", "The request must contain the parameter cidrIp")
        traffic = {name: params[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in params}
        return [{**traffic, "IpRanges": [{"CidrIp": params["CidrIp"]}]}]
    for name in ("CidrIp", "IpProtocol", "FromPort", "ToPort"):
        if name in params:
            raise AwsError(
                "InvalidParameterCombination",
                f"The parameter '{name[0].lower()}{name[1:]}' may not be used in combination with "
                "'sourceSecurityGroupName'",
            )
    pair = {"GroupName": params["SourceSecurityGroupName"]}
    if "SourceSecurityGroupOwnerId" in params:
        pair["UserId"] = params["SourceSecurityGroupOwnerId"]
    everything: list[dict[str, Any]] = [
        {"IpProtocol": "tcp", "FromPort": 0, "ToPort": permissions.MAX_PORT},
        {"IpProtocol": "udp", "FromPort": 0, "ToPort": permissions.MAX_PORT},
        {"IpProtocol": "icmp", "FromPort": permissions.ANY, "ToPort": permissions.ANY},
    ]
    return [{**traffic, "UserIdGroupPairs": [pair]} for traffic in everything]


def _referred(call: Call, group: SecurityGroup) -> Callable[[Mapping[str, Any]], str]:
    def find(pair: Mapping[str, Any]) -> str:
        group_id, name = pair.get("GroupId"), pair.get("GroupName")
        if group_id is None and name is None:
            raise AwsError("MissingParameter", "The request must contain the parameter groupId or groupName")
        if pair.get("UserId", call.account) != call.account:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id or name}' does not exist")
        if group_id is not None:
            found = SECURITY_GROUP.require(call.tx, call.account, group_id)
        else:
            found = in_default_vpc(call, str(name))
        if found.vpc_id != group.vpc_id or pair.get("VpcId", group.vpc_id) != group.vpc_id:
            raise AwsError(
                "InvalidGroup.NotFound", "You have specified two resources that belong to different networks."
            )
        return found.id

    return find


@honours("GroupId", "GroupName", "SecurityGroupRuleIds", *FLAT, *PERMISSIONS)
def revoke_security_group_ingress(call: Call, params: Params) -> Result:
    return _revoke(call, params, egress=False)


@honours("GroupId", "SecurityGroupRuleIds", *PERMISSIONS)
def revoke_security_group_egress(call: Call, params: Params) -> Result:
    return _revoke(call, params, egress=True)


def _revoke(call: Call, params: Params, *, egress: bool) -> Result:
    group = meant(call, params)
    ids = params.get("SecurityGroupRuleIds")
    by_traffic = [name for name in ("IpPermissions", *FLAT) if name in params]
    if bool(ids) == bool(by_traffic):
        if ids:
            raise AwsError(
                "InvalidParameterCombination",
                "The parameter 'ipPermissions' may not be used in combination with 'securityGroupRuleIds'",
            )
        raise AwsError("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
    unknown: list[Permission] = []
    if ids:
        gone = _by_ids(group, ids, egress=egress)
    else:
        gone, unknown = _by_traffic(call, group, params, egress=egress)
    gone_ids = {rule.id for rule in gone}
    _write(call, group, (rule for rule in group.rules if rule.id not in gone_ids))
    return {
        "Return": True,
        "RevokedSecurityGroupRules": [_revoked(group, rule) for rule in gone],
        "UnknownIpPermissions": permissions.view(
            (_rule("", one, egress=egress, description=None, tagged={}) for one in unknown), group.account
        ),
    }


def _by_ids(group: SecurityGroup, ids: Sequence[str], *, egress: bool) -> list[Rule]:
    there = {rule.id: rule for rule in group.rules if rule.egress == egress}
    for one in ids:
        if one not in there:
            raise _no_rule(one)
    return [there[one] for one in dict.fromkeys(ids)]


def _no_rule(rule_id: str) -> AwsError:
    if not rule_id.startswith("sgr-"):
        return AwsError("InvalidSecurityGroupRuleId.Malformed", f'Invalid id: "{rule_id}" (expecting "sgr-...")')
    return AwsError("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist")


def _by_traffic(
    call: Call, group: SecurityGroup, params: Params, *, egress: bool
) -> tuple[list[Rule], list[Permission]]:
    """The rules meant, and what matches none: in the default VPC that is answered, elsewhere an error."""
    there = {permission(rule): rule for rule in group.rules if rule.egress == egress}
    asked = [one for one, _ in _asked(call, group, params)]
    unknown = [one for one in asked if one not in there]
    if unknown and not _in_default_vpc(call, group):
        raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    return [there[one] for one in asked if one in there], unknown


def _in_default_vpc(call: Call, group: SecurityGroup) -> bool:
    vpc = default_vpc(call.tx, call.account)
    return vpc is not None and vpc.id == group.vpc_id


@honours(
    "GroupId",
    "SecurityGroupRules.SecurityGroupRuleId",
    *(
        f"SecurityGroupRules.SecurityGroupRule.{name}"
        for name in ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "ReferencedGroupId", "Description")
    ),
)
def modify_security_group_rules(call: Call, params: Params) -> Result:
    """Each rule named becomes what is given, and keeps its id, direction and tags."""
    group = meant(call, params)
    rules = {rule.id: rule for rule in group.rules}
    for update in params["SecurityGroupRules"]:
        rule = rules.get(update["SecurityGroupRuleId"])
        if rule is None:
            raise _no_rule(update["SecurityGroupRuleId"])
        rules[rule.id] = _modified(call, group, rule, update.get("SecurityGroupRule") or {})
    for egress in (False, True):
        kept = [rule for rule in rules.values() if rule.egress == egress]
        for place, rule in enumerate(kept):
            permissions.check_new(kept[:place], [permission(rule)], egress=egress)
    _write(call, group, rules.values())
    return {"Return": True}


def _modified(call: Call, group: SecurityGroup, rule: Rule, request: Mapping[str, Any]) -> Rule:
    block: dict[str, Any] = {name: request[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in request}
    described = {"Description": request["Description"]} if "Description" in request else {}
    if "CidrIpv4" in request:
        block["IpRanges"] = [{"CidrIp": request["CidrIpv4"], **described}]
    if "CidrIpv6" in request:
        block["Ipv6Ranges"] = [{"CidrIpv6": request["CidrIpv6"], **described}]
    if "ReferencedGroupId" in request:
        block["UserIdGroupPairs"] = [{"GroupId": request["ReferencedGroupId"], **described}]
    asked = permissions.parse([block], _referred(call, group))
    if len(asked) != 1:
        raise AwsError("InvalidParameterCombination", "A security group rule has exactly one source or destination.")
    what, description = asked[0]
    return _rule(rule.id, what, egress=rule.egress, description=description, tagged=rule.tags)


@honours("GroupId", "GroupName", "SecurityGroupRuleDescriptions", *PERMISSIONS)
def update_security_group_rule_descriptions_ingress(call: Call, params: Params) -> Result:
    return _describe_rules(call, params, egress=False)


@honours("GroupId", "GroupName", "SecurityGroupRuleDescriptions", *PERMISSIONS)
def update_security_group_rule_descriptions_egress(call: Call, params: Params) -> Result:
    return _describe_rules(call, params, egress=True)


def _describe_rules(call: Call, params: Params, *, egress: bool) -> Result:
    group = meant(call, params)
    by_id: dict[str, str | None] = {}
    for one in params.get("SecurityGroupRuleDescriptions") or ():
        (rule,) = _by_ids(group, [one.get("SecurityGroupRuleId", "")], egress=egress)
        by_id[rule.id] = permissions.text(one.get("Description"))
    there = {permission(rule): rule for rule in group.rules if rule.egress == egress}
    for what, description in _asked(call, group, params):
        if what not in there:
            raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        by_id[there[what].id] = description
    if not by_id:
        raise AwsError(
            "MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided."
        )
    _write(
        call,
        group,
        (replace(rule, description=by_id.get(rule.id, rule.description)) for rule in group.rules),
    )
    return {"Return": True}


@honours("SecurityGroupRuleIds", "Filters", "MaxResults", "NextToken")
def describe_security_group_rules(call: Call, params: Params) -> Result:
    groups = SECURITY_GROUP.every(call.tx, call.account)
    found = {rule.id: (group, rule) for group in groups for rule in group.rules}
    ids = params.get("SecurityGroupRuleIds") or list(found)
    for one in ids:
        if one not in found:
            raise _no_rule(one)
    chosen = matching(
        [found[one] for one in sorted(set(ids))],
        params.get("Filters"),
        fields={"group-id": lambda pair: pair[0].id, "security-group-rule-id": lambda pair: pair[1].id},
        tags=lambda pair: pair[1].tags,
    )
    return paged(
        params,
        chosen,
        key=lambda pair: pair[1].id,
        ids="SecurityGroupRuleIds",
        answer="SecurityGroupRules",
        view=lambda pair: _view(*pair),
    )


def _view(group: SecurityGroup, rule: Rule) -> Result:
    arn = Arn(service="ec2", region=group.region, account=group.account, resource=f"security-group-rule/{rule.id}")
    referred = {"GroupId": rule.group_id, "UserId": group.account} if rule.group_id else None
    return {
        **_traffic(group, rule),
        "SecurityGroupRuleArn": str(arn),
        "GroupOwnerId": group.account,
        "ReferencedGroupInfo": referred,
        "Tags": tags.view(rule.tags),
    }


def _revoked(group: SecurityGroup, rule: Rule) -> Result:
    return {**_traffic(group, rule), "ReferencedGroupId": rule.group_id}


def _traffic(group: SecurityGroup, rule: Rule) -> Result:
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": group.id,
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        # AWS answers -1 here where IpPermissions leaves the ports out.
        "FromPort": permissions.ANY if rule.from_port is None else rule.from_port,
        "ToPort": permissions.ANY if rule.to_port is None else rule.to_port,
        "CidrIpv4": rule.cidr,
        "CidrIpv6": rule.cidr6,
        "Description": rule.description,
    }


OPERATIONS: dict[str, Operation] = {
    "AuthorizeSecurityGroupEgress": authorize_security_group_egress,
    "AuthorizeSecurityGroupIngress": authorize_security_group_ingress,
    "DescribeSecurityGroupRules": describe_security_group_rules,
    "ModifySecurityGroupRules": modify_security_group_rules,
    "RevokeSecurityGroupEgress": revoke_security_group_egress,
    "RevokeSecurityGroupIngress": revoke_security_group_ingress,
    "UpdateSecurityGroupRuleDescriptionsEgress": update_security_group_rule_descriptions_egress,
    "UpdateSecurityGroupRuleDescriptionsIngress": update_security_group_rule_descriptions_ingress,
}
