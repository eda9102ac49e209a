"""Reserved instances: what is offered at which price, what a purchase is called, and how many may be bought."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec
from msgspec import Struct

from aftershock.aws.call import Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.reserved_instances import ReservedInstances

from .instance_types import known
from .zones import zones

State = Literal["payment-pending", "active", "retired"]
PLATFORM = "Linux/UNIX"
YEAR_S = 365 * 24 * 3600  # AWS: "31536000 | 94608000"
# AWS's default quota: so many regional ones for the region, and so many zonal ones for each zone.
PER_MONTH = 20


class Price(Struct, frozen=True):
    years: int
    payment: str
    upfront: Decimal
    hourly: Decimal


class _Prices(Struct):
    reserved: dict[str, list[Price]]


class Offering(Struct, frozen=True, kw_only=True):
    id: str
    instance_type: str
    zone: str | None
    price: Price

    @property
    def duration_s(self) -> int:
        return self.price.years * YEAR_S

    @property
    def scope(self) -> str:
        return scope(self.zone)


def scope(zone: str | None) -> str:
    return "Availability Zone" if zone else "Region"


@lru_cache(maxsize=4)
def offerings(region: str) -> dict[str, Offering]:
    """All offerings by id: of every type that can run here and has a price in the data file."""
    prices = msgspec.json.decode(files("aftershock").joinpath("data/prices.json").read_bytes(), type=_Prices).reserved
    runnable = [name for name, found in known().items() if found.runs_here]
    places = (None, *(zone.name for zone in zones(region)))
    found = [
        Offering(id=_offering_id(region, name, zone, price), instance_type=name, zone=zone, price=price)
        for name in runnable
        for price in prices.get(name, ())
        for zone in places
    ]
    return {one.id: one for one in found}


def _offering_id(region: str, instance_type: str, zone: str | None, price: Price) -> str:
    """The same for the same offering at the same price, always."""
    words = (region, instance_type, zone or "", price.years, price.payment, price.upfront, price.hourly)
    return str(uuid5(NAMESPACE_URL, " ".join(map(str, words))))


def purchase_id(word: str) -> str:
    return str(uuid5(NAMESPACE_URL, word))


def offering(region: str, offering_id: str) -> Offering:
    """
    Raises:
        AwsError: InvalidReservedInstancesOfferingId
    """
    found = offerings(region).get(offering_id)
    if found is None:
        raise AwsError(
            "InvalidReservedInstancesOfferingId",
            f"The Reserved Instances offering ID '{offering_id}' does not exist",
        )
    return found


def state(one: ReservedInstances, now: datetime) -> State:
    """It is active from its payment on, and retired when its term is over."""
    if one.ends_at is None:
        return "payment-pending"
    return "active" if now < one.ends_at else "retired"


def check_count(count: int) -> None:
    """
    Raises:
        AwsError: InvalidParameterValue
    """
    if count < 1:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({count}) for parameter instanceCount is invalid. It must be a positive number.",
        )


def check_quota(bought: Iterable[ReservedInstances], wanted: Offering, count: int, now: datetime) -> None:
    """
    Raises:
        AwsError: ReservedInstancesLimitExceeded, when the calendar month's purchases for that place would be too many.
    """
    before = sum(
        one.count
        for one in bought
        if one.zone == wanted.zone and (one.bought_at.year, one.bought_at.month) == (now.year, now.month)
    )
    if before + count > PER_MONTH:
        raise AwsError(
            "ReservedInstancesLimitExceeded",
            "Your current quota does not allow you to purchase the required number of Reserved Instances.",
        )


def offering_view(one: Offering, region: str) -> Result:
    return {
        "ReservedInstancesOfferingId": one.id,
        **_terms(one.instance_type, one.zone, one.price, region),
        "Duration": one.duration_s,
        "Marketplace": False,
        "PricingDetails": [],
    }


def purchase_view(one: ReservedInstances, region: str, now: datetime) -> Result:
    price = Price(one.years, one.payment, one.upfront, one.hourly)
    return {
        "ReservedInstancesId": one.id,
        **_terms(one.instance_type, one.zone, price, region),
        "Duration": one.years * YEAR_S,
        "InstanceCount": one.count,
        "State": state(one, now),
        "Start": one.bought_at,
        "End": one.ends_at,
    }


def _terms(instance_type: str, zone: str | None, price: Price, region: str) -> Result:
    ids = {known_zone.name: known_zone.id for known_zone in zones(region)}
    return {
        "InstanceType": instance_type,
        "InstanceTenancy": "default",
        "ProductDescription": PLATFORM,
        "OfferingClass": "standard",
        "OfferingType": price.payment,
        "Scope": scope(zone),
        "AvailabilityZone": zone,
        "AvailabilityZoneId": ids[zone] if zone else None,
        "CurrencyCode": "USD",
        "FixedPrice": float(price.upfront),
        "UsagePrice": 0.0,
        "RecurringCharges": [{"Amount": float(price.hourly), "Frequency": "Hourly"}],
    }
