"""Security groups and their rules."""

from typing import Any

import pytest

from tests.services.ec2.net_account import NetworkAccount

ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]


def tcp(port: int, **peers: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **(peers or {"IpRanges": ANYWHERE})}


def ingress(account: NetworkAccount, group_id: str) -> list[dict[str, Any]]:
    (group,) = account.call("DescribeSecurityGroups", GroupIds=[group_id])["SecurityGroups"]
    return list(group["IpPermissions"])


def test_a_new_group_lets_everything_out_and_nothing_in(account: NetworkAccount) -> None:
    group_id = account.group()
    (group,) = account.call("DescribeSecurityGroups", GroupIds=[group_id])["SecurityGroups"]
    assert group["IpPermissions"] == []
    (everything,) = group["IpPermissionsEgress"]
    assert everything["IpProtocol"] == "-1"
    assert everything["IpRanges"] == ANYWHERE
    assert "FromPort" not in everything
    assert group["VpcId"] == account.default_vpc.id


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("sg-web", "InvalidParameterValue", "may not be in the format sg-*"),
        ("default", "InvalidParameterValue", "reserved security group name"),
        ("wéb", "InvalidParameterValue", "beyond ASCII"),
        ("web<1>", "InvalidParameterValue", "Valid names are"),
        ("w" * 256, "InvalidParameterValue", "less than 256 characters"),
        ("web", "InvalidGroup.Duplicate", "The security group 'web' already exists for VPC 'vpc-"),
    ],
)
def test_names_that_will_not_do(account: NetworkAccount, name: str, code: str, words: str) -> None:
    account.group("web")
    refused = account.refusal("CreateSecurityGroup", GroupName=name, Description="a test")
    assert refused[0] == code
    assert words in refused[1]


def test_two_vpcs_may_have_groups_of_one_name(account: NetworkAccount) -> None:
    assert account.group("web") != account.group("web", account.vpc())


def test_rules_for_the_same_traffic_are_shown_together(account: NetworkAccount) -> None:
    group_id, other = account.group("web"), account.group("lb")
    asked = [
        tcp(80),
        tcp(80, IpRanges=[{"CidrIp": "10.1.2.3/8", "Description": "inside"}]),
        tcp(80, UserIdGroupPairs=[{"GroupId": other}]),
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "192.0.2.0/24"}], "FromPort": 1, "ToPort": 2},
    ]
    made = account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=asked)
    assert len({rule["SecurityGroupRuleId"] for rule in made["SecurityGroupRules"]}) == 4
    web, everything = ingress(account, group_id)
    assert web["IpRanges"] == [*ANYWHERE, {"CidrIp": "10.0.0.0/8", "Description": "inside"}]
    assert web["UserIdGroupPairs"] == [{"GroupId": other, "UserId": "123456789012"}]
    assert "FromPort" not in everything


