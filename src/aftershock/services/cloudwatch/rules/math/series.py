"""What expressions are about: scalars, time series, and arrays of time series."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aftershock.services.cloudwatch.rules.points import period_number, period_start


class MathError(Exception):
    """The expression says nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The time range of a request: the moments at which a series that misses nothing has values.

    Periods are counted from the start.
    """

    start: datetime
    end: datetime
    pace: float
    period_s: int = 60  # of series that no metric gives one

    def moments(self, period_s: int) -> list[datetime]:
        count = period_number(self.end, period_s, self.pace, self.start) + 1
        found = (period_start(number, period_s, self.pace, self.start) for number in range(count))
        return [at for at in found if at < self.end]


@dataclass(frozen=True, slots=True)
class Series:
    """Values over time; what is missing is not in it."""

    period_s: int
    points: Mapping[datetime, float] = field(default_factory=dict)
    label: str = ""
    metric: bool = False  # a metric's own, not computed

    def each(self, change: Callable[[float], float]) -> "Series":
        return self.with_points({at: _value(change, value) for at, value in self.points.items()})

    def with_points(self, points: Mapping[datetime, float]) -> "Series":
        """AWS: "If the value of a data point causes a function to attempt to divide by zero, the data point is
        dropped"; so is every other that is no number."""
        finite = {at: value for at, value in sorted(points.items()) if math.isfinite(value)}
        return Series(self.period_s, finite, self.label)


Value = float | Series | tuple[Series, ...]


def _value(change: Callable[..., float], *values: float) -> float:
    try:
        return change(*values)
    except (ArithmeticError, ValueError, TypeError):
        return math.nan


def combined(operation: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """The operation at every moment at which one of the two has a value; AWS: missing ones "are treated as 0"."""
    match left, right:
        case (tuple(), tuple()):
            raise MathError("An operator cannot be applied to two arrays of time series")
        case (tuple(), _):
            return tuple(_series(combined(operation, one, right), one.label) for one in left)
        case (_, tuple()):
            return tuple(_series(combined(operation, left, one), one.label) for one in right)
        case (Series(), Series()):
            same_period([left, right])
            moments = left.points.keys() | right.points.keys()
            both = {at: _value(operation, left.points.get(at, 0.0), right.points.get(at, 0.0)) for at in moments}
            return left.with_points(both)
        case (Series(), _):
            return left.each(lambda value: operation(value, _scalar(right)))
        case (_, Series()):
            return right.each(lambda value: operation(_scalar(left), value))
    return _value(operation, _scalar(left), _scalar(right))


def _scalar(value: Value) -> float:
    if isinstance(value, Series | tuple):
        raise MathError("A number is needed where a time series stands")
    return value


def _series(value: Value, label: str) -> Series:
    if not isinstance(value, Series):
        raise MathError("A time series is needed where a number stands")
    return Series(value.period_s, value.points, label)


def same_period(many: Iterable[Series]) -> int:
    periods = {one.period_s for one in many}
    if len(periods) > 1:
        raise MathError("All metrics in an expression must have the same period")
    return periods.pop() if periods else 60  # of nothing
