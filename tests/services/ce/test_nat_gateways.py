"""What NAT gateways carried is billed by the gigabyte, and by nothing else."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from aftershock.aws.usage import Load
from aftershock.services.ce.records import Reading
from aftershock.services.ce.rules.loads import capacity_unit_hours, shares

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_bytes_since_the_last_reading_are_gigabytes_whatever_else_was_counted() -> None:
    load = Load(
        resource="nat-1",
        part="nat-1 7",
        account="1",
        region="us-east-1",
        service="EC2 - Other",
        usage_type="NatGateway-Bytes",
        operation="NatGateway",
        new_connections=10**9,
        open_connections=10**9,
        processed_bytes=5 << 30,
    )
    last = Reading(id="nat-1 nat-1 7", at=START, processed_bytes=2 << 30)
    hours = list(shares(load, last, START + timedelta(minutes=30), pace=1.0))
    assert sum(map(capacity_unit_hours, hours), Fraction(0)) == 3