@pytest.mark.parametrize(
    ("permission", "code", "message"),
    [
        (tcp(22), "InvalidPermission.Duplicate", "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW"),
        ({"IpProtocol": "6", "FromPort": 22, "ToPort": 22, "IpRanges": ANYWHERE}, "InvalidPermission.Duplicate", "TCP"),
        (
            {"IpProtocol": "50", "IpRanges": ANYWHERE},
            "InvalidPermission.Duplicate",
            "peer: 0.0.0.0/0, protocol: 50, ALLOW",
        ),
        ({"IpProtocol": "tcp", "IpRanges": ANYWHERE}, "InvalidParameterValue", "Must specify both from and to ports"),
        (tcp(70000), "InvalidParameterValue", "TCP/UDP port (70000) out of range"),
        (tcp(-1), "InvalidParameterValue", "TCP/UDP port (-1) out of range"),
        (
            {"IpProtocol": "udp", "FromPort": 9, "ToPort": 8, "IpRanges": ANYWHERE},
            "InvalidParameterValue",
            "Invalid TCP/UDP port range (9:8)",
        ),
        ({"IpProtocol": "icmp", "FromPort": 256, "ToPort": 0, "IpRanges": ANYWHERE}, "InvalidParameterValue", "ICMP"),
        ({"IpProtocol": "tpc", "IpRanges": ANYWHERE}, "InvalidParameterValue", "Invalid value 'tpc' for IP protocol"),
        ({"IpProtocol": "256", "IpRanges": ANYWHERE}, "InvalidParameterValue", "Unknown protocol"),
        (tcp(1, IpRanges=[{"CidrIp": "10.0.0.0"}]), "InvalidParameterValue", "CIDR block 10.0.0.0 is malformed"),
        (tcp(1, IpRanges=[{"CidrIp": "::/0"}]), "InvalidParameterValue", "malformed"),
        (tcp(1, Ipv6Ranges=[{"CidrIpv6": "10.0.0.0/8"}]), "InvalidParameterValue", "malformed"),
        (tcp(1, IpRanges=[]), "MissingParameter", "ipRanges"),
        ({"FromPort": 1, "ToPort": 1, "IpRanges": ANYWHERE}, "MissingParameter", "ipProtocol"),
        (tcp(1, IpRanges=ANYWHERE * 2), "InvalidParameterValue", "must not appear multiple times"),
        (tcp(1, PrefixListIds=[{"PrefixListId": "pl-1"}]), "UnsupportedOperation", "IpPermissions.PrefixListIds"),
        (tcp(1, UserIdGroupPairs=[{"GroupId": "sg-0123456789abcdef0"}]), "InvalidGroup.NotFound", "does not exist"),
        (tcp(1, UserIdGroupPairs=[{"GroupId": "web"}]), "InvalidGroupId.Malformed", 'Invalid id: "web"'),
        (tcp(1, UserIdGroupPairs=[{"GroupName": "nobody"}]), "InvalidGroup.NotFound", "nobody"),
        (
            tcp(1, UserIdGroupPairs=[{"GroupId": "sg-0123456789abcdef0", "UserId": "999999999999"}]),
            "InvalidGroup.NotFound",
            "does not exist",
        ),
        (tcp(1, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "é"}]), "InvalidParameterValue", "rule description"),
    ],
)
def test_rules_that_will_not_do(account: NetworkAccount, permission: dict[str, Any], code: str, message: str) -> None:
    group_id = account.group()
    there = [tcp(22), {"IpProtocol": "50", "IpRanges": ANYWHERE}]
    account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=there)
    before = ingress(account, group_id)
    refused = account.refusal("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(23), permission])
    assert refused[0] == code
    assert message in refused[1]
    assert ingress(account, group_id) == before


def test_a_group_of_another_vpc_is_no_peer(account: NetworkAccount) -> None:
    stranger = account.group("web", account.vpc())
    refused = account.refusal(
        "AuthorizeSecurityGroupIngress",
        GroupId=account.group(),
        IpPermissions=[tcp(80, UserIdGroupPairs=[{"GroupId": stranger}])],
    )
    assert refused == ("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")


def test_ipv6_ranges_are_recorded(account: NetworkAccount) -> None:
    group_id = account.group()
    asked = [tcp(80, Ipv6Ranges=[{"CidrIpv6": "::/0"}])]
    account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=asked)
    assert ingress(account, group_id)[0]["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]


def test_the_older_flat_parameters_mean_the_same(account: NetworkAccount) -> None:
    group_id = account.group("web")
    account.call(
        "AuthorizeSecurityGroupIngress", GroupName="web", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    (shown,) = ingress(account, group_id)
    assert (shown["FromPort"], shown["IpRanges"]) == (22, ANYWHERE)
    account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, SourceSecurityGroupName="default")
    assert [one["IpProtocol"] for one in ingress(account, group_id)] == ["tcp", "tcp", "udp", "icmp"]
    refused = account.refusal(
        "AuthorizeSecurityGroupIngress", GroupId=group_id, IpProtocol="tcp", IpPermissions=[tcp(80)]
    )
    assert refused[0] == "InvalidParameterCombination"


def test_the_sixty_first_rule_is_refused_and_ipv6_counts_apart(account: NetworkAccount) -> None:
    group_id = account.group()
    account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(port) for port in range(60)])
    refused = account.refusal("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(60)])
    assert refused[0] == "RulesPerSecurityGroupLimitExceeded"
    account.call(
        "AuthorizeSecurityGroupIngress",
        GroupId=group_id,
        IpPermissions=[tcp(port, Ipv6Ranges=[{"CidrIpv6": "::/0"}]) for port in range(60)],
    )
    account.call("AuthorizeSecurityGroupEgress", GroupId=group_id, IpPermissions=[tcp(60)])


def test_rules_are_revoked_by_traffic_or_by_id(account: NetworkAccount) -> None:
    group_id = account.group(vpc_id=account.vpc())
    made = account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(80), tcp(443)])
    first = made["SecurityGroupRules"][0]
    gone = account.call(
        "RevokeSecurityGroupIngress", GroupId=group_id, SecurityGroupRuleIds=[first["SecurityGroupRuleId"]]
    )
    assert gone["RevokedSecurityGroupRules"][0]["FromPort"] == 80
    account.call("RevokeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(443)])
    assert ingress(account, group_id) == []
    assert account.refusal("RevokeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(443)]) == (
        "InvalidPermission.NotFound",
        "The specified rule does not exist in this security group.",
    )
    assert account.refusal("RevokeSecurityGroupIngress", GroupId=group_id)[0] == "MissingParameter"


def test_in_the_default_vpc_revoking_what_is_not_there_is_answered(account: NetworkAccount) -> None:
    answer = account.call("RevokeSecurityGroupIngress", GroupId=account.group(), IpPermissions=[tcp(443)])
    assert answer["RevokedSecurityGroupRules"] == []
    assert answer["UnknownIpPermissions"][0]["FromPort"] == 443


def test_a_rule_is_modified_in_its_place(account: NetworkAccount) -> None:
    group_id = account.group()
    (rule,) = account.call(
        "AuthorizeSecurityGroupIngress",
        GroupId=group_id,
        IpPermissions=[tcp(80)],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "b"}]}],
    )["SecurityGroupRules"]
    new = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIpv4": "10.0.0.0/8", "Description": "dns"}
    update = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": new}
    account.call("ModifySecurityGroupRules", GroupId=group_id, SecurityGroupRules=[update])
    (shown,) = account.call("DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])[
        "SecurityGroupRules"
    ]
    assert (shown["IpProtocol"], shown["CidrIpv4"], shown["Description"]) == ("udp", "10.0.0.0/8", "dns")
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]
    both = new | {"CidrIpv6": "::/0"}
    refused = account.refusal(
        "ModifySecurityGroupRules",
        GroupId=group_id,
        SecurityGroupRules=[{"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": both}],
    )
    assert refused[0] == "InvalidParameterCombination"


