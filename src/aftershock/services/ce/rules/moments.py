"""Time as bills count it: whole milliseconds since the epoch, and nominal hours, which last 1/pace real ones.

All of it is exact.  Whole numbers stay integers, which are many times faster than fractions; so nothing here or in
what builds on it may be divided by `/` but a `Fraction`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
HOUR_MS = 3_600_000

Number = int | Fraction
Span = tuple[Number, Number]


def ms(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def whole(number: Fraction) -> Number:
    return number.numerator if number.denominator == 1 else number


@lru_cache(maxsize=256)
def exact(number: float) -> Number:
    """The number as it is written: 0.1 is a tenth."""
    return whole(Fraction(str(number)))


def hour_ms(pace: float) -> Number:
    """How long a nominal hour lasts."""
    return whole(Fraction(HOUR_MS) / exact(pace))


def nominal_ms(span: Span, pace: float) -> Number:
    return (span[1] - span[0]) * exact(pace)


def hours(span: Span, pace: float) -> Fraction:
    """How many nominal hours it is."""
    return Fraction(nominal_ms(span, pace)) / HOUR_MS


def earlier(one: Number, other: Number) -> Number:
    return one if one <= other else other


def later(one: Number, other: Number) -> Number:
    return one if one >= other else other


def common(one: Span, other: Span) -> Span | None:
    """The time that is in both, if there is any."""
    start, end = later(one[0], other[0]), earlier(one[1], other[1])
    return (start, end) if start < end else None


def windows(span: Span, *, hour: Number, edges: Iterable[Number]) -> list[Span]:
    """A time, cut so that within each part every hour is like the others.

    An hour in which something begins or ends is a part of its own.  Hours that follow one another and in which nothing
    changes are one part: whatever is in proportion to time comes out the same for all of them together.
    """
    start, end = span
    cuts = {start, end}
    for edge in edges:
        if start < edge < end:
            below = edge // hour * hour
            cuts |= {below} if below == edge else {below, below + hour}
    return list(pairwise(sorted(cut for cut in cuts if start <= cut <= end)))
