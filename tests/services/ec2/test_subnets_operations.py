"""Subnets."""

import pytest

from tests.services.ec2.net_account import NetworkAccount


def test_a_subnet_counts_its_free_addresses(account: NetworkAccount) -> None:
    subnet_id = account.subnet(account.vpc(), "10.0.1.0/28")
    for left in range(11, 0, -1):
        (shown,) = account.call("DescribeSubnets", SubnetIds=[subnet_id])["Subnets"]
        assert shown["AvailableIpAddressCount"] == left
        account.eni(subnet_id)
    assert account.refusal("CreateNetworkInterface", SubnetId=subnet_id)[0] == "InsufficientFreeAddressesInSubnet"


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.0/15", "InvalidSubnet.Range"),
        ("10.0.2.0/29", "InvalidSubnet.Range"),
        ("10.0.1.0/24", "InvalidSubnet.Conflict"),
        ("10.0.1.128/25", "InvalidSubnet.Conflict"),
        ("10.0.0.0/16", "InvalidSubnet.Conflict"),
        ("10.0.2.0", "InvalidParameterValue"),
    ],
)
def test_a_range_that_does_not_fit_is_refused(account: NetworkAccount, cidr: str, code: str) -> None:
    vpc_id = account.vpc()
    account.subnet(vpc_id, "10.0.1.0/24")
    assert account.refusal("CreateSubnet", VpcId=vpc_id, CidrBlock=cidr)[0] == code


def test_two_vpcs_may_have_the_same_ranges(account: NetworkAccount) -> None:
    assert account.subnet(account.vpc()) != account.subnet(account.vpc())


def test_the_zone_is_given_by_name_or_id_or_chosen(account: NetworkAccount) -> None:
    vpc_id = account.vpc()
    zones = [
        account.call("CreateSubnet", VpcId=vpc_id, CidrBlock=f"10.0.{number}.0/24", **params)["Subnet"][
            "AvailabilityZone"
        ]
        for number, params in enumerate(
            [{"AvailabilityZone": "us-east-1c"}, {"AvailabilityZoneId": "use1-az2"}, {}, {}]
        )
    ]
    assert zones == ["us-east-1c", "us-east-1b", "us-east-1a", "us-east-1a"]
    refused = account.refusal("CreateSubnet", VpcId=vpc_id, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1f")
    assert refused == (
        "InvalidParameterValue",
        "Value (us-east-1f) for parameter availabilityZone is invalid. Subnets can currently only be created in the "
        "following availability zones: us-east-1a, us-east-1b, us-east-1c.",
    )


def test_a_subnet_with_an_interface_cannot_be_deleted(account: NetworkAccount) -> None:
    subnet_id = account.subnet(account.vpc())
    eni = account.eni(subnet_id)
    assert account.refusal("DeleteSubnet", SubnetId=subnet_id) == (
        "DependencyViolation",
        f"The subnet '{subnet_id}' has dependencies and cannot be deleted.",
    )
    account.call("DeleteNetworkInterface", NetworkInterfaceId=eni)
    account.call("DeleteSubnet", SubnetId=subnet_id)
    assert account.refusal("DeleteSubnet", SubnetId=subnet_id)[0] == "InvalidSubnetID.NotFound"


def test_a_deleted_subnet_leaves_its_route_table(account: NetworkAccount) -> None:
    vpc_id = account.vpc()
    subnet_id = account.subnet(vpc_id)
    table = account.call("CreateRouteTable", VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    account.call("AssociateRouteTable", RouteTableId=table, SubnetId=subnet_id)
    account.call("DeleteSubnet", SubnetId=subnet_id)
    account.call("DeleteRouteTable", RouteTableId=table)


def test_automatic_public_addresses_can_be_switched_and_ipv6_cannot(account: NetworkAccount) -> None:
    subnet_id = account.subnet(account.vpc())
    account.call("ModifySubnetAttribute", SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
    assert account.call("DescribeSubnets", SubnetIds=[subnet_id])["Subnets"][0]["MapPublicIpOnLaunch"]
    account.call("ModifySubnetAttribute", SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": False})
    refused = account.refusal("ModifySubnetAttribute", SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": True})
    assert refused[0] == "UnsupportedOperation"


def test_a_default_subnet_is_made_again_where_there_is_room(account: NetworkAccount) -> None:
    (subnet,) = account.call("DescribeSubnets", Filters=[{"Name": "availabilityZone", "Values": ["us-east-1b"]}])[
        "Subnets"
    ]
    assert account.refusal("CreateDefaultSubnet", AvailabilityZone="us-east-1b") == (
        "DefaultSubnetAlreadyExistsInAvailabilityZone",
        f"'{subnet['SubnetId']}' is already the default subnet in us-east-1b.",
    )
    account.call("DeleteSubnet", SubnetId=subnet["SubnetId"])
    made = account.call("CreateDefaultSubnet", AvailabilityZone="us-east-1b")["Subnet"]
    assert (made["CidrBlock"], made["DefaultForAz"], made["MapPublicIpOnLaunch"]) == ("172.31.16.0/20", True, True)
