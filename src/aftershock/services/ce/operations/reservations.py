"""How far reservations are used, and how much of what runs they cover."""

from collections import defaultdict

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ce.outside import Reservations
from aftershock.services.ce.rules import lines, periods, utilization
from aftershock.services.ce.rules.dimensions import groups
from aftershock.services.ce.rules.errors import invalid, refuse
from aftershock.services.ce.rules.expressions import test
from aftershock.services.ce.rules.lines import COMPUTE, Line

from .ledger import billed
from .paged import paged


def get_reservation_utilization(reservations: Reservations, call: Call, params: Params) -> Result:
    refuse(params, "SortBy")
    by = [(one.get("Type"), one.get("Key")) for one in params.get("GroupBy") or ()]
    if by and by != [("DIMENSION", "SUBSCRIPTION_ID")]:
        raise invalid("Group Definition is invalid. GetReservationUtilization groups only by SUBSCRIPTION_ID.")
    if by and params.get("Granularity"):
        raise invalid("Granularity cannot be set when GroupBy is set.")
    granularity = _granularity(params)
    period = periods.asked(params["TimePeriod"], granularity, call.now)
    passes = test(params.get("Filter"))
    held = [one for one in reservations(call.tx, call.account) if passes(lines.fee(one))]
    parts, found = billed(call, reservations, period, granularity, None)
    if by:
        parts = [period]
    per_period = [
        [(one, utilization.utilization(one, _of(found, None if by else number))) for one in held]
        for number in range(len(parts))
    ]
    shown = [
        {
            "TimePeriod": periods.view(part, granularity),
            "Groups": [
                {
                    "Key": "SUBSCRIPTION_ID",
                    "Value": one.id,
                    "Attributes": utilization.attributes(one, "active" if call.now < one.end else "retired"),
                    "Utilization": utilization.view(used),
                }
                for one, used in each
                if by and used.purchased_hours
            ],
            "Total": utilization.view(utilization.total(used for _, used in each)),
        }
        for part, each in zip(parts, per_period, strict=True)
    ]
    page, following = paged(params, shown)
    everything = utilization.total(used for each in per_period for _, used in each)
    return {"UtilizationsByTime": page, "Total": utilization.view(everything), "NextPageToken": following}


def get_reservation_coverage(reservations: Reservations, call: Call, params: Params) -> Result:
    refuse(params, "SortBy")
    metrics = set(params.get("Metrics") or ())
    if wrong := sorted(metrics - {"Hour", "Unit", "Cost"}):
        raise invalid(f"Metrics are invalid: {wrong[0]}. Valid metrics are: Hour, Unit, Cost")
    by = params.get("GroupBy") or []
    reads = groups(by)
    if by and params.get("Granularity"):
        raise invalid("Granularity cannot be set when GroupBy is set.")
    granularity = _granularity(params)
    period = periods.asked(params["TimePeriod"], granularity, call.now)
    parts, every = billed(call, reservations, period, granularity, params.get("Filter"))
    found = [line for line in every if line.service == COMPUTE]
    if by:
        parts = [period]
    shown = []
    for number, part in enumerate(parts):
        there = _of(found, None if by else number)
        keyed: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for line in there if by else ():
            keyed[tuple(read(line) for read in reads)].append(line)
        shown.append(
            {
                "TimePeriod": periods.view(part, granularity),
                "Groups": [
                    {
                        "Attributes": {_attribute(one["Key"]): key for one, key in zip(by, keys, strict=True)},
                        "Coverage": utilization.coverage(keyed[keys]),
                    }
                    for keys in sorted(keyed)
                ],
                "Total": utilization.coverage(there),
            }
        )
    page, following = paged(params, shown)
    return {"CoveragesByTime": page, "Total": utilization.coverage(found), "NextPageToken": following}


def _granularity(params: Params) -> str:
    """AWS: only DAILY and MONTHLY, and DAILY where nothing is said."""
    granularity = str(params.get("Granularity") or "DAILY")
    if granularity == "HOURLY":
        raise invalid("Granularity HOURLY is not supported for reservations.")
    return granularity


def _of(found: list[Line], number: int | None) -> list[Line]:
    return [line for line in found if number is None or line.period == number]


def _attribute(key: str) -> str:
    """As AWS names it among attributes: "INSTANCE_TYPE" is "instanceType"."""
    first, *others = key.lower().split("_")
    return first + "".join(word.capitalize() for word in others)
