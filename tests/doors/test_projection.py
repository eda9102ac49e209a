"""The projection of a month, against examples calculated by hand from the list prices."""

import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aftershock.doors.projection import (
    Advice,
    Reserved,
    advice,
    month,
    on_demand,
    prices,
    rate,
    reserved,
    uncovered,
)

A, B = "us-east-1a", "us-east-1b"


def held(instance_type: str, count: int = 1, zone: str | None = None, **prices: str) -> Reserved:
    given = {"upfront": "0", "hourly": "0.0065", **prices}
    return Reserved(instance_type, zone, count, "No Upfront", 1, Decimal(given["upfront"]), Decimal(given["hourly"]))


def running(*places: tuple[str, str, int]) -> dict[tuple[str, str], Decimal]:
    return {(kind, zone): Decimal(count) for kind, zone, count in places}


@pytest.mark.parametrize(
    "there, reservations, left",
    [
        ([("t3.micro", A, 2)], [], {"t3.micro": 2}),
        ([("t3.micro", A, 2)], [held("t3.micro")], {"t3.micro": 1}),
        ([("t3.micro", A, 1), ("t3.micro", B, 1)], [held("t3.small")], {}),
        ([("t3.micro", A, 2), ("t3.large", B, 1)], [held("t3.small", 2)], {"t3.large": Decimal("0.75")}),
        ([("t3.micro", A, 1)], [held("t3.micro", zone=B)], {"t3.micro": 1}),
        ([("t3.micro", A, 3)], [held("t3.micro", 2, zone=A)], {"t3.micro": 1}),
        ([("m5.large", A, 1)], [held("t3.large")], {"m5.large": 1}),
    ],
)
def test_what_reservations_leave_over(there: Any, reservations: list[Reserved], left: Mapping[str, Any]) -> None:
    assert uncovered(running(*there), reservations) == left


def test_three_instances_with_and_without_reservations() -> None:
    """Three t3.micro and three addresses: 730 × (3 × 0.0104 + 3 × 0.005), reserved 730 × (3 × 0.0065 + 3 × 0.005)."""
    there = running(("t3.micro", A, 3))
    advised = advice(uncovered(there, []), [held("t3.micro"), held("t3.micro", zone=A, hourly="0.001")])
    found = month(there, [], advised, 3 * rate("PublicIPv4:InUseAddress"))
    assert found.on_demand == found.as_reserved == Decimal("33.726")
    assert found.with_advice == Decimal("25.185")
    assert found.other == Decimal("10.95")
    assert [one.count for one in advised.reserve] == [3]


def test_a_reservation_that_nothing_uses_is_paid_all_the_same() -> None:
    found = month({}, [held("t3.micro")], Advice(()), Decimal(0))
    assert (found.on_demand, found.as_reserved) == (0, Decimal("4.745"))


def test_the_cheapest_is_so_with_its_upfront_fee_spread_over_the_term() -> None:
    cheap_hour = held("t3.micro", upfront="80", hourly="0")  # 0.0091 an hour
    (chosen,) = advice({"t3.micro": Decimal("2.5")}, [cheap_hour, held("t3.micro")]).reserve
    assert (chosen.count, chosen.hourly) == (2, Decimal("0.0065"))


def test_what_is_dearer_than_on_demand_is_not_advised() -> None:
    assert advice({"t3.micro": Decimal(1)}, [held("t3.micro", hourly="0.02")]).reserve == ()
    assert advice({"t4g.micro": Decimal(1)}, []).reserve == ()


def test_an_offering_is_read_as_the_api_describes_it() -> None:
    described = {
        "InstanceType": "t3.micro",
        "Scope": "Region",
        "Duration": 94608000,
        "FixedPrice": 55.0,
        "OfferingType": "Partial Upfront",
        "RecurringCharges": [{"Amount": 0.0021, "Frequency": "Hourly"}],
    }
    found = reserved(described)
    assert (found.zone, found.years, found.upfront, found.hourly) == (None, 3, Decimal(55), Decimal("0.0021"))
    assert found.effective == pytest.approx(Decimal("0.004193"), abs=Decimal("0.000001"))


def test_every_price_names_its_source() -> None:
    data = prices()
    named = {one["source"] for one in data["rates"].values()}
    named |= {one["source"] for several in data["reserved"].values() for one in several}
    assert {*named, data["on_demand_source"]} <= data["sources"].keys()
    assert on_demand("t3.micro") == Decimal("0.0104")


def test_without_a_region_there_is_no_bill(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aftershock", "bill", "--state", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "start it with `aftershock up`" in done.stderr
