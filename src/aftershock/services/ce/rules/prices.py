"""Prices, from the data file, which names the source of each."""

from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files

import msgspec
from msgspec import Struct

# AWS: instance size flexibility does not apply to these families.
RIGID_FAMILIES = frozenset({"g4ad", "g4dn", "g5", "g5g"})


class Rate(Struct, frozen=True):
    usd: Decimal
    unit: str


class _Prices(Struct):
    on_demand: dict[str, Decimal]
    rates: dict[str, Rate]
    normalization_factors: dict[str, Decimal]


@lru_cache(maxsize=1)
def _prices() -> _Prices:
    return msgspec.json.decode(files("aftershock").joinpath("data/prices.json").read_bytes(), type=_Prices)


def rate(usage_type: str, instance_type: str | None = None, operation: str = "") -> Rate:
    """What one unit of the usage type costs; of some it depends on the operation.

    Raises:
        KeyError: the data file has no price for it.
    """
    if instance_type is not None:
        return Rate(_prices().on_demand[instance_type], "Hrs")
    rates = _prices().rates
    return rates.get(f"{usage_type} {operation}") or rates[usage_type]


def family(instance_type: str) -> str:
    return instance_type.partition(".")[0]


@cache
def factor(instance_type: str) -> Decimal | None:
    """How many normalized units an hour of it is; None for sizes without a factor of their own, as bare metal."""
    return _prices().normalization_factors.get(instance_type.partition(".")[2])


@cache
def size_flexible(instance_type: str) -> bool:
    return family(instance_type) not in RIGID_FAMILIES and factor(instance_type) is not None
