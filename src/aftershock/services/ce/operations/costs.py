"""What it costs: by period, metric, and group."""

from collections import defaultdict

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ce.outside import Reservations
from aftershock.services.ce.rules import amounts, periods
from aftershock.services.ce.rules.dimensions import groups
from aftershock.services.ce.rules.errors import refuse
from aftershock.services.ce.rules.lines import Line

from .ledger import billed
from .paged import paged

PAGE = 100  # periods


def get_cost_and_usage(reservations: Reservations, call: Call, params: Params) -> Result:
    refuse(params, "BillingViewArn")
    names, granularity = amounts.checked(params["Metrics"]), params["Granularity"]
    by = groups(params.get("GroupBy"))
    period = periods.asked(params["TimePeriod"], granularity, call.now)
    parts, found = billed(call, reservations, period, granularity, params.get("Filter"))
    in_period: dict[int, list[Line]] = defaultdict(list)
    for line in found:
        in_period[line.period].append(line)
    shown, following = paged(params, list(enumerate(parts)), most=PAGE)
    results = []
    for number, part in shown:
        keyed: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for line in in_period[number] if by else ():
            keyed[tuple(group(line) for group in by)].append(line)
        results.append(
            {
                "TimePeriod": periods.view(part, granularity),
                "Total": {} if by else amounts.metrics(names, in_period[number]),
                "Groups": [
                    {"Keys": list(keys), "Metrics": amounts.metrics(names, keyed[keys])} for keys in sorted(keyed)
                ],
                "Estimated": periods.estimated(part, call.now),
            }
        )
    return {
        "GroupDefinitions": params.get("GroupBy"),
        "ResultsByTime": results,
        "DimensionValueAttributes": [],
        "NextPageToken": following,
    }
