"""AWS::EC2, the firewall: security groups and their rules."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    INTEGER,
    STRING,
    TAGS,
    Property,
    changing,
    fixed,
    many,
    members,
)

from .ec2_network import retag, tagged
from .model import Doing, FailedError, ResourceType, Seen, found

_SOURCES = ("SourceSecurityGroupId", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId")
_TARGETS = ("DestinationSecurityGroupId",)
_RULE = {
    "IpProtocol": STRING,
    "FromPort": INTEGER,
    "ToPort": INTEGER,
    "CidrIp": STRING,
    "CidrIpv6": STRING,
    "Description": STRING,
}
INGRESS = members("IpProtocol", **_RULE, **dict.fromkeys(_SOURCES, STRING))
EGRESS = members("IpProtocol", **_RULE, **dict.fromkeys(_TARGETS, STRING))
_EVERYWHERE = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as EC2's operations take it."""
    told = {"Description": rule["Description"]} if "Description" in rule else {}
    made: dict[str, Any] = {"IpProtocol": rule["IpProtocol"]}
    made |= {name: rule[name] for name in ("FromPort", "ToPort") if name in rule}
    if "CidrIp" in rule:
        made["IpRanges"] = [{"CidrIp": rule["CidrIp"], **told}]
    if "CidrIpv6" in rule:
        made["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **told}]
    pair = {
        "GroupId": rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId"),
        "GroupName": rule.get("SourceSecurityGroupName"),
        "UserId": rule.get("SourceSecurityGroupOwnerId"),
    }
    pair = {name: value for name, value in pair.items() if value}
    if pair:
        made["UserIdGroupPairs"] = [{**pair, **told}]
    return made


def _authorize(doing: Doing, group_id: str, way: str, rules: list[Mapping[str, Any]]) -> None:
    if rules:
        permissions = [permission(rule) for rule in rules]
        doing.ask("ec2", f"AuthorizeSecurityGroup{way}", GroupId=group_id, IpPermissions=permissions)


def _revoke(doing: Doing, group_id: str, way: str, rules: list[Mapping[str, Any]]) -> None:
    if rules:
        permissions = [permission(rule) for rule in rules]
        doing.ask("ec2", f"RevokeSecurityGroup{way}", GroupId=group_id, IpPermissions=permissions)


def _wanted(properties: Mapping[str, Any], way: str) -> list[Mapping[str, Any]]:
    default = [_EVERYWHERE] if way == "Egress" else []
    return list(properties.get(f"SecurityGroup{way}") or default)


def _create(doing: Doing) -> str:
    asked = {
        "GroupName": doing.properties.get("GroupName") or doing.name(255),
        "Description": doing.properties["GroupDescription"],
        **doing.given("VpcId"),
    }
    group_id = str(doing.ask("ec2", "CreateSecurityGroup", **asked, **tagged(doing, "security-group"))["GroupId"])
    _rules(doing, group_id, {})
    # AWS: "Ref returns the ID of the security group if you specified the VpcId property. Otherwise, it returns the name
    # of the security group".
    return group_id if "VpcId" in doing.properties else str(asked["GroupName"])


def _rules(doing: Doing, group_id: str, before: Mapping[str, Any]) -> None:
    for way in ("Ingress", "Egress"):
        was, now = _wanted(before, way), _wanted(doing.properties, way)
        _revoke(doing, group_id, way, [rule for rule in was if rule not in now])
        _authorize(doing, group_id, way, [rule for rule in now if rule not in was])


def described(doing: Doing, physical_id: str) -> Mapping[str, Any] | None:
    """The group of this id, or of the default VPC the one of this name."""
    by = {"GroupIds" if "VpcId" in doing.properties else "GroupNames": [physical_id]}
    answer = found(lambda: doing.ask("ec2", "DescribeSecurityGroups", **by), "InvalidGroup.NotFound")
    return answer["SecurityGroups"][0] if answer is not None and answer["SecurityGroups"] else None


def _read(doing: Doing, physical_id: str) -> Seen | None:
    group = described(doing, physical_id)
    if group is None:
        return None
    return Seen(
        {"GroupId": group["GroupId"], "Id": physical_id, "VpcId": group["VpcId"], "GroupName": group["GroupName"]}
    )


def _update(doing: Doing, physical_id: str, before: Mapping[str, Any]) -> None:
    group = described(doing, physical_id)
    if group is None:
        raise FailedError(f"The security group '{physical_id}' does not exist")
    group_id = group["GroupId"]
    _rules(doing, group_id, before)
    retag(doing, group_id, before)


def _delete(doing: Doing, physical_id: str) -> None:
    group = described(doing, physical_id)
    if group is not None:
        doing.ask("ec2", "DeleteSecurityGroup", GroupId=group["GroupId"])


def _wrong(properties: Mapping[str, Any]) -> str | None:
    if "SecurityGroupEgress" in properties and "VpcId" not in properties:
        return "SecurityGroupEgress cannot be specified without VpcId"
    return None


SECURITY_GROUP = ResourceType(
    name="AWS::EC2::SecurityGroup",
    properties={
        "GroupDescription": fixed(STRING, required=True),
        "GroupName": fixed(STRING),
        "SecurityGroupEgress": changing(many(EGRESS)),
        "SecurityGroupIngress": changing(many(INGRESS)),
        "Tags": changing(TAGS),
        "VpcId": fixed(STRING),
    },
    named="GroupName",
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    attributes=("GroupId", "Id", "VpcId", "GroupName"),
    tags="list",
    check=_wrong,
)


def _rule(doing: Doing, rule_id: str) -> Mapping[str, Any] | None:
    answer = found(
        lambda: doing.ask("ec2", "DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule_id]),
        "InvalidSecurityGroupRuleId.NotFound",
    )
    return answer["SecurityGroupRules"][0] if answer is not None and answer["SecurityGroupRules"] else None


def _rule_type(way: str, others: tuple[str, ...]) -> ResourceType:
    def create(doing: Doing) -> str:
        group = doing.given("GroupId", "GroupName")
        answer = doing.ask("ec2", f"AuthorizeSecurityGroup{way}", **group, IpPermissions=[permission(doing.properties)])
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def read(doing: Doing, rule_id: str) -> Seen | None:
        return Seen({"Id": rule_id}) if _rule(doing, rule_id) is not None else None

    def update(doing: Doing, rule_id: str, _before: Mapping[str, Any]) -> None:
        rule = _rule(doing, rule_id)
        if rule is None:
            raise FailedError(f"The security group rule '{rule_id}' does not exist")
        told = {"SecurityGroupRuleId": rule_id, "Description": doing.properties.get("Description", "")}
        doing.ask(
            "ec2",
            f"UpdateSecurityGroupRuleDescriptions{way}",
            GroupId=rule["GroupId"],
            SecurityGroupRuleDescriptions=[told],
        )

    def delete(doing: Doing, rule_id: str) -> None:
        rule = _rule(doing, rule_id)
        if rule is not None:
            doing.ask("ec2", f"RevokeSecurityGroup{way}", GroupId=rule["GroupId"], SecurityGroupRuleIds=[rule_id])

    group: dict[str, Property] = {"GroupId": fixed(STRING, required=way == "Egress")}
    if way == "Ingress":
        group["GroupName"] = fixed(STRING)
    return ResourceType(
        name=f"AWS::EC2::SecurityGroup{way}",
        properties={
            "IpProtocol": fixed(STRING, required=True),
            "FromPort": fixed(INTEGER),
            "ToPort": fixed(INTEGER),
            **group,
            **{name: fixed(STRING) for name in ("CidrIp", "CidrIpv6", *others)},
            "Description": changing(STRING),
        },
        create=create,
        read=read,
        update=update,
        delete=delete,
        attributes=("Id",),
    )


TYPES = (SECURITY_GROUP, _rule_type("Ingress", _SOURCES), _rule_type("Egress", _TARGETS))
