"""The bill of a real region at a fast pace: what ran is on it, and a reservation changes it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import eventually
from tests.region import Region, a_region

PACE = 3600.0  # a second is billed as an hour
COMPUTE = "Amazon Elastic Compute Cloud - Compute"


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with a_region(pace=PACE) as region:
        yield region


def usage(region: Region, key: str, metric: str = "UsageQuantity") -> dict[str, Decimal]:
    now = datetime.now(UTC)
    following = now.replace(year=now.year + now.month // 12, month=now.month % 12 + 1, day=1)
    found = region.client("ce").get_cost_and_usage(
        TimePeriod={"Start": f"{now:%Y-%m}-01", "End": f"{following:%Y-%m-%d}"},
        Granularity="MONTHLY",
        Metrics=[metric],
        GroupBy=[{"Type": "DIMENSION", "Key": key}],
    )
    groups = found["ResultsByTime"][0]["Groups"]
    return {one["Keys"][0]: Decimal(one["Metrics"][metric]["Amount"]) for one in groups}


def bill(region: Region, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "aftershock", "bill", "--state", str(region.state), *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def billed_more_than(region: Region, usage_type: str, hours: Decimal) -> Decimal:
    def check() -> Decimal:
        now = usage(region, "USAGE_TYPE").get(usage_type, Decimal(0))
        assert now > hours
        return now

    return eventually(check, within_s=60.0)


def test_what_runs_is_billed_survives_a_kill_and_ends_with_the_stop(region: Region) -> None:
    assert COMPUTE not in usage(region, "SERVICE")
    before = datetime.now(UTC)
    instance = region.run(InstanceType="t3.micro")["InstanceId"]
    region.in_state(instance, "running")
    first = billed_more_than(region, "BoxUsage:t3.micro", Decimal(1))
    region.kill_control()
    region.wait_ready(within_s=60.0)
    billed_more_than(region, "BoxUsage:t3.micro", first)
    assert usage(region, "USAGE_TYPE")["PublicIPv4:InUseAddress"] > 0
    region.ec2.stop_instances(InstanceIds=[instance], Force=True)
    after = datetime.now(UTC)
    region.in_state(instance, "stopped")
    stopped = eventually(lambda: unchanged(region), within_s=60.0)
    assert 0 < stopped <= Decimal((after - before).total_seconds() + 1)
    disks = {name for name in usage(region, "USAGE_TYPE") if name.startswith("EBS:VolumeUsage")}
    assert disks, "a stopped instance's disk is still billed"
    region.ec2.terminate_instances(InstanceIds=[instance])
    region.in_state(instance, "terminated")


def unchanged(region: Region) -> Decimal:
    """The instance's hours, once an hour in which the disk was billed has added nothing to them."""
    one = usage(region, "USAGE_TYPE")
    two = usage(region, "USAGE_TYPE")
    disk = next(name for name in one if name.startswith("EBS:VolumeUsage"))
    assert two[disk] > one[disk]
    assert two["BoxUsage:t3.micro"] == one["BoxUsage:t3.micro"]
    return two["BoxUsage:t3.micro"]


def test_a_reservation_is_advised_bought_and_makes_the_bill_smaller(region: Region) -> None:
    instance = region.run(InstanceType="t3.micro")["InstanceId"]
    region.in_state(instance, "running")
    told: dict[str, Any] = json.loads(bill(region, "--json"))
    month = {name: Decimal(amount) for name, amount in told["per_month"].items()}
    assert month["on_demand_usd"] == month["as_reserved_usd"]
    saved = month["on_demand_usd"] - month["with_cheapest_reservations_usd"]
    (advised,) = told["reserve"]
    assert (advised["instance_type"], advised["count"]) == ("t3.micro", 1)
    effective = Decimal(advised["hourly"]) + Decimal(advised["upfront"]) / (8760 * advised["years"])
    assert saved == pytest.approx(730 * (Decimal("0.0104") - effective), abs=Decimal("0.000001"))
    buy(region, advised)
    reserved = json.loads(bill(region, "--json"))
    assert Decimal(reserved["per_month"]["as_reserved_usd"]) == pytest.approx(
        month["with_cheapest_reservations_usd"], abs=Decimal("0.000001")
    )
    assert reserved["reserve"] == []

    def covered() -> None:
        assert usage(region, "RECORD_TYPE")["DiscountedUsage"] > 1

    eventually(covered, within_s=60.0)
    assert usage(region, "RECORD_TYPE", "UnblendedCost")["DiscountedUsage"] == 0
    text = bill(region)
    assert "A month, if all goes on as it is now" in text
    assert "BoxUsage:t3.micro" in text
    region.ec2.terminate_instances(InstanceIds=[instance])
    region.in_state(instance, "terminated")


def buy(region: Region, advised: dict[str, Any]) -> None:
    offers = region.ec2.describe_reserved_instances_offerings(
        InstanceType="t3.micro",
        OfferingType=advised["payment"],
        MinDuration=advised["years"] * 31_536_000,
        MaxDuration=advised["years"] * 31_536_000,
        Filters=[{"Name": "scope", "Values": ["Region"]}],
    )["ReservedInstancesOfferings"]
    region.ec2.purchase_reserved_instances_offering(
        ReservedInstancesOfferingId=offers[0]["ReservedInstancesOfferingId"], InstanceCount=1
    )

    def active() -> None:
        (one,) = region.ec2.describe_reserved_instances()["ReservedInstances"]
        assert one["State"] == "active"

    eventually(active)
