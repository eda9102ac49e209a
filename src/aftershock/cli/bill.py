"""`bill`: what the account has cost so far, and what a month costs if all goes on as it is now."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from aftershock.doors.access import Access

from . import projection
from .place import access_to, running, state_option
from .projection import ZERO, Advice, Month, Reserved

GIB = 1 << 30
YEARS_BACK = 1
PLACES = Decimal("1E-10")  # as Cost Explorer writes amounts
RECORDS = {
    "DiscountedUsage": ", reserved",
    "Recurring": ", hourly fee",
    "Upfront": ", upfront fee",
}  # what is said of a charge beside its usage type
VOLUME_USAGE = {"standard": "EBS:VolumeUsage", "io1": "EBS:VolumeUsage.piops"}


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


@click.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def bill(state: Path, as_json: bool) -> None:
    """Say what the account has cost so far, and what a month costs if all goes on as it is now.

    Prices are AWS's list prices for us-east-1, of the dates in the data file.  Instances are billed by the second, for
    a minute at least, while they run; a second at pace 60 counts as a minute.
    """
    found = bill_of(access_to(running(state)), datetime.now(UTC))
    click.echo(json.dumps(_object(found), indent=2) if as_json else "\n".join(_lines(found)))


def bill_of(access: Access, now: datetime) -> Bill:
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


def _others_per_hour(access: Access, ec2: Any, charges: list[Charge]) -> Decimal:
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


def _balancers(access: Access) -> int:
    pages = access.client("elbv2").get_paginator("describe_load_balancers").paginate()
    return sum(len(page["LoadBalancers"]) for page in pages)


def _units_per_hour(charges: list[Charge]) -> Decimal:
    """What a load balancer's capacity units have cost in an hour, so far."""
    usd = sum((one.usd for one in charges if one.usage_type == "LCUUsage"), ZERO)
    hours = sum((one.quantity for one in charges if one.usage_type == "LoadBalancerUsage"), ZERO)
    return usd / hours if hours else ZERO


def _lines(found: Bill) -> Iterator[str]:
    yield f"{'Since ' + found.begun:<42}{'':>22}{'USD':>13}{'amortized':>13}"
    for one in found.charges:
        what = f"  {one.usage_type}{RECORDS.get(one.record_type, '')}"
        yield f"{what:<42}{one.quantity:>13.4f} {one.unit:<8}{one.usd:>13.4f}{one.amortized_usd:>13.4f}"
    yield f"{'  in all':<64}{found.usd:>13.4f}{found.amortized_usd:>13.4f}"
    yield f"{'  of which this month':<64}{found.this_month_usd:>13.4f}"
    yield ""
    yield "A month, if all goes on as it is now"
    yield f"{'  on demand':<64}{found.month.on_demand:>13.2f}"
    yield f"{'  with the reservations that are held':<64}{found.month.as_reserved:>13.2f}"
    yield f"{'  with the cheapest regional reservations for what runs now':<64}{found.month.with_advice:>13.2f}"
    for wanted in found.advised.reserve:
        yield f"    {_words(wanted)}"
    if not found.advised.reserve:
        yield "    there is nothing to reserve"


def _words(wanted: Reserved) -> str:
    years = f"{wanted.years} year{'s' if wanted.years > 1 else ''}"
    at_once, hourly = wanted.count * wanted.upfront, wanted.count * wanted.hourly
    return (
        f"{wanted.count} × {wanted.instance_type}, {years}, {wanted.payment}: "
        f"{at_once:.2f} USD at once, {hourly:.4f} an hour"
    )


def _object(found: Bill) -> Mapping[str, Any]:
    """Amounts as text, so that no program makes a rounded number of them."""
    return {
        "since": found.begun,
        "usd": _text(found.usd),
        "amortized_usd": _text(found.amortized_usd),
        "this_month_usd": _text(found.this_month_usd),
        "charges": [_texts(asdict(one)) for one in found.charges],
        "per_month": {
            "on_demand_usd": _text(found.month.on_demand),
            "as_reserved_usd": _text(found.month.as_reserved),
            "with_cheapest_reservations_usd": _text(found.month.with_advice),
            "not_instances_usd": _text(found.month.other),
        },
        "reserve": [_texts(asdict(one)) for one in found.advised.reserve],
    }


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _text(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _text(amount: Decimal) -> str:
    return f"{amount.quantize(PLACES).normalize():f}"
