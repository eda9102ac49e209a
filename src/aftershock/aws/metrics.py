"""What is measured, on its way to CloudWatch; and the buckets of time that statistics are of.

Whoever measures something offers a `Source`.  The sampler calls every source once a nominal minute, soon after the
minute has ended, with the minute's *beginning*, which is the timestamp its data get (as on AWS).  A source answers with
what it measured since it was last asked:

- counters as the difference since the last call; at the first call, and after one that came late because nobody asked
  in between, there is nothing honest to say of the minute, so nothing is said;
- nothing at all for what does not exist, or could not be measured: a missing datum is information, a made-up zero is
  a false one.  A zero that was measured is a datum;
- no account: whatever the region measures belongs to its account.

A source that raises loses that minute for itself and for nobody else; the error is logged.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

Dimensions = tuple[tuple[str, str], ...]  # sorted by name

MINUTE_S = 60
_SLACK = 1e-6  # of a period: what floating point takes from a moment on its border


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """Some samples of one metric that share a timestamp.

    `values` and `counts`, of one length, are the samples themselves where they are known (`counts[i]` times
    `values[i]`): percentiles need them.  A plain value knows its only sample and leaves them empty.
    """

    namespace: str  # "AWS/EC2"
    name: str  # "CPUUtilization"
    dimensions: Dimensions = ()
    unit: str = "None"  # AWS's word: "Percent", "Count", "Bytes", "Seconds" …
    at: datetime  # UTC
    sample_count: float = 1.0
    sum: float
    minimum: float
    maximum: float
    values: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()


Source = Callable[[datetime], Awaitable[Iterable[Datum]]]


def dimensions(pairs: Mapping[str, str]) -> Dimensions:
    return tuple(sorted(pairs.items()))


def value(
    namespace: str, name: str, pairs: Mapping[str, str] | Dimensions, number: float, *, unit: str, at: datetime
) -> Datum:
    """One sample: its own sum, minimum and maximum."""
    return Datum(
        namespace=namespace,
        name=name,
        dimensions=dimensions(dict(pairs)),
        unit=unit,
        at=at,
        sum=number,
        minimum=number,
        maximum=number,
    )


def samples(
    namespace: str,
    name: str,
    pairs: Mapping[str, str] | Dimensions,
    numbers: Iterable[float],
    *,
    unit: str,
    at: datetime,
) -> Datum | None:
    """Several samples in one datum, each of which counts for percentiles; None where there are none."""
    counts: dict[float, float] = {}
    for number in numbers:
        counts[number] = counts.get(number, 0.0) + 1.0
    if not counts:
        return None
    return Datum(
        namespace=namespace,
        name=name,
        dimensions=dimensions(dict(pairs)),
        unit=unit,
        at=at,
        sample_count=sum(counts.values()),
        sum=sum(number * count for number, count in counts.items()),
        minimum=min(counts),
        maximum=max(counts),
        values=tuple(counts),
        counts=tuple(counts.values()),
    )


def bucket(at: datetime, period_s: float, pace: float) -> int:
    """Which period since the epoch this moment is in; a nominal second lasts 1/pace real ones."""
    return math.floor(at.timestamp() * pace / period_s + _SLACK)


def bucket_start(number: int, period_s: float, pace: float) -> datetime:
    """The first whole millisecond of the period; `bucket` leads back."""
    return datetime.fromtimestamp(math.ceil(number * period_s / pace * 1000 - _SLACK) / 1000, UTC)