def test_a_description_is_changed_without_touching_the_traffic(account: NetworkAccount) -> None:
    group_id = account.group()
    account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(80)])
    described = tcp(80, IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "the web"}])
    account.call("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group_id, IpPermissions=[described])
    assert ingress(account, group_id)[0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0", "Description": "the web"}]
    refused = account.refusal("UpdateSecurityGroupRuleDescriptionsEgress", GroupId=group_id, IpPermissions=[described])
    assert refused[0] == "InvalidPermission.NotFound"


def test_a_group_that_is_used_or_referred_to_stays(account: NetworkAccount) -> None:
    used, referred, referring = account.group("used"), account.group("referred"), account.group("referring")
    eni = account.eni(Groups=[used])
    rule = [tcp(80, UserIdGroupPairs=[{"GroupId": referred}])]
    account.call("AuthorizeSecurityGroupIngress", GroupId=referring, IpPermissions=rule)
    for group_id in (used, referred):
        assert account.refusal("DeleteSecurityGroup", GroupId=group_id) == (
            "DependencyViolation",
            f"resource {group_id} has a dependent object",
        )
    account.call("DeleteNetworkInterface", NetworkInterfaceId=eni)
    account.call("DeleteSecurityGroup", GroupId=referring)
    account.call("DeleteSecurityGroup", GroupId=referred)
    account.call("DeleteSecurityGroup", GroupName="used")


def test_a_group_that_refers_to_itself_can_go(account: NetworkAccount) -> None:
    group_id = account.group()
    rule = [tcp(80, UserIdGroupPairs=[{"GroupName": "web"}])]
    account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=rule)
    account.call("DeleteSecurityGroup", GroupId=group_id)


def test_the_default_group_stays(account: NetworkAccount) -> None:
    (group,) = account.call("DescribeSecurityGroups", GroupNames=["default"])["SecurityGroups"]
    assert account.refusal("DeleteSecurityGroup", GroupId=group["GroupId"]) == (
        "CannotDelete",
        f'the specified group: "{group["GroupId"]}" name: "default" cannot be deleted by a user',
    )


def test_groups_are_found_by_their_rules(account: NetworkAccount) -> None:
    group_id = account.group()
    account.group("other")
    account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[tcp(8080)])
    found = account.call("DescribeSecurityGroups", Filters=[{"Name": "ip-permission.from-port", "Values": ["8080"]}])
    assert [one["GroupId"] for one in found["SecurityGroups"]] == [group_id]
    rules = account.call("DescribeSecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group_id]}])
    assert sorted(rule["IsEgress"] for rule in rules["SecurityGroupRules"]) == [False, True]
