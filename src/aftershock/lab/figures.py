"""Figures of what visitors met with.  Pure: from visits and the moments of what happened."""

import math
from bisect import bisect_right as bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Point:
    """One request; seconds since the watching began."""

    at_s: float
    took_s: float
    served: bool
    visitor: int
    instance: str | None = None

    @property
    def ended_s(self) -> float:
        return self.at_s + self.took_s


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the same clock."""

    at_s: float
    label: str


def percentile_ms(points: Iterable[Point], share: float) -> float:
    """How long the page took at most for this share of those who got it, by the nearest rank; nan if nobody did."""
    took = sorted(point.took_s for point in points if point.served)
    return took[max(0, math.ceil(share * len(took)) - 1)] * 1000 if took else math.nan


def failed_share(points: Sequence[Point]) -> float:
    """nan if nobody asked."""
    return sum(not point.served for point in points) / len(points) if points else math.nan


def dark_s(points: Iterable[Point], until_s: float) -> float:
    """The longest time in which nobody was served although somebody asked: from one page to the next.

    What began before the first page, or lasts until the end of the watching, counts until there.
    """
    seen = list(points)
    failed = sorted(point.ended_s for point in seen if not point.served)
    pages = sorted([0.0, *(point.ended_s for point in seen if point.served), until_s])
    longest = 0.0
    for before, after in pairwise(pages):
        if bisect(failed, before) < bisect(failed, after):
            longest = max(longest, after - before)
    return longest


def failing_s(points: Iterable[Point], since_s: float) -> float:
    """From that moment until the last request began that failed."""
    return max((point.at_s - since_s for point in points if not point.served and point.at_s >= since_s), default=0.0)


def hit_share(points: Sequence[Point]) -> float:
    """The share of visitors who met at least one failure; nan if there were none."""
    visitors = {point.visitor for point in points}
    return len({point.visitor for point in points if not point.served}) / len(visitors) if visitors else math.nan


def within(points: Iterable[Point], begin_s: float, end_s: float = math.inf) -> list[Point]:
    return [point for point in points if begin_s <= point.at_s < end_s]


@dataclass(frozen=True, slots=True)
class Bin:
    """What was asked for in one slice of the time."""

    begin_s: float
    served: int
    failed: int
    p50_ms: float
    worst_ms: float


def bins(points: Sequence[Point], until_s: float, width_s: float) -> list[Bin]:
    """Slices of equal width that cover all of the time, also where nobody asked."""
    slices: list[list[Point]] = [[] for _ in range(max(1, math.ceil(until_s / width_s)))]
    for point in points:
        slices[min(len(slices) - 1, int(point.at_s / width_s))].append(point)
    return [
        Bin(
            begin_s=number * width_s,
            served=sum(point.served for point in one),
            failed=sum(not point.served for point in one),
            p50_ms=percentile_ms(one, 0.5),
            worst_ms=percentile_ms(one, 1.0),
        )
        for number, one in enumerate(slices)
    ]
