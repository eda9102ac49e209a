"""How a measure and its value are said."""

import math

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


def value(measure: Measure, amount: float) -> str:
    if math.isnan(amount):
        return "none"
    if measure.endswith("_share") or "_share_" in measure or measure.endswith("_kept"):
        return f"{amount:.1%}"
    if measure.endswith("_ms"):
        return f"{amount:.0f} ms"
    if measure.endswith("_s"):
        return f"{amount:.1f} s"
    if "_usd" in measure:
        return f"{amount:.2f} USD"
    return f"{amount:g}"


def bound(said: Bound) -> str:
    least = None if said.at_least is None else value(said.measure, said.at_least)
    most = None if said.at_most is None else value(said.measure, said.at_most)
    if least is not None and least == most:
        return f"exactly {least}"
    parts = [f"at least {least}" if least is not None else "", f"at most {most}" if most is not None else ""]
    return ", ".join(part for part in parts if part)
