"""The account's bill for the time that is asked for."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Call
from aftershock.services.ce.outside import Reservations
from aftershock.services.ce.records import LOAD_HOURS, STRETCHES
from aftershock.services.ce.rules import lines, periods
from aftershock.services.ce.rules.expressions import test
from aftershock.services.ce.rules.lines import Book, Ledger, Line
from aftershock.services.ce.rules.periods import Period


def book(call: Call, reservations: Reservations, period: Period) -> Book:
    start, end = period
    ledger = Ledger(
        stretches=[one for one in STRETCHES.every(call.tx) if one.account == call.account],
        loads=[one for one in LOAD_HOURS.every(call.tx) if one.account == call.account],
        reservations=list(reservations(call.tx, call.account)),
    )
    return lines.book(ledger, start, end, call.now)


def billed(
    call: Call, reservations: Reservations, period: Period, granularity: str, expression: Mapping[str, Any] | None
) -> tuple[list[Period], list[Line]]:
    """The periods, and the lines in them that pass the filter.

    Raises:
        AwsError: ValidationException
    """
    passes = test(expression)
    parts = periods.cut(period, granularity)
    return parts, [line for line in lines.lines(book(call, reservations, period), parts) if passes(line)]
