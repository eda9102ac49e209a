"""Statistics of a point, by AWS's names for them.

The five plain ones, and AWS's extended ones: percentiles (`p95.5`), and those that leave out or cut off the outermost
samples: trimmed mean `tm90`, winsorized mean `wm90`, trimmed count `tc90`, trimmed sum `ts90`, each also with a range
of percentiles `TM(10%:90%)` or of values `TM(2:50)`; percentile rank `PR(10:20)`; and `IQM`, which is `TM(25%:75%)`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .points import Point, Samples

PLAIN: dict[str, Callable[[Point], float]] = {
    "SampleCount": lambda point: point.sample_count,
    "Average": lambda point: point.sum / point.sample_count if point.sample_count else 0.0,
    "Sum": lambda point: point.sum,
    "Minimum": lambda point: point.minimum,
    "Maximum": lambda point: point.maximum,
}
_NUMBER = r"\d{1,15}(?:\.\d{1,10})?"
_SHORT = re.compile(rf"(p|tm|wm|tc|ts)({_NUMBER})", re.IGNORECASE)
_RANGE = re.compile(rf"(tm|wm|tc|ts|pr)\(({_NUMBER})?(%)?:({_NUMBER})?(%)?\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extended:
    kind: str  # "p", "tm", "wm", "tc", "ts", "pr"
    low: float | None  # of `p` the percentile
    high: float | None = None
    percent: bool = True


def extended(name: str) -> Extended | None:
    """What the name of an extended statistic means, or None if there is none of that name."""
    if name.lower() == "iqm":
        return Extended("tm", 25.0, 75.0)
    if short := _SHORT.fullmatch(name):
        kind, number = short[1].lower(), float(short[2])
        if number > 100:
            return None
        return Extended("p", number) if kind == "p" else Extended(kind, None, number)
    found = _RANGE.fullmatch(name)
    if found is None:
        return None
    kind = found[1].lower()
    low = None if found[2] is None else float(found[2])
    high = None if found[4] is None else float(found[4])
    marks = [mark for number, mark in ((low, found[3]), (high, found[5])) if number is not None]
    # A mark of percent stands at every number or at none, and a rank is of values.
    if not marks or len(set(marks)) > 1 or (kind == "pr" and marks[0]) or not _has_number(found):
        return None
    percent = marks[0] == "%"
    if (low or 0) > (high if high is not None else float("inf")) or (percent and (low or 0, high or 0) > (100, 100)):
        return None
    if percent and high is not None and high > 100:
        return None
    return Extended(kind, low, high, percent)


def _has_number(found: "re.Match[str]") -> bool:
    """A mark of percent belongs to a number."""
    return not ((found[3] and found[2] is None) or (found[5] and found[4] is None))


def known(name: str) -> bool:
    return name in PLAIN or extended(name) is not None


def value(name: str, point: Point) -> float | None:
    """The statistic, or None where the samples that it needs are not known.

    `name` is one that is `known`.
    """
    if name in PLAIN:
        return PLAIN[name](point)
    wanted, samples = extended(name), point.distribution()
    if wanted is None or samples is None or point.sample_count <= 0:
        return None
    if wanted.kind == "p":
        return _percentile(samples, wanted.low or 0.0)
    if wanted.percent:
        return _within_percentiles(wanted, samples)
    return _within_values(wanted, samples)


def _percentile(samples: Samples, percent: float) -> float:
    """The least value that at least so much of the samples are not above."""
    total = sum(count for _, count in samples)
    seen = 0.0
    for sample, count in samples:
        seen += count
        if seen >= total * percent / 100 - 1e-9:
            return sample
    return samples[-1][0]


def _within_percentiles(wanted: Extended, samples: Samples) -> float | None:
    total = sum(count for _, count in samples)
    low = total * (wanted.low or 0.0) / 100
    high = total * (100.0 if wanted.high is None else wanted.high) / 100
    kept: list[tuple[float, float]] = []
    seen = 0.0
    for sample, count in samples:
        share = min(seen + count, high) - max(seen, low)
        if share > 1e-12:
            kept.append((sample, share))
        seen += count
    return _summed(wanted.kind, tuple(kept), below=low, above=total - high)


def _within_values(wanted: Extended, samples: Samples) -> float | None:
    low = float("-inf") if wanted.low is None else wanted.low
    high = float("inf") if wanted.high is None else wanted.high
    kept = tuple((sample, count) for sample, count in samples if low <= sample <= high)
    if wanted.kind == "pr":
        return 100 * sum(count for _, count in kept) / sum(count for _, count in samples)
    below = sum(count for sample, count in samples if sample < low)
    above = sum(count for sample, count in samples if sample > high)
    return _summed(wanted.kind, kept, below=below, above=above)


def _summed(kind: str, kept: Samples, *, below: float, above: float) -> float | None:
    count = sum(share for _, share in kept)
    total = sum(sample * share for sample, share in kept)
    if kind == "tc":
        return count
    if kind == "ts":
        return total
    if not kept:
        return None
    if kind == "tm":
        return total / count
    # wm: what is outside counts as the nearest that is not.
    return (total + below * kept[0][0] + above * kept[-1][0]) / (count + below + above)
