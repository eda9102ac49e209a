"""How measures, their values and the columns of the table of stages are said."""

import math

from aftershock.sites.visitors import PATIENCE_S

from .experiment import Bound, Measure

NAMES: dict[Measure, str] = {
    "requests": "requests",
    "failed": "requests that failed",
    "failed_share": "share of failed requests, from the event on",
    "failed_share_during": "share of failed requests while it lasted",
    "failed_share_after": "share of failed requests once it was made good",
    "dark_s": "longest time in which nobody was served",
    "failing_s": "time from the event to the last request that failed",
    "visitors_hit_share": "share of visitors who met a failure",
    "p50_ms": "a page took, median",
    "p99_ms": "a page took, 99 of 100",
    "instances": "machines that served before",
    "peak_instances": "machines at the most",
    "instances_after": "machines that served at the end",
    "took_s": "time until it was made good",
    "addresses_kept": "share of public addresses that stayed",
    "machines_kept": "share of machines that are still the same",
    "zones_used": "zones with machines that served before",
    "zones_used_after": "zones with machines that served at the end",
    "monthly_usd": "cost of a month as it was before",
    "monthly_usd_after": "cost of a month as it is at the end",
    "saved_share": "saved",
}

COLUMNS = {
    "Failed": f"Requests without a page: no answer within {PATIENCE_S:g} s, or another status than 200.",
    "Nobody served for": "The longest time from one page to the next in which somebody asked in vain.",
    "Median, 99 of 100": "So many of the pages that were served took no longer. Visitors and site share one machine: "
    "these times compare the stages of one run, and are no promise about AWS.",
    "Machines": "How many served before it happened; and how many ran at the most, if those were more.",
    "USD a month": "AWS's list prices of what ran before it happened, if all had gone on like that; and of what ran "
    "at the end, if just as many machines cost something else then (another type, a reservation).",
}


def value(measure: Measure, amount: float) -> str:
    if math.isnan(amount):
        return "none"
    if measure.endswith("_share") or "_share_" in measure or measure.endswith("_kept"):
        return share(amount)
    if measure.endswith("_ms"):
        return f"{amount:.0f} ms"
    if measure.endswith("_s"):
        return "less than 0.1 s" if 0 < amount < 0.05 else f"{amount:.1f} s"
    if "_usd" in measure:
        return f"{amount:.2f} USD"
    return f"{amount:g}"


def share(amount: float) -> str:
    """Nothing and all are said of nothing and all only."""
    if amount in (0, 1):
        return f"{amount:.0%}"
    if 0 < amount < 0.001:
        return "less than 0.1%"
    return "more than 99.9%" if 0.999 < amount < 1 else f"{amount:.1%}"


def bound(said: Bound) -> str:
    least = None if said.at_least is None else value(said.measure, said.at_least)
    most = None if said.at_most is None else value(said.measure, said.at_most)
    if least is not None and least == most:
        return f"exactly {least}"
    parts = [f"at least {least}" if least is not None else "", f"at most {most}" if most is not None else ""]
    return ", ".join(part for part in parts if part)
