"""VPCs and what they are born with."""

from typing import Any

import pytest

from tests.services.ec2.net_account import NetworkAccount


def test_a_fresh_account_has_a_default_vpc_with_a_way_to_the_internet(account: NetworkAccount) -> None:
    (vpc,) = account.call("DescribeVpcs")["Vpcs"]
    assert (vpc["CidrBlock"], vpc["IsDefault"]) == ("172.31.0.0/16", True)
    subnets = account.call("DescribeSubnets")["Subnets"]
    assert {(one["AvailabilityZone"], one["CidrBlock"]) for one in subnets} == {
        ("us-east-1a", "172.31.0.0/20"),
        ("us-east-1b", "172.31.16.0/20"),
        ("us-east-1c", "172.31.32.0/20"),
    }
    assert all(one["MapPublicIpOnLaunch"] and one["DefaultForAz"] for one in subnets)
    assert {one["AvailableIpAddressCount"] for one in subnets} == {4091}
    (gateway,) = account.call("DescribeInternetGateways")["InternetGateways"]
    assert gateway["Attachments"][0]["VpcId"] == vpc["VpcId"]
    (table,) = account.call("DescribeRouteTables")["RouteTables"]
    assert [(one["DestinationCidrBlock"], one["GatewayId"], one["State"]) for one in table["Routes"]] == [
        ("172.31.0.0/16", "local", "active"),
        ("0.0.0.0/0", gateway["InternetGatewayId"], "active"),
    ]
    assert table["Associations"][0]["Main"]
    (group,) = account.call("DescribeSecurityGroups")["SecurityGroups"]
    assert group["GroupName"] == "default"
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    (acl,) = account.call("DescribeNetworkAcls")["NetworkAcls"]
    assert len(acl["Associations"]) == 3
    (options,) = account.call("DescribeDhcpOptions")["DhcpOptions"]
    assert options["DhcpOptionsId"] == vpc["DhcpOptionsId"]


def test_a_vpc_is_pending_until_its_router_was_seen(account: NetworkAccount) -> None:
    assert account.call("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["State"] == "pending"


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("10.0.0.0/15", "InvalidVpc.Range"),
        ("10.0.0.0/29", "InvalidVpc.Range"),
        ("127.0.0.0/16", "InvalidVpc.Range"),
        ("198.19.0.0/16", "InvalidVpc.Range"),
        ("169.254.0.0/16", "InvalidVpc.Range"),
        ("10.0.0.0", "InvalidParameterValue"),
        ("10.0.0.0/255.255.0.0", "InvalidParameterValue"),
        ("ten/16", "InvalidParameterValue"),
        ("10.0.0.0/", "InvalidParameterValue"),
        ("", "InvalidParameterValue"),
    ],
)
def test_a_range_that_no_vpc_may_have_is_refused(account: NetworkAccount, cidr: str, code: str) -> None:
    assert account.refusal("CreateVpc", CidrBlock=cidr)[0] == code


def test_host_bits_of_a_range_are_cleared(account: NetworkAccount) -> None:
    assert account.call("CreateVpc", CidrBlock="100.68.0.18/18")["Vpc"]["CidrBlock"] == "100.68.0.0/18"


def test_the_sixth_vpc_is_refused(account: NetworkAccount) -> None:
    for number in range(4):
        account.vpc(f"10.{number}.0.0/16")
    assert account.refusal("CreateVpc", CidrBlock="10.9.0.0/16") == (
        "VpcLimitExceeded",
        "The maximum number of VPCs has been reached.",
    )


def test_a_vpc_takes_what_it_was_born_with_along(account: NetworkAccount) -> None:
    before = {name: account.call(f"Describe{name}")[name] for name in ("RouteTables", "SecurityGroups", "NetworkAcls")}
    account.call("DeleteVpc", VpcId=account.vpc())
    assert before == {name: account.call(f"Describe{name}")[name] for name in before}


