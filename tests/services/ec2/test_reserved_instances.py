"""Reserved instances: offerings, purchases, and the controller that takes the payment."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aftershock.clock import Clock
from aftershock.services.ec2.controllers.reserved_instances import ReservedInstanceController
from aftershock.services.ec2.operations import refused, reserved_instances
from aftershock.services.ec2.records.reserved_instances import RESERVED_INSTANCES
from aftershock.services.ec2.rules.instance_types import known
from aftershock.services.ec2.rules.reserved_instances import PER_MONTH, offerings
from aftershock.services.ec2.usage import reservations
from tests.services.account import ROOT
from tests.services.modelled import Modelled

YEAR_S = 31_536_000


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Modelled]:
    account = Modelled(tmp_path / "region.db", "ec2", OPERATIONS, [RESERVED_INSTANCES])
    yield account
    account.store.close()


OPERATIONS = {**reserved_instances.OPERATIONS, **refused.OPERATIONS}


def offered(account: Modelled, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = account.call("DescribeReservedInstancesOfferings", **params, **token)
        found += page["ReservedInstancesOfferings"]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def regional(account: Modelled, payment: str = "No Upfront", duration_s: int = YEAR_S) -> str:
    """The offering of a t3.micro anywhere in the region."""
    filters = [{"Name": "scope", "Values": ["Region"]}, {"Name": "duration", "Values": [str(duration_s)]}]
    (one,) = offered(account, InstanceType="t3.micro", OfferingType=payment, Filters=filters)
    return str(one["ReservedInstancesOfferingId"])


def buy(account: Modelled, offering: str, count: int = 1) -> str:
    params = {"ReservedInstancesOfferingId": offering, "InstanceCount": count}
    return str(account.call("PurchaseReservedInstancesOffering", **params)["ReservedInstancesId"])


def bought(account: Modelled, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.call("DescribeReservedInstances", **params)["ReservedInstances"]
    return found


def pay(account: Modelled, pace: float = 1.0) -> None:
    async def look() -> None:
        controller = ReservedInstanceController(account.store, Clock(pace))
        for key in await controller.keys():
            await controller.reconcile(key)

    asyncio.run(look())


def test_an_offering_says_what_it_costs(account: Modelled) -> None:
    (one,) = offered(account, ReservedInstancesOfferingIds=[regional(account, "Partial Upfront")])
    assert one.pop("ReservedInstancesOfferingId")
    assert one == {
        "InstanceType": "t3.micro",
        "InstanceTenancy": "default",
        "ProductDescription": "Linux/UNIX",
        "OfferingClass": "standard",
        "OfferingType": "Partial Upfront",
        "Scope": "Region",
        "CurrencyCode": "USD",
        "FixedPrice": 27.0,
        "UsagePrice": 0.0,
        "RecurringCharges": [{"Amount": 0.0031, "Frequency": "Hourly"}],
        "Duration": YEAR_S,
        "Marketplace": False,
        "PricingDetails": [],
    }


def test_every_offering_is_on_one_page_and_can_run_here(account: Modelled) -> None:
    every = offered(account)
    assert {one["ReservedInstancesOfferingId"] for one in every} == set(offerings("us-east-1"))
    assert len(every) == len(offerings("us-east-1")) > 100
    assert all("x86_64" in known()[one["InstanceType"]].arch for one in every)
    assert len(account.call("DescribeReservedInstancesOfferings")["ReservedInstancesOfferings"]) == 100


MICRO = {"InstanceType": "t3.micro"}


@pytest.mark.parametrize(
    "params, count",
    [
        (MICRO, 24),  # 2 terms × 3 ways to pay × (the region and 3 zones)
        ({**MICRO, "AvailabilityZone": "us-east-1b"}, 6),
        ({**MICRO, "AvailabilityZoneId": "use1-az1"}, 6),
        ({**MICRO, "MinDuration": YEAR_S + 1}, 12),
        ({**MICRO, "MaxDuration": YEAR_S}, 12),
        ({**MICRO, "OfferingType": "All Upfront"}, 8),
        ({**MICRO, "OfferingType": "Heavy Utilization"}, 0),
        ({**MICRO, "OfferingClass": "convertible"}, 0),
        ({**MICRO, "ProductDescription": "Linux/UNIX", "IncludeMarketplace": True, "MaxInstanceCount": 1}, 24),
        ({**MICRO, "ProductDescription": "Windows"}, 0),
        ({**MICRO, "InstanceTenancy": "dedicated"}, 0),
        ({**MICRO, "Filters": [{"Name": "scope", "Values": ["Availability Zone"]}]}, 18),
        ({**MICRO, "Filters": [{"Name": "fixed-price", "Values": ["53.0"]}]}, 4),
        ({**MICRO, "Filters": [{"Name": "marketplace", "Values": ["true"]}]}, 0),
        ({"InstanceType": "t4g.micro"}, 0),
        ({"InstanceType": "m5.metal"}, 0),
    ],
)
def test_offerings_are_chosen(account: Modelled, params: dict[str, Any], count: int) -> None:
    assert len(offered(account, **params)) == count


def test_a_purchase_is_active_once_it_is_paid_and_retired_after_its_term(account: Modelled) -> None:
    bought_id = buy(account, regional(account, "All Upfront"), 2)
    (pending,) = bought(account)
    assert (pending["State"], pending["InstanceCount"], pending["FixedPrice"]) == ("payment-pending", 2, 53.0)
    assert "End" not in pending
    with account.store.snapshot() as tx:
        assert reservations(tx, ROOT.account) == []
    pay(account)
    pay(account)
    (active,) = bought(account, ReservedInstancesIds=[bought_id])
    assert active["State"] == "active"
    assert active["End"] - active["Start"] == timedelta(days=365)
    with account.store.snapshot() as tx:
        (one,) = reservations(tx, ROOT.account)
    assert (one.upfront, one.hourly, one.term_hours) == (Decimal(53), Decimal(0), 8760)
    account.now += timedelta(days=365)
    assert bought(account)[0]["State"] == "retired"


def test_the_term_runs_at_the_pace_of_the_region(account: Modelled) -> None:
    buy(account, regional(account))
    pay(account, pace=365.0)
    (one,) = bought(account)
    assert one["End"] - one["Start"] == timedelta(days=1)
    assert one["Duration"] == YEAR_S


@pytest.mark.parametrize(
    "name, values, count",
    [
        ("state", ["active"], 1),
        ("state", ["retired"], 0),
        ("instance-type", ["t3.*"], 1),
        ("scope", ["Availability Zone"], 0),
        ("duration", [str(YEAR_S)], 1),
        ("tag:Name", ["*"], 0),
    ],
)
def test_purchases_are_filtered(account: Modelled, name: str, values: list[str], count: int) -> None:
    buy(account, regional(account))
    pay(account)
    assert len(bought(account, Filters=[{"Name": name, "Values": values}])) == count


def test_twenty_a_month_and_place(account: Modelled) -> None:
    offering = regional(account)
    buy(account, offering, PER_MONTH - 1)
    zonal = offered(account, InstanceType="t3.micro", AvailabilityZone="us-east-1a")[0]["ReservedInstancesOfferingId"]
    buy(account, zonal, PER_MONTH)
    refusal = account.refusal(
        "PurchaseReservedInstancesOffering", ReservedInstancesOfferingId=offering, InstanceCount=2
    )
    assert refusal == (
        "ReservedInstancesLimitExceeded",
        "Your current quota does not allow you to purchase the required number of Reserved Instances.",
    )
    account.now += timedelta(days=31)
    buy(account, offering, PER_MONTH)


@pytest.mark.parametrize(
    "operation, params, code",
    [
        ("PurchaseReservedInstancesOffering", {"InstanceCount": 0}, "InvalidParameterValue"),
        (
            "PurchaseReservedInstancesOffering",
            {"ReservedInstancesOfferingId": "x", "InstanceCount": 1},
            "InvalidReservedInstancesOfferingId",
        ),
        (
            "PurchaseReservedInstancesOffering",
            {"InstanceCount": 1, "LimitPrice": {"Amount": 1.0}},
            "UnsupportedOperation",
        ),
        ("DescribeReservedInstances", {"ReservedInstancesIds": ["x"]}, "InvalidReservedInstancesId"),
        ("DescribeReservedInstancesOfferings", {"MaxResults": 101}, "InvalidParameterValue"),
        ("DescribeReservedInstancesOfferings", {"AvailabilityZone": "moon"}, "InvalidParameterValue"),
        ("DescribeReservedInstancesOfferings", {"InstanceTenancy": "host"}, "InvalidParameterValue"),
        ("DescribeReservedInstancesListings", {}, "UnsupportedOperation"),
        (
            "ModifyReservedInstances",
            {"ReservedInstancesIds": ["x"], "TargetConfigurations": []},
            "UnsupportedOperation",
        ),
        ("GetReservedInstancesExchangeQuote", {"ReservedInstanceIds": ["x"]}, "UnsupportedOperation"),
    ],
)
def test_what_cannot_be_is_refused(account: Modelled, operation: str, params: dict[str, Any], code: str) -> None:
    if operation.startswith("Purchase"):
        params = {"ReservedInstancesOfferingId": regional(account), **params}
    assert account.refusal(operation, **params)[0] == code
