"""What the account has cost so far, and what a month costs if all goes on as it is now: as the API tells both."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from . import projection
from .projection import ZERO, Advice, Month, Reserved

GIB = 1 << 30
YEARS_BACK = 1
VOLUME_USAGE = {"standard": "EBS:VolumeUsage", "io1": "EBS:VolumeUsage.piops"}


class Clients(Protocol):
    """Gives clients in boto3's manner."""

    def client(self, service: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of the bill so far."""

    usage_type: str
    record_type: str  # "Usage", or a kind of what reservations cost and cover
    quantity: Decimal
    unit: str
    usd: Decimal
    amortized_usd: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    begun: str  # the first month that is on it
    charges: tuple[Charge, ...]
    this_month_usd: Decimal
    month: Month
    advised: Advice

    @property
    def usd(self) -> Decimal:
        return sum((one.usd for one in self.charges), ZERO)

    @property
    def amortized_usd(self) -> Decimal:
        return sum((one.amortized_usd for one in self.charges), ZERO)


def bill_of(access: Clients, now: datetime) -> Bill:
    explorer, ec2 = access.client("ce"), access.client("ec2")
    months = _months(explorer, now)
    charges = [charge for _, charge in months]
    on_instances, held = _instances(ec2), _held(ec2)
    missing = projection.uncovered(on_instances, held)
    advised = projection.advice(missing, [one for name in missing for one in _offered(ec2, name)])
    other = _others_per_hour(access, ec2, charges)
    this = now.strftime("%Y-%m")
    return Bill(
        begun=min((start for start, _ in months), default=this),
        charges=_merged(charges),
        this_month_usd=sum((charge.usd for start, charge in months if start == this), ZERO),
        month=projection.month(on_instances, held, advised, other),
        advised=advised,
    )


def _months(explorer: Any, now: datetime) -> list[tuple[str, Charge]]:
    """Each month's charges."""
    first = now.replace(day=1, year=now.year - YEARS_BACK)
    following = now.replace(year=now.year + now.month // 12, month=now.month % 12 + 1, day=1)
    found = []
    asked: dict[str, Any] = {
        "TimePeriod": {"Start": first.strftime("%Y-%m-%d"), "End": following.strftime("%Y-%m-%d")},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost", "AmortizedCost", "UsageQuantity"],
        "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in ("USAGE_TYPE", "RECORD_TYPE")],
    }
    while True:
        page = explorer.get_cost_and_usage(**asked)
        for result in page["ResultsByTime"]:
            for group in result["Groups"]:
                amounts = {name: Decimal(one["Amount"]) for name, one in group["Metrics"].items()}
                usage_type, record_type = group["Keys"]
                charge = Charge(
                    usage_type,
                    record_type,
                    quantity=amounts["UsageQuantity"],
                    unit=group["Metrics"]["UsageQuantity"]["Unit"],
                    usd=amounts["UnblendedCost"],
                    amortized_usd=amounts["AmortizedCost"],
                )
                found.append((result["TimePeriod"]["Start"][:7], charge))
        if "NextPageToken" not in page:
            return found
        asked["NextPageToken"] = page["NextPageToken"]


def _merged(charges: list[Charge]) -> tuple[Charge, ...]:
    """One line for each usage type and record type, over all months."""
    found: dict[tuple[str, str], Charge] = {}
    for one in charges:
        key = (one.usage_type, one.record_type)
        before = found.get(key)
        found[key] = (
            one
            if before is None
            else Charge(
                *key,
                quantity=before.quantity + one.quantity,
                unit=one.unit,
                usd=before.usd + one.usd,
                amortized_usd=before.amortized_usd + one.amortized_usd,
            )
        )
    return tuple(found[key] for key in sorted(found))


def _instances(ec2: Any) -> dict[tuple[str, str], Decimal]:
    """How many instances run, by type and zone."""
    counts: Counter[tuple[str, str]] = Counter()
    wanted = [{"Name": "instance-state-name", "Values": ["running"]}]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=wanted):
        for reservation in page["Reservations"]:
            for one in reservation["Instances"]:
                counts[one["InstanceType"], one["Placement"]["AvailabilityZone"]] += 1
    return {place: Decimal(count) for place, count in counts.items()}


def _held(ec2: Any) -> list[Reserved]:
    active = [{"Name": "state", "Values": ["active"]}]
    return [projection.reserved(one) for one in ec2.describe_reserved_instances(Filters=active)["ReservedInstances"]]


def _offered(ec2: Any, instance_type: str) -> list[Reserved]:
    regional = [{"Name": "scope", "Values": [projection.FLEXIBLE]}]
    pages = ec2.get_paginator("describe_reserved_instances_offerings").paginate(
        InstanceType=instance_type, Filters=regional
    )
    return [projection.reserved(one) for page in pages for one in page["ReservedInstancesOfferings"]]


def _others_per_hour(access: Clients, ec2: Any, charges: list[Charge]) -> Decimal:
    """What everything but instances costs in an hour: addresses, disks, snapshots, load balancers."""
    addresses = {one["PublicIp"] for one in ec2.describe_addresses()["Addresses"]}
    for page in ec2.get_paginator("describe_network_interfaces").paginate():
        for one in page["NetworkInterfaces"]:
            if address := one.get("Association", {}).get("PublicIp"):
                addresses.add(address)
    per_month = ZERO
    for page in ec2.get_paginator("describe_volumes").paginate():
        for one in page["Volumes"]:
            kind = one["VolumeType"]
            per_month += one["Size"] * projection.rate(VOLUME_USAGE.get(kind, f"EBS:VolumeUsage.{kind}"))
    for page in ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"]):
        for one in page["Snapshots"]:
            per_month += Decimal(one.get("FullSnapshotSizeInBytes", 0)) / GIB * projection.rate("EBS:SnapshotUsage")
    hourly = len(addresses) * projection.rate("PublicIPv4:InUseAddress")
    hourly += _balancers(access) * (projection.rate("LoadBalancerUsage") + _units_per_hour(charges))
    return hourly + per_month / projection.hours_per_month()


def _balancers(access: Clients) -> int:
    pages = access.client("elbv2").get_paginator("describe_load_balancers").paginate()
    return sum(len(page["LoadBalancers"]) for page in pages)


def _units_per_hour(charges: list[Charge]) -> Decimal:
    """What a load balancer's capacity units have cost in an hour, so far."""
    usd = sum((one.usd for one in charges if one.usage_type == "LCUUsage"), ZERO)
    hours = sum((one.quantity for one in charges if one.usage_type == "LoadBalancerUsage"), ZERO)
    return usd / hours if hours else ZERO
