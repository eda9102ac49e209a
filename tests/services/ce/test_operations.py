"""Cost Explorer before an account in which instances run, stop, and are paid in advance."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aftershock.aws.call import Tx
from aftershock.aws.usage import Load
from aftershock.services.ec2.usage import USAGE
from aftershock.store import Table
from tests.services.ce.world import World

COMPUTE = "Amazon Elastic Compute Cloud - Compute"
MONTH = {"Start": "2026-11-01", "End": "2026-12-01"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "region.db")
    yield world
    world.close()


def pass_time(world: World, **length: float) -> None:
    world.ec2.now += timedelta(**length)


def costs(world: World, **params: Any) -> Any:
    asked = {"TimePeriod": MONTH, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost", "UsageQuantity"], **params}
    return world.ask("GetCostAndUsage", **asked)["ResultsByTime"]


def by(world: World, key: str, metric: str = "UsageQuantity", **params: Any) -> dict[str, Decimal]:
    kind = {"Type": "DIMENSION", "Key": key}
    found = costs(world, GroupBy=[kind], **params)[0]["Groups"]
    return {one["Keys"][0]: Decimal(one["Metrics"][metric]["Amount"]) for one in found}


def buy(world: World, instance_type: str, count: int = 1, **terms: Any) -> str:
    """A regional reservation for a year, nothing upfront."""
    filters = [{"Name": "scope", "Values": ["Region"]}, {"Name": "duration", "Values": ["31536000"]}]
    found = world.ec2.call(
        "DescribeReservedInstancesOfferings",
        **{"InstanceType": instance_type, "OfferingType": "No Upfront", "Filters": filters, **terms},
    )
    offering = found["ReservedInstancesOfferings"][0]["ReservedInstancesOfferingId"]
    bought = world.ec2.call(
        "PurchaseReservedInstancesOffering", ReservedInstancesOfferingId=offering, InstanceCount=count
    )
    return str(bought["ReservedInstancesId"])


def test_nothing_costs_nothing(world: World) -> None:
    world.look()
    assert costs(world) == [
        {
            "TimePeriod": MONTH,
            "Total": {"UnblendedCost": {"Amount": "0", "Unit": "USD"}, "UsageQuantity": {"Amount": "0", "Unit": "N/A"}},
            "Groups": [],
            "Estimated": True,
        }
    ]


def test_an_instance_costs_while_it_runs_and_its_disk_as_long_as_it_is_there(world: World) -> None:
    started = world.ec2.now
    instance = world.ec2.running(InstanceType="t3.micro")
    world.look()
    pass_time(world, hours=2)
    world.ec2.call("StopInstances", InstanceIds=[instance])
    stopped = world.ec2.now
    world.look()
    pass_time(world, hours=10)
    found = by(world, "USAGE_TYPE")
    assert abs(found["BoxUsage:t3.micro"] - Decimal((stopped - started) / timedelta(hours=1))) < Decimal("0.01")
    disk = next(amount for name, amount in found.items() if name.startswith("EBS:VolumeUsage"))
    assert disk == pytest.approx(Decimal(8) * 12 / 730, rel=Decimal("0.01"))
    before = found["BoxUsage:t3.micro"]
    world.ec2.call("StartInstances", InstanceIds=[instance])
    world.look()
    pass_time(world, hours=1)
    assert by(world, "USAGE_TYPE")["BoxUsage:t3.micro"] - before == pytest.approx(Decimal(1), rel=Decimal("0.01"))


def test_a_changed_type_is_billed_as_what_it_is_from_its_next_start_on(world: World) -> None:
    instance = world.ec2.running(InstanceType="t3.micro")
    world.look()
    pass_time(world, hours=1)
    world.ec2.call("StopInstances", InstanceIds=[instance])
    world.look()
    world.ec2.call("ModifyInstanceAttribute", InstanceId=instance, InstanceType={"Value": "m5.large"})
    world.ec2.call("StartInstances", InstanceIds=[instance])
    world.look()
    pass_time(world, hours=1)
    found = by(world, "INSTANCE_TYPE", Filter={"Dimensions": {"Key": "SERVICE", "Values": [COMPUTE]}})
    assert {name: round(amount, 2) for name, amount in found.items()} == {"t3.micro": 1, "m5.large": 1}


def test_public_addresses_cost_in_use_and_idle(world: World) -> None:
    world.ec2.call("AllocateAddress", Domain="vpc")
    world.look()
    instance = world.ec2.running(InstanceType="t2.micro")
    assert world.ec2.instance(instance).get("PublicIpAddress")
    world.look()
    pass_time(world, hours=4)
    found = by(world, "USAGE_TYPE")
    assert round(found["PublicIPv4:IdleAddress"], 1) == 4
    assert round(found["PublicIPv4:InUseAddress"], 1) == 4
    world.ec2.call("TerminateInstances", InstanceIds=[instance])
    world.look()
    pass_time(world, hours=4)
    assert round(by(world, "USAGE_TYPE")["PublicIPv4:InUseAddress"], 1) == 4


def test_a_reservation_covers_what_runs_and_is_told_of_in_every_report(world: World) -> None:
    bought = buy(world, "t3.micro")
    assert world.ec2.call("DescribeReservedInstances")["ReservedInstances"][0]["State"] == "payment-pending"
    world.look()
    assert world.ec2.call("DescribeReservedInstances")["ReservedInstances"][0]["State"] == "active"
    for _ in range(2):
        world.ec2.running(InstanceType="t3.micro")
    world.look()
    pass_time(world, hours=10)
    found = by(world, "RECORD_TYPE", Filter={"Dimensions": {"Key": "SERVICE", "Values": [COMPUTE]}})
    assert {name: round(amount) for name, amount in found.items()} == {
        "Usage": 10,
        "DiscountedUsage": 10,
        "Recurring": 10,
    }
    costly = by(world, "RECORD_TYPE", "UnblendedCost", Filter={"Dimensions": {"Key": "SERVICE", "Values": [COMPUTE]}})
    assert costly["DiscountedUsage"] == 0
    assert costly["Recurring"] == pytest.approx(Decimal("0.065"), rel=Decimal("0.02"))
    used = world.ask("GetReservationUtilization", TimePeriod=MONTH, Granularity="MONTHLY")["UtilizationsByTime"]
    assert Decimal(used[0]["Total"]["UtilizationPercentage"]) > 99
    grouped = world.ask(
        "GetReservationUtilization",
        TimePeriod=MONTH,
        GroupBy=[{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}],
    )["UtilizationsByTime"][0]["Groups"]
    assert [one["Value"] for one in grouped] == [bought]
    covered = world.ask("GetReservationCoverage", TimePeriod=MONTH, Granularity="MONTHLY")
    assert Decimal(covered["Total"]["CoverageHours"]["CoverageHoursPercentage"]) == pytest.approx(50, abs=1)


def test_costs_by_tag_and_by_two_groups(world: World) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "stage", "Value": "blue"}]}]
    world.ec2.running(InstanceType="t3.micro", TagSpecifications=tags)
    world.ec2.running(InstanceType="t3.micro")
    world.look()
    pass_time(world, hours=1)
    compute = {"Dimensions": {"Key": "SERVICE", "Values": [COMPUTE]}}
    kinds = [{"Type": "TAG", "Key": "stage"}, {"Type": "DIMENSION", "Key": "AZ"}]
    found = costs(world, GroupBy=kinds, Filter=compute)[0]["Groups"]
    assert [one["Keys"][0] for one in found] == ["stage$", "stage$blue"]
    blue = {"Tags": {"Key": "stage", "Values": ["blue"]}}
    assert round(by(world, "SERVICE", Filter=blue)[COMPUTE]) == 1
    assert round(by(world, "SERVICE", Filter={"And": [compute, {"Not": blue}]})[COMPUTE]) == 1
    assert round(by(world, "SERVICE", Filter={"Or": [blue, {"And": [compute, {"Not": blue}]}]})[COMPUTE]) == 2
    assert world.ask("GetTags", TimePeriod=MONTH)["Tags"] == ["stage"]
    assert world.ask("GetTags", TimePeriod=MONTH, TagKey="stage")["Tags"] == ["", "blue"]
    values = world.ask("GetDimensionValues", TimePeriod=MONTH, Dimension="USAGE_TYPE", SearchString="boxusage")
    assert values["DimensionValues"] == [{"Value": "BoxUsage:t3.micro", "Attributes": {}}]
    assert (values["ReturnSize"], values["TotalSize"]) == (1, 1)


def test_many_periods_come_in_pages(world: World) -> None:
    world.look()
    asked = {
        "TimePeriod": {"Start": "2026-11-15T00:00:00Z", "End": "2026-11-22T00:00:00Z"},
        "Granularity": "HOURLY",
        "Metrics": ["UnblendedCost"],
    }
    first = world.ask("GetCostAndUsage", **asked)
    second = world.ask("GetCostAndUsage", **asked, NextPageToken=first["NextPageToken"])
    starts = [one["TimePeriod"]["Start"] for one in first["ResultsByTime"] + second["ResultsByTime"]]
    assert len(starts) == len(set(starts)) == 7 * 24
    assert "NextPageToken" not in second


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"TimePeriod": {"Start": "2026-11-02", "End": "2026-11-02"}},
        "Start date (and hour) should be before end date (and hour)",
    ),
    ({"TimePeriod": {"Start": "2026-11-02", "End": "2026-12-02"}}, "end date past the beginning of next month"),
    ({"TimePeriod": {"Start": "2026-11-32", "End": "2026-12-01"}}, "'2026-11-32' is not a date"),
    ({"TimePeriod": {"Start": "2026-11-02T00:00:00Z", "End": "2026-12-01"}}, "Dates with an hour"),
    (
        {"TimePeriod": {"Start": "2026-11-01", "End": "2026-11-02"}, "Granularity": "HOURLY"},
        "Start date is more than 14",
    ),
    ({"Metrics": ["Money"]}, "Metrics are invalid"),
    ({"GroupBy": [{"Type": "DIMENSION", "Key": "MOON"}]}, "Dimension MOON"),
    ({"GroupBy": [{"Type": "COST_CATEGORY", "Key": "x"}]}, "Group Definition type is invalid."),
    (
        {"Filter": {"Dimensions": {"Key": "AZ", "Values": ["a"]}, "Tags": {"Key": "a"}}},
        "Expression has more than one roots.",
    ),
    ({"Filter": {"Dimensions": {"Key": "AZ", "Values": ["a"], "MatchOptions": ["CONTAINS"]}}}, "Match option CONTAINS"),
    ({"Filter": {"CostCategories": {"Key": "a", "Values": ["b"]}}}, "Filters by CostCategories"),
    ({"BillingViewArn": "arn:aws:billing::123456789012:billingview/primary"}, "The parameter BillingViewArn"),
]


@pytest.mark.parametrize("params, message", WRONG)
def test_what_cannot_be_answered_is_refused(world: World, params: dict[str, Any], message: str) -> None:
    asked = {"TimePeriod": MONTH, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"], **params}
    code, said = world.refusal("GetCostAndUsage", **asked)
    assert code == "ValidationException"
    assert said.startswith(message)


def test_a_token_that_is_not_ours_is_refused(world: World) -> None:
    asked = {"TimePeriod": MONTH, "Granularity": "DAILY", "Metrics": ["UnblendedCost"], "NextPageToken": "x"}
    assert world.refusal("GetCostAndUsage", **asked)[0] == "InvalidNextTokenException"


def test_a_new_ground_ends_what_ran_on_the_old_one(world: World) -> None:
    world.ec2.call("AllocateAddress", Domain="vpc")
    world.look()
    pass_time(world, hours=2)
    world.look()
    pass_time(world, hours=20)
    world.ground, world.began = "another", world.ec2.now
    world.look()
    pass_time(world, hours=1)
    assert round(by(world, "USAGE_TYPE")["PublicIPv4:IdleAddress"], 1) == 3


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("writes", range(4))
def test_a_meter_killed_at_any_write_counts_nothing_twice_and_forgets_nothing(
    world: World, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = world.ec2.running(InstanceType="t3.micro")
    pass_time(world, hours=1)
    left = writes

    def put(table: Table[Any], tx: Tx, record: Any, real: Callable[..., None] = Table.put) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        real(table, tx, record)

    with monkeypatch.context() as doomed:
        doomed.setattr(Table, "put", put)
        with pytest.raises(Killed):
            asyncio.run(look_once(world))
    world.look()
    pass_time(world, hours=1)
    world.ec2.call("TerminateInstances", InstanceIds=[instance])
    world.look()
    pass_time(world, hours=5)
    world.look()
    assert round(by(world, "USAGE_TYPE")["BoxUsage:t3.micro"], 1) == 2


async def look_once(world: World) -> None:
    meter = world.meter()
    for key in sorted(await meter.keys()):
        await meter.reconcile(key)


def test_what_balancers_carry_is_counted_once_by_any_number_of_meters(world: World) -> None:
    carried = 0

    async def loads() -> list[Load]:
        return [
            Load(
                resource="app/web/1",
                part="node",
                account="123456789012",
                region="us-east-1",
                service="Amazon Elastic Load Balancing",
                usage_type="LCUUsage",
                operation="LoadBalancing:Application",
                new_connections=0,
                open_connections=0,
                processed_bytes=carried,
            )
        ]

    world.sources = (replace(USAGE, loads=loads),)
    for gigabytes in (0, 1, 1, 3):
        carried = gigabytes * 10**9
        pass_time(world, minutes=10)
        world.look()
        world.look()
    assert by(world, "USAGE_TYPE")["LCUUsage"] == 3
