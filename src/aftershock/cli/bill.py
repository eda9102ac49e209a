"""`bill`: what the account has cost so far, and what a month costs if all goes on as it is now."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from aftershock.doors.bill import Bill, bill_of
from aftershock.doors.projection import Reserved

from .place import access_to, running, state_option

PLACES = Decimal("1E-10")  # as Cost Explorer writes amounts
RECORDS = {
    "DiscountedUsage": ", reserved",
    "Recurring": ", hourly fee",
    "Upfront": ", upfront fee",
}  # what is said of a charge beside its usage type


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
