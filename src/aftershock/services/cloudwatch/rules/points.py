"""Points: the samples of one bucket of time, as far as statistics need them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from aftershock.aws.metrics import Datum, bucket, bucket_start

Samples = tuple[tuple[float, float], ...]  # sorted pairs of a value and how often it was

# So many different values of a bucket are kept as they are; beyond, values less than a hundredth apart are one, so
# that a bucket's size is bounded.  AWS keeps distributions with a relative error too (its SDKs' name for it is SEH1).
MAX_DISTINCT = 300
PRECISION = math.log(1.01)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLACK = 1e-6  # of a period: what floating point takes from a moment on its border


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    unit: str
    sample_count: float
    sum: float
    minimum: float
    maximum: float
    samples: Samples | None = None  # None where they are not known, and where all are of one value

    def distribution(self) -> Samples | None:
        """Every sample, or None: AWS: percentiles need the samples, unless "the Min and Max are equal"."""
        if self.samples is None and self.minimum == self.maximum:
            return ((self.minimum, self.sample_count),)
        return self.samples

    def merged(self, other: "Point") -> "Point":
        """Both points' samples, at this one's time."""
        own, others = self.distribution(), other.distribution()
        minimum, maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        known = own is not None and others is not None and minimum != maximum
        return Point(
            at=self.at,
            unit=self.unit,
            sample_count=self.sample_count + other.sample_count,
            sum=self.sum + other.sum,
            minimum=minimum,
            maximum=maximum,
            samples=_merged(own or (), others or ()) if known else None,
        )


def _merged(*parts: Samples) -> Samples:
    counts: dict[float, float] = {}
    for part in parts:
        for value, count in part:
            counts[value] = counts.get(value, 0.0) + count
    return _bounded(counts)


def _bounded(counts: Mapping[float, float]) -> Samples:
    if len(counts) <= MAX_DISTINCT:
        return tuple(sorted(counts.items()))
    coarse: dict[float, float] = {}
    lowest, highest = min(counts), max(counts)
    for value, count in counts.items():
        near = value if value in (lowest, highest) else min(max(_coarse(value), lowest), highest)
        coarse[near] = coarse.get(near, 0.0) + count
    return tuple(sorted(coarse.items()))


def _coarse(value: float) -> float:
    if value == 0:
        return 0.0
    step = round(math.log(abs(value)) / PRECISION)
    return math.copysign(math.exp(step * PRECISION), value)


def point_of(datum: Datum, resolution_s: int, pace: float) -> Point:
    """The datum in the bucket that its time is in."""
    counts: dict[float, float] = {}
    for value, count in zip(datum.values, datum.counts, strict=True):
        counts[value] = counts.get(value, 0.0) + count
    return Point(
        at=bucket_start(bucket(datum.at, resolution_s, pace), resolution_s, pace),
        unit=datum.unit,
        sample_count=datum.sample_count,
        sum=datum.sum,
        minimum=datum.minimum,
        maximum=datum.maximum,
        samples=_bounded(counts) if counts and datum.minimum != datum.maximum else None,
    )


def grouped(points: Iterable[Point], period_s: float, pace: float, origin: datetime = EPOCH) -> list[Point]:
    """One point for each period of nominal time, counted from the origin, that has any: whatever their units were."""
    found: dict[int, Point] = {}
    for point in points:
        number = period_number(point.at, period_s, pace, origin)
        before = found.get(number)
        if before is None:
            found[number] = replace(point, at=period_start(number, period_s, pace, origin))
        else:
            found[number] = before.merged(point)
    return [found[number] for number in sorted(found)]


def period_number(at: datetime, period_s: float, pace: float, origin: datetime) -> int:
    return math.floor((at - origin).total_seconds() * pace / period_s + SLACK)


def period_start(number: int, period_s: float, pace: float, origin: datetime) -> datetime:
    """The first whole millisecond of the period, counted from the origin."""
    return origin + timedelta(milliseconds=math.ceil(number * period_s / pace * 1000 - SLACK))
