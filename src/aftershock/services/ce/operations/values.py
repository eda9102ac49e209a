"""The values that dimensions and tags have in a time."""

from collections.abc import Iterable

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ce.outside import Reservations
from aftershock.services.ce.rules import periods
from aftershock.services.ce.rules.dimensions import READ, check_dimension
from aftershock.services.ce.rules.errors import invalid, refuse
from aftershock.services.ce.rules.lines import RECURRING, RESERVED, Line

from .ledger import billed
from .paged import paged


def get_dimension_values(reservations: Reservations, call: Call, params: Params) -> Result:
    refuse(params, "BillingViewArn", "SortBy", "DimensionKey")
    read = READ[check_dimension(params["Dimension"])]
    match params.get("Context"):
        case "SAVINGS_PLANS":
            raise invalid("Context SAVINGS_PLANS is not supported in this region: there are no Savings Plans.")
        case "RESERVATIONS":
            found = [line for line in _lines(reservations, call, params) if line.purchase_type == RESERVED]
        case _:
            found = _lines(reservations, call, params)
    every = _distinct(params, (read(line) for line in found))
    shown, following = paged(params, every)
    return {
        "DimensionValues": [{"Value": value, "Attributes": {}} for value in shown],
        "ReturnSize": len(shown),
        "TotalSize": len(every),
        "NextPageToken": following,
    }


def get_tags(reservations: Reservations, call: Call, params: Params) -> Result:
    """The keys of all tags, or the values of one."""
    refuse(params, "BillingViewArn", "SortBy")
    key = params.get("TagKey")
    found = [line for line in _lines(reservations, call, params) if line.record_type != RECURRING]
    if key:
        every = _distinct(params, (line.tags.get(key, "") for line in found), empty=True)
    else:
        every = _distinct(params, (name for line in found for name in line.tags))
    shown, following = paged(params, every)
    return {"Tags": shown, "ReturnSize": len(shown), "TotalSize": len(every), "NextPageToken": following}


def _lines(reservations: Reservations, call: Call, params: Params) -> list[Line]:
    period = periods.asked(params["TimePeriod"], "MONTHLY", call.now)
    return billed(call, reservations, period, "MONTHLY", params.get("Filter"))[1]


def _distinct(params: Params, found: Iterable[str | None], *, empty: bool = False) -> list[str]:
    wanted = (params.get("SearchString") or "").lower()
    return sorted({one for one in found if one is not None and (one or empty) and wanted in one.lower()})
