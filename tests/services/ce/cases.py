"""Runs, reservations and stretches of a day that is convenient to calculate with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aftershock.aws.usage import Reservation
from aftershock.services.ce.records import Stretch
from aftershock.services.ce.rules.lines import COMPUTE
from aftershock.services.ce.rules.moments import ms
from aftershock.services.ce.rules.reserved import Run

ACCOUNT = "123456789012"
DAY = datetime(2026, 11, 22, tzinfo=UTC)


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def ran(name: str, instance_type: str, start: float, end: float, *, zone: str = "us-east-1a", pace: float = 1.0) -> Run:
    return Run(name, instance_type, zone, (ms(at(start)), ms(at(end))), pace)


def reserved(instance_type: str, count: int = 1, **given: Any) -> Reservation:
    """A regional reservation without anything upfront, since the day's beginning, unless something else is given."""
    terms: dict[str, Any] = {
        "id": f"{count} {instance_type}",
        "account": ACCOUNT,
        "region": "us-east-1",
        "zone": None,
        "instance_type": instance_type,
        "count": count,
        "payment": "No Upfront",
        "years": 1,
        "upfront": Decimal(0),
        "hourly": Decimal("0.0065"),
        "start": DAY,
        "end": DAY + timedelta(days=365),
        "pace": 1.0,
    }
    return Reservation(**{**terms, **given})


def stretch(resource: str, instance_type: str, start: float, end: float | None, **given: Any) -> Stretch:
    """An instance that ran, unless a usage type of something else is given."""
    terms: dict[str, Any] = {
        "id": f"{resource} {start}",
        "source": "ec2",
        "resource": resource,
        "account": ACCOUNT,
        "region": "us-east-1",
        "zone": "us-east-1a",
        "service": COMPUTE,
        "usage_type": f"BoxUsage:{instance_type}",
        "operation": "RunInstances",
        "per_hour": Decimal(1),
        "instance_type": instance_type,
        "least_s": 60,
        "tags": {},
        "since": at(start),
        "until": None if end is None else at(end),
        "pace": 1.0,
    }
    return Stretch(**{**terms, **given})
