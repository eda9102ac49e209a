"""What a month costs if all goes on as it is now.  Pure: from what the API described, and list prices."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

HOURS_PER_YEAR = 8760  # of the term that an upfront fee is spread over
FLEXIBLE = "Region"  # the scope that covers every size of a family
ZERO = Decimal(0)

Running = Mapping[tuple[str, str], Decimal]  # (instance type, zone) -> how many


@lru_cache(maxsize=1)
def prices() -> dict[str, Any]:
    """The list prices that come with the program, with their sources."""
    text = files("aftershock").joinpath("data/prices.json").read_text()
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return found


def hours_per_month() -> int:
    return int(prices()["hours_per_month"])


def on_demand(instance_type: str) -> Decimal:
    return Decimal(prices()["on_demand"][instance_type])


def rate(usage_type: str) -> Decimal:
    return Decimal(prices()["rates"][usage_type]["usd"])


def factor(instance_type: str) -> Decimal:
    """Normalized units; ones without a factor of their own fit nothing else."""
    return Decimal(prices()["normalization_factors"].get(instance_type.partition(".")[2], 0))


@dataclass(frozen=True, slots=True)
class Reserved:
    """Reserved instances, bought or offered."""

    instance_type: str
    zone: str | None
    count: int
    payment: str
    years: int
    upfront: Decimal  # of one
    hourly: Decimal  # of one

    @property
    def effective(self) -> Decimal:
        """What an hour of one costs, with its share of what is paid upfront."""
        return self.hourly + self.upfront / (self.years * HOURS_PER_YEAR)


def reserved(described: Mapping[str, Any]) -> Reserved:
    """From an answer of DescribeReservedInstances or DescribeReservedInstancesOfferings."""
    return Reserved(
        instance_type=described["InstanceType"],
        zone=None if described["Scope"] == FLEXIBLE else described["AvailabilityZone"],
        count=described.get("InstanceCount", 1),
        payment=described["OfferingType"],
        years=described["Duration"] // (HOURS_PER_YEAR * 3600),
        upfront=Decimal(str(described["FixedPrice"])),
        hourly=sum((Decimal(str(one["Amount"])) for one in described["RecurringCharges"]), ZERO),
    )


def uncovered(running: Running, held: Sequence[Reserved]) -> dict[str, Decimal]:
    """How many instances of each type no reservation covers: zonal ones fit exactly, regional ones a family, smallest
    sizes first."""
    left = {place: count for place, count in running.items() if count}
    for one in held:
        place = (one.instance_type, one.zone or "")
        if one.zone is not None and place in left:
            left[place] -= min(left[place], Decimal(one.count))
    units: dict[str, Decimal] = defaultdict(Decimal)
    for one in held:
        if one.zone is None:
            units[one.instance_type.partition(".")[0]] += one.count * factor(one.instance_type)
    for place in sorted(left, key=lambda known: (factor(known[0]), known)):
        family, size = place[0].partition(".")[0], factor(place[0])
        taken = min(left[place] * size, units[family])
        units[family] -= taken
        left[place] -= taken / size if size else ZERO
    found: dict[str, Decimal] = defaultdict(Decimal)
    for (instance_type, _), count in left.items():
        found[instance_type] += count
    return {name: count for name, count in found.items() if count}


@dataclass(frozen=True, slots=True)
class Advice:
    """The cheapest regional reservations for what runs now and is not covered."""

    reserve: tuple[Reserved, ...]

    @property
    def per_hour(self) -> Decimal:
        return sum((one.count * one.effective for one in self.reserve), ZERO)

    @property
    def upfront(self) -> Decimal:
        return sum((one.count * one.upfront for one in self.reserve), ZERO)


def advice(missing: Mapping[str, Decimal], offered: Iterable[Reserved]) -> Advice:
    """Whole instances only; a type that nothing is offered for, or nothing cheaper, is left on demand."""
    offers: dict[str, list[Reserved]] = defaultdict(list)
    for one in offered:
        if one.zone is None:
            offers[one.instance_type].append(one)
    chosen = []
    for instance_type, count in sorted(missing.items()):
        whole = int(count.to_integral_value(ROUND_FLOOR))
        best = min(offers[instance_type], key=lambda one: (one.effective, one.upfront), default=None)
        if whole and best is not None and best.effective < on_demand(instance_type):
            chosen.append(
                Reserved(best.instance_type, None, whole, best.payment, best.years, best.upfront, best.hourly)
            )
    return Advice(tuple(chosen))


@dataclass(frozen=True, slots=True)
class Month:
    """What a month costs, USD."""

    on_demand: Decimal  # without any reservation
    as_reserved: Decimal  # with those that are held, used or not
    with_advice: Decimal  # with the advised ones as well
    other: Decimal  # what is in each of them and is no instance


def month(running: Running, held: Sequence[Reserved], advised: Advice, other_per_hour: Decimal) -> Month:
    hours = hours_per_month()

    def instances(reservations: Sequence[Reserved]) -> Decimal:
        fees = sum((one.count * one.effective for one in reservations), ZERO)
        return fees + sum((n * on_demand(name) for name, n in uncovered(running, reservations).items()), ZERO)

    return Month(
        on_demand=(instances([]) + other_per_hour) * hours,
        as_reserved=(instances(held) + other_per_hour) * hours,
        with_advice=(instances([*held, *advised.reserve]) + other_per_hour) * hours,
        other=other_per_hour * hours,
    )
