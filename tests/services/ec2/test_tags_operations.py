"""Tags over all of EC2's resources."""

import dataclasses
from typing import Any

import pytest

from tests.services.account import ROOT
from tests.services.ec2.net_account import NetworkAccount


def tag(key: str = "Name", value: str = "web") -> dict[str, str]:
    return {"Key": key, "Value": value}


def everything(account: NetworkAccount) -> dict[str, str]:
    """One resource of every kind, by the name of its type."""
    (group,) = account.call("DescribeSecurityGroups")["SecurityGroups"]
    (table,) = account.call("DescribeRouteTables")["RouteTables"]
    rules = account.call("DescribeSecurityGroupRules")["SecurityGroupRules"]
    return {
        "vpc": account.default_vpc.id,
        "dhcp-options": account.default_vpc.dhcp_options_id,
        "internet-gateway": str(account.default_vpc.internet_gateway_id),
        "subnet": account.default_subnet(),
        "route-table": table["RouteTableId"],
        "security-group": group["GroupId"],
        "security-group-rule": rules[0]["SecurityGroupRuleId"],
        "network-interface": account.eni(),
        "elastic-ip": account.call("AllocateAddress")["AllocationId"],
        "key-pair": account.call("CreateKeyPair", KeyName="mine", KeyType="ed25519")["KeyPairId"],
    }


def test_every_kind_of_resource_is_tagged_and_untagged(account: NetworkAccount) -> None:
    resources = everything(account)
    account.call("CreateTags", Resources=list(resources.values()), Tags=[tag(), tag("Stage", "")])
    shown = account.call("DescribeTags", Filters=[{"Name": "key", "Values": ["Name"]}])["Tags"]
    assert {one["ResourceType"]: one["ResourceId"] for one in shown} == resources
    account.call("DeleteTags", Resources=list(resources.values()), Tags=[tag()])
    shown = account.call("DescribeTags")["Tags"]
    assert {one["Key"] for one in shown} == {"Stage"}
    assert len(shown) == len(resources)


def test_one_missing_resource_leaves_all_untouched(account: NetworkAccount) -> None:
    ids = [account.default_vpc.id, "subnet-0123456789abcdef0"]
    assert account.refusal("CreateTags", Resources=ids, Tags=[tag()])[0] == "InvalidSubnetID.NotFound"
    assert account.refusal("CreateTags", Resources=["nonsense"], Tags=[tag()]) == (
        "InvalidID",
        "The ID 'nonsense' is not valid",
    )
    assert account.call("DescribeTags")["Tags"] == []


@pytest.mark.parametrize(
    ("tags", "left"),
    [
        ([{"Key": "a"}], {"b"}),
        ([{"Key": "a", "Value": "1"}], {"b"}),
        ([{"Key": "a", "Value": "2"}], {"a", "b"}),
        ([{"Key": "a", "Value": ""}], {"a", "b"}),
        ([{"Key": "c"}], {"a", "b"}),
        (None, set()),
    ],
)
def test_a_tag_is_deleted_if_its_value_is_meant(
    account: NetworkAccount, tags: list[dict[str, str]] | None, left: set[str]
) -> None:
    ids = [account.default_vpc.id]
    account.call("CreateTags", Resources=ids, Tags=[tag("a", "1"), tag("b", "1")])
    account.call("DeleteTags", Resources=ids, **({"Tags": tags} if tags else {}))
    assert {one["Key"] for one in account.call("DescribeTags")["Tags"]} == left


@pytest.mark.parametrize(
    ("tags", "code", "words"),
    [
        ([tag("aws:mine")], "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"),
        ([tag("AWS:mine")], "InvalidParameterValue", "reserved"),
        ([tag("k" * 128)], "InvalidParameterValue", "maximum length of 127"),
        ([tag("k", "v" * 257)], "InvalidParameterValue", "maximum length of 256"),
        ([tag(), tag()], "InvalidParameterValue", "Duplicate tag key 'Name' specified."),
        ([tag("")], "InvalidParameterValue", "empty"),
        ([tag(f"k{number}") for number in range(51)], "TagLimitExceeded", "maximum number of Tags"),
    ],
)
def test_tags_that_will_not_do(account: NetworkAccount, tags: list[dict[str, str]], code: str, words: str) -> None:
    on_creation = [{"ResourceType": "vpc", "Tags": tags}]
    for refused in (
        account.refusal("CreateTags", Resources=[account.default_vpc.id], Tags=tags),
        account.refusal("CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=on_creation),
    ):
        assert refused[0] == code
        assert words in refused[1]


def test_reserved_keys_are_for_awss_own_services(account: NetworkAccount) -> None:
    stack = tag("aws:cloudformation:stack-name", "site")
    account.principal = dataclasses.replace(ROOT, service="cloudformation.amazonaws.com")
    made = account.call(
        "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [stack]}]
    )
    vpc = made["Vpc"]["VpcId"]
    account.call("CreateTags", Resources=[vpc], Tags=[tag("aws:cloudformation:logical-id", "Vpc")])
    account.principal = ROOT
    account.call("DeleteTags", Resources=[vpc])
    shown = account.call("DescribeTags", Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"]
    assert {one["Key"] for one in shown} == {"aws:cloudformation:stack-name", "aws:cloudformation:logical-id"}


def test_fifty_tags_are_the_most_however_they_come(account: NetworkAccount) -> None:
    ids = [account.default_vpc.id]
    account.call("CreateTags", Resources=ids, Tags=[tag(f"k{number}") for number in range(50)])
    account.call("CreateTags", Resources=ids, Tags=[tag("k1", "again")])
    assert account.refusal("CreateTags", Resources=ids, Tags=[tag("one more")])[0] == "TagLimitExceeded"


@pytest.mark.parametrize(
    "specification",
    [
        {"ResourceType": "subnet", "Tags": [tag()]},
        {"ResourceType": "vpc"},
        {"Tags": [tag()]},
    ],
)
def test_tag_specifications_must_fit(account: NetworkAccount, specification: dict[str, Any]) -> None:
    refused = account.refusal("CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=[specification])
    assert refused[0] == "InvalidParameterValue"


def test_resources_are_found_by_their_tags(account: NetworkAccount) -> None:
    made = account.call(
        "CreateVpc",
        CidrBlock="10.0.0.0/16",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [tag("Name", "shop")]}],
    )["Vpc"]
    assert made["Tags"] == [tag("Name", "shop")]
    for name, value in (("tag:Name", "sh?p"), ("tag-key", "Name")):
        (found,) = account.call("DescribeVpcs", Filters=[{"Name": name, "Values": [value]}])["Vpcs"]
        assert found["VpcId"] == made["VpcId"]


def test_tags_come_in_pages(account: NetworkAccount) -> None:
    account.call("CreateTags", Resources=[account.default_vpc.id], Tags=[tag(f"k{number}") for number in range(12)])
    keys: list[str] = []
    page = account.call("DescribeTags", MaxResults=5)
    keys += [one["Key"] for one in page["Tags"]]
    while "NextToken" in page:
        page = account.call("DescribeTags", MaxResults=5, NextToken=page["NextToken"])
        keys += [one["Key"] for one in page["Tags"]]
    assert sorted(keys) == sorted(f"k{number}" for number in range(12))
