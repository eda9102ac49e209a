"""What it costs, for the meter at the top of the page: reckoned as `aftershock bill` does, over our own connection."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from botocore import xform_name

from aftershock.doors.bill import bill_of
from aftershock.doors.projection import hours_per_month

from .api import Answer, Api

CENTS, SMALL = Decimal("0.01"), Decimal("0.0001")


def look(api: Api, _: object, now: datetime, __: float) -> dict[str, str]:
    """USD, as text: for an hour and a month as all is now, and for a month with the cheapest reservations."""
    found = bill_of(Clients(api), now)
    month = found.month.as_reserved
    return {
        "per_hour": str((month / hours_per_month()).quantize(SMALL)),
        "per_month": str(month.quantize(CENTS)),
        "with_reservations": str(found.month.with_advice.quantize(CENTS)),
        "so_far": str(found.usd.quantize(CENTS)),
    }


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's manner over our connection, as far as the reckoning uses it."""

    api: Api

    def client(self, service: str) -> "Client":
        return Client(self.api, service)


@dataclass(frozen=True, slots=True)
class Client:
    api: Api
    service: str

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        return lambda **params: self.api.ask(self.service, self._operation(name), params)

    def get_paginator(self, name: str) -> "Paginator":
        return Paginator(self.api, self.service, self._operation(name))

    def _operation(self, name: str) -> str:
        names = self.api.operations(self.service)
        return next(one for one in names if xform_name(one) == name)


@dataclass(frozen=True, slots=True)
class Paginator:
    api: Api
    service: str
    operation: str

    def paginate(self, **params: Any) -> Iterator[Answer]:
        return self.api.pages(self.service, self.operation, params)
