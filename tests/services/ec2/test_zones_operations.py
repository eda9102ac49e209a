"""Zones, regions and account attributes."""

import pytest

from aftershock.services.ec2.rules.zones import zones
from tests.services.ec2.net_account import NetworkAccount


def test_the_region_has_three_zones(account: NetworkAccount) -> None:
    shown = account.call("DescribeAvailabilityZones")["AvailabilityZones"]
    assert [(zone["ZoneName"], zone["ZoneId"]) for zone in shown] == [
        ("us-east-1a", "use1-az1"),
        ("us-east-1b", "use1-az2"),
        ("us-east-1c", "use1-az3"),
    ]
    (one,) = account.call("DescribeAvailabilityZones", ZoneNames=["us-east-1b"])["AvailabilityZones"]
    assert one["State"] == "available"
    filters = [{"Name": "zone-id", "Values": ["*az3"]}]
    (one,) = account.call("DescribeAvailabilityZones", Filters=filters)["AvailabilityZones"]
    assert one["ZoneName"] == "us-east-1c"
    assert account.refusal("DescribeAvailabilityZones", ZoneNames=["us-east-1z"]) == (
        "InvalidParameterValue",
        "Invalid availabilityZones: [us-east-1z]",
    )


@pytest.mark.parametrize(
    ("region", "first"),
    [("us-east-1", "use1-az1"), ("eu-central-1", "euc1-az1"), ("ap-northeast-2", "apne2-az1")],
)
def test_zone_ids_follow_from_the_region(region: str, first: str) -> None:
    assert zones(region)[0].id == first


def test_there_is_one_region(account: NetworkAccount) -> None:
    (region,) = account.call("DescribeRegions")["Regions"]
    assert (region["RegionName"], region["Endpoint"]) == ("us-east-1", "ec2.us-east-1.amazonaws.com")
    assert account.refusal("DescribeRegions", RegionNames=["eu-west-1"])[0] == "InvalidParameterValue"


def test_the_account_says_what_holds_for_it(account: NetworkAccount) -> None:
    shown = account.call("DescribeAccountAttributes", AttributeNames=["default-vpc", "max-elastic-ips"])
    assert {
        one["AttributeName"]: one["AttributeValues"][0]["AttributeValue"] for one in shown["AccountAttributes"]
    } == {"default-vpc": account.default_vpc.id, "max-elastic-ips": "5"}