@pytest.mark.parametrize("dependent", ["subnet", "group", "table", "gateway", "acl"])
def test_a_vpc_with_dependents_cannot_be_deleted(account: NetworkAccount, dependent: str) -> None:
    vpc_id = account.vpc()
    match dependent:
        case "subnet":
            account.subnet(vpc_id)
        case "group":
            account.group(vpc_id=vpc_id)
        case "table":
            account.call("CreateRouteTable", VpcId=vpc_id)
        case "acl":
            account.call("CreateNetworkAcl", VpcId=vpc_id)
        case "gateway":
            gateway = account.call("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
            account.call("AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc_id)
    assert account.refusal("DeleteVpc", VpcId=vpc_id) == (
        "DependencyViolation",
        f"The vpc '{vpc_id}' has dependencies and cannot be deleted.",
    )


def test_the_default_vpc_can_be_deleted_and_made_again(account: NetworkAccount) -> None:
    assert account.refusal("CreateDefaultVpc")[0] == "DefaultVpcAlreadyExists"
    for subnet in account.call("DescribeSubnets")["Subnets"]:
        account.call("DeleteSubnet", SubnetId=subnet["SubnetId"])
    (gateway,) = account.call("DescribeInternetGateways")["InternetGateways"]
    ids = {"InternetGatewayId": gateway["InternetGatewayId"]}
    account.call("DetachInternetGateway", **ids, VpcId=account.default_vpc.id)
    account.call("DeleteInternetGateway", **ids)
    account.call("DeleteVpc", VpcId=account.default_vpc.id)
    assert account.call("DescribeVpcs")["Vpcs"] == []
    assert account.call("CreateDefaultVpc")["Vpc"]["IsDefault"]
    assert len(account.call("DescribeSubnets")["Subnets"]) == 3


def test_dns_hostnames_can_be_switched_and_the_resolver_cannot_be_taken_away(account: NetworkAccount) -> None:
    vpc_id = account.vpc()
    ask = {"VpcId": vpc_id, "Attribute": "enableDnsHostnames"}
    assert account.call("DescribeVpcAttribute", **ask)["EnableDnsHostnames"] == {"Value": False}
    account.call("ModifyVpcAttribute", VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    assert account.call("DescribeVpcAttribute", **ask)["EnableDnsHostnames"] == {"Value": True}
    account.call("ModifyVpcAttribute", VpcId=vpc_id, EnableDnsSupport={"Value": True})
    refused = account.refusal("ModifyVpcAttribute", VpcId=vpc_id, EnableDnsSupport={"Value": False})
    assert refused[0] == "UnsupportedOperation"
    assert "EnableDnsSupport.Value" in refused[1]


@pytest.mark.parametrize(
    "params",
    [
        {"AmazonProvidedIpv6CidrBlock": True},
        {"InstanceTenancy": "dedicated"},
        {"Ipv4IpamPoolId": "ipam-pool-1"},
    ],
)
def test_what_is_not_honoured_is_refused_by_name(account: NetworkAccount, params: dict[str, object]) -> None:
    code, message = account.refusal("CreateVpc", CidrBlock="10.0.0.0/16", **params)
    assert code == "UnsupportedOperation"
    assert next(iter(params)) in message


def test_filters_pages_and_ids(account: NetworkAccount) -> None:
    ids = {account.vpc(f"10.{number}.0.0/16") for number in range(4)} | {account.default_vpc.id}
    found = account.call("DescribeVpcs", Filters=[{"Name": "cidr", "Values": ["10.*"]}])["Vpcs"]
    assert {one["VpcId"] for one in found} == ids - {account.default_vpc.id}
    shown = account.call("DescribeVpcs", MaxResults=5)
    assert {one["VpcId"] for one in shown["Vpcs"]} == ids
    assert "NextToken" not in shown
    assert account.refusal("DescribeVpcs", VpcIds=[account.default_vpc.id], MaxResults=5)[0] == (
        "InvalidParameterCombination"
    )
    assert account.refusal("DescribeVpcs", NextToken="nonsense")[0] == "InvalidNextToken"
    assert account.refusal("DescribeVpcs", VpcIds=["vpc-0123456789abcdef0"]) == (
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-0123456789abcdef0' does not exist",
    )
    assert account.refusal("DescribeVpcs", Filters=[{"Name": "colour", "Values": ["red"]}])[0] == (
        "InvalidParameterValue"
    )


TRUE = [
    {"Key": "domain-name", "Values": ["ec2.internal"]},
    {"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]},
]


@pytest.mark.parametrize(
    ("wanted", "option"),
    [
        ([{"Key": "domain-name", "Values": ["example.com"]}, TRUE[1]], "domain-name"),
        ([TRUE[0], {"Key": "domain-name-servers", "Values": ["10.0.0.2"]}], "domain-name-servers"),
        ([TRUE[0]], "domain-name-servers"),
        ([*TRUE, {"Key": "ntp-servers", "Values": ["10.0.0.3"]}], "ntp-servers"),
    ],
)
def test_dhcp_options_that_are_not_so_are_refused_by_their_name(
    account: NetworkAccount, wanted: list[dict[str, Any]], option: str
) -> None:
    code, message = account.refusal("CreateDhcpOptions", DhcpConfigurations=wanted)
    assert (code, f"DHCP option {option} is not supported" in message) == ("UnsupportedOperation", True), message


def test_a_set_of_dhcp_options_comes_is_had_and_goes(account: NetworkAccount) -> None:
    tagged = [{"ResourceType": "dhcp-options", "Tags": [{"Key": "Name", "Value": "mine"}]}]
    made = account.call("CreateDhcpOptions", DhcpConfigurations=TRUE, TagSpecifications=tagged)["DhcpOptions"]
    own, given, vpc = made["DhcpOptionsId"], account.default_vpc.dhcp_options_id, account.default_vpc.id
    assert made["Tags"] == [{"Key": "Name", "Value": "mine"}]
    # A new VPC has the region's set, whatever the account has made.
    assert account.call("CreateVpc", CidrBlock="10.1.0.0/16")["Vpc"]["DhcpOptionsId"] == given
    account.call("AssociateDhcpOptions", VpcId=vpc, DhcpOptionsId=own)
    assert account.call("DescribeVpcs", VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == own
    assert account.refusal("DeleteDhcpOptions", DhcpOptionsId=own) == (
        "DependencyViolation",
        f"The dhcpOptions '{own}' has dependencies and cannot be deleted.",
    )
    account.call("AssociateDhcpOptions", VpcId=vpc, DhcpOptionsId="default")
    assert account.call("DescribeVpcs", VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == "default"
    account.call("DeleteDhcpOptions", DhcpOptionsId=own)
    assert account.refusal("AssociateDhcpOptions", VpcId=vpc, DhcpOptionsId=own)[0] == "InvalidDhcpOptionID.NotFound"
