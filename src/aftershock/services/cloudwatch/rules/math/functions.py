"""The functions of metric math.

Each takes its arguments' values; what a function is given that it has no meaning for is a `MathError`.
"""

import math
import statistics
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from .series import Grid, MathError, Series, Value, combined, same_period

Function = Callable[["Arguments"], Value]


class Arguments:
    """What a function was given, by position, and where it is computed."""

    def __init__(self, function: str, values: Sequence[Value | str], grid: Grid) -> None:
        self.function, self.values, self.grid = function, values, grid

    def count(self, least: int, most: int | None = None) -> None:
        if not least <= len(self.values) <= (least if most is None else most):
            raise MathError(f"The function {self.function} was given {len(self.values)} arguments")

    def scalar(self, position: int) -> float:
        value = self.values[position]
        if isinstance(value, Series | tuple | str):
            raise self.wrong(position)
        return value

    def series(self, position: int = 0) -> Series:
        value = self.values[position]
        if not isinstance(value, Series):
            raise self.wrong(position)
        return value

    def many(self, position: int = 0) -> tuple[Series, ...]:
        value = self.values[position]
        if not isinstance(value, tuple):
            raise self.wrong(position)
        return value

    def some(self, position: int = 0) -> Series | tuple[Series, ...]:
        value = self.values[position]
        if not isinstance(value, Series | tuple):
            raise self.wrong(position)
        return value

    def word(self, position: int, *allowed: str) -> str:
        value = self.values[position]
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(position)
        return value

    def value(self, position: int) -> Value:
        value = self.values[position]
        if isinstance(value, str):
            raise self.wrong(position)
        return value

    def wrong(self, position: int) -> MathError:
        return MathError(f"The argument {position + 1} of the function {self.function} is of the wrong type")


def _pointwise(change: Callable[[float], float]) -> Function:
    return _one_or_many(lambda series, _: series.each(change))


def _one_or_many(change: Callable[[Series, Grid], Series]) -> Function:
    def apply(given: Arguments) -> Value:
        given.count(1)
        what = given.some()
        if isinstance(what, Series):
            return change(what, given.grid)
        return tuple(Series(one.period_s, change(one, given.grid).points, one.label) for one in what)

    return apply


def _aggregate(over: Callable[[Sequence[float]], float], *, missing_is_zero: bool = False) -> Function:
    """One series becomes a number, many become one series."""

    def apply(given: Arguments) -> Value:
        given.count(1)
        what = given.some()
        if isinstance(what, Series):
            return over(list(what.points.values())) if what.points else math.nan
        moments = {at for one in what for at in one.points}
        found = {}
        for at in moments:
            present = [one.points[at] for one in what if at in one.points]
            found[at] = over(present + [0.0] * (len(what) - len(present)) if missing_is_zero else present)
        return Series(same_period(what)).with_points(found)

    return apply


def _datapoint_count(given: Arguments) -> Value:
    given.count(1)
    what = given.some()
    if isinstance(what, Series):
        return float(len(what.points))
    moments = {at for one in what for at in one.points}
    return Series(same_period(what)).with_points({at: float(sum(at in one.points for one in what)) for at in moments})


def _differences(change: Callable[[float, float, float], float]) -> Function:
    """`change` is given a value, the one before it, and the nominal seconds between them."""

    def apply(series: Series, grid: Grid) -> Series:
        moments = sorted(series.points)
        found = {}
        for before, at in pairwise(moments):
            seconds = (at - before) / timedelta(seconds=1) * grid.pace
            found[at] = change(series.points[at], series.points[before], seconds)
        return series.with_points(found)

    return _one_or_many(apply)


def _running_sum(series: Series, _: Grid) -> Series:
    total, found = 0.0, {}
    for at in sorted(series.points):
        total += series.points[at]
        found[at] = total
    return series.with_points(found)


def _time(of: Callable[[datetime], float]) -> Function:
    def apply(given: Arguments) -> Value:
        given.count(1)
        series = given.series()
        return series.with_points({at: float(of(at)) for at in given.grid.moments(series.period_s)})

    return apply


def _fill(given: Arguments) -> Value:
    given.count(2)
    what, filler = given.some(0), given.values[1]
    if isinstance(filler, tuple) or (isinstance(filler, str) and filler not in ("REPEAT", "LINEAR")):
        raise given.wrong(1)
    if isinstance(what, Series):
        return _filled(what, filler, given.grid)
    return tuple(Series(one.period_s, _filled(one, filler, given.grid).points, one.label) for one in what)


def _filled(series: Series, filler: float | Series | str, grid: Grid) -> Series:
    moments = grid.moments(series.period_s)
    points: Mapping[datetime, float]
    match filler:
        case "REPEAT":
            points = _repeated(series, moments)
        case "LINEAR":
            points = _interpolated(series, moments)
        case Series():
            points = {at: filler.points[at] for at in moments if at in filler.points}
        case _:
            points = dict.fromkeys(moments, float(filler))
    return series.with_points({**points, **series.points})


def _repeated(series: Series, moments: Sequence[datetime]) -> Mapping[datetime, float]:
    """The value before; nothing before the first."""
    found, last = {}, None
    for at in moments:
        last = series.points.get(at, last)
        if last is not None:
            found[at] = last
    return found


def _interpolated(series: Series, moments: Sequence[datetime]) -> Mapping[datetime, float]:
    """A line between the values around; nothing outside of them."""
    known = sorted(series.points)
    found = {}
    for at in moments:
        after = bisect(known, at)
        if 0 < after < len(known):
            low, high = known[after - 1], known[after]
            rise = series.points[high] - series.points[low]
            found[at] = series.points[low] + rise * ((at - low) / (high - low))
    return found


def _if(given: Arguments) -> Value:
    given.count(2, 3)
    condition, chosen = given.value(0), given.value(1)
    other = given.value(2) if len(given.values) == 3 else None
    if isinstance(condition, tuple) or isinstance(chosen, tuple) or isinstance(other, tuple):
        raise given.wrong(0 if isinstance(condition, tuple) else 1)
    if not isinstance(condition, Series):
        if condition != 0:
            return chosen
        if other is not None:
            return other
        return Series(chosen.period_s) if isinstance(chosen, Series) else Series(given.grid.period_s)
    same_period([one for one in (condition, chosen, other) if isinstance(one, Series)])
    found = {}
    for at, value in condition.points.items():
        picked = chosen if value != 0 else other
        if isinstance(picked, Series):
            # AWS: 0, "if the corresponding data point of metric1 is TRUE and [it] does not exist in metric2".
            if at in picked.points or value != 0:
                found[at] = picked.points.get(at, 0.0)
        elif picked is not None:
            found[at] = picked
    return condition.with_points(found)


def _period(given: Arguments) -> Value:
    given.count(1)
    series = given.series()
    if not series.metric:
        raise MathError("The function PERIOD takes a metric, not the result of an expression")
    return float(series.period_s)


def _metric_count(given: Arguments) -> Value:
    given.count(1)
    return float(len(given.many()))


def _end(position: int) -> Function:
    def apply(given: Arguments) -> Value:
        given.count(1)
        what = given.many()
        return what[position] if what else Series(given.grid.period_s)

    return apply


def _slice(given: Arguments) -> Value:
    given.count(2, 3)
    what, start = given.many(0), int(_index(given, 1))
    end = int(_index(given, 2)) if len(given.values) == 3 else len(what)
    return what[start:end]


def _index(given: Arguments, position: int) -> float:
    number = given.scalar(position)
    if not math.isfinite(number) or number < 0:
        raise given.wrong(position)
    return number


_ORDERS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": statistics.fmean,
    "MIN": min,
    "MAX": max,
    "SUM": math.fsum,
}


def _sort(given: Arguments) -> Value:
    given.count(3, 4)
    what = given.many(0)
    measure, order = _ORDERS[given.word(1, *_ORDERS)], given.word(2, "ASC", "DESC")
    most = int(_index(given, 3)) if len(given.values) == 4 else len(what)
    measured = [one for one in what if one.points]
    empty = tuple(one for one in what if not one.points)
    ranked = sorted(measured, key=lambda one: measure(list(one.points.values())), reverse=order == "DESC")
    return (*ranked, *empty)[:most]


def _remove_empty(given: Arguments) -> Value:
    given.count(1)
    return tuple(one for one in given.many() if one.points)


def _time_series(given: Arguments) -> Value:
    given.count(1)
    number = given.scalar(0)
    period_s = given.grid.period_s
    return Series(period_s).with_points(dict.fromkeys(given.grid.moments(period_s), number))


FUNCTIONS: Mapping[str, Function] = {
    "ABS": _pointwise(abs),
    "AVG": _aggregate(statistics.fmean, missing_is_zero=True),
    "CEIL": _pointwise(lambda value: float(math.ceil(value))),
    "DATAPOINT_COUNT": _datapoint_count,
    "DATE": _time(lambda at: at.day),
    "DAY": _time(lambda at: at.isoweekday()),
    "DIFF": _differences(lambda value, before, _: value - before),
    "DIFF_TIME": _differences(lambda _, __, seconds: seconds),
    "EPOCH": _time(lambda at: at.timestamp()),
    "FILL": _fill,
    "FIRST": _end(0),
    "FLOOR": _pointwise(lambda value: float(math.floor(value))),
    "HOUR": _time(lambda at: at.hour),
    "IF": _if,
    "LAST": _end(-1),
    "LOG": _pointwise(math.log),
    "LOG10": _pointwise(math.log10),
    "MAX": _aggregate(max),
    "METRIC_COUNT": _metric_count,
    "MIN": _aggregate(min),
    "MINUTE": _time(lambda at: at.minute),
    "MONTH": _time(lambda at: at.month),
    "PERIOD": _period,
    "RATE": _differences(lambda value, before, seconds: (value - before) / seconds),
    "REMOVE_EMPTY": _remove_empty,
    "RUNNING_SUM": _one_or_many(_running_sum),
    "SLICE": _slice,
    "SORT": _sort,
    "STDDEV": _aggregate(statistics.pstdev),
    "SUM": _aggregate(math.fsum),
    "TIME_SERIES": _time_series,
    "YEAR": _time(lambda at: at.year),
}

# What AWS has, and the region has not: the words are kept, so that the refusal can name them.
NOT_OFFERED = (
    "ANOMALY_DETECTION_BAND",
    "DB_PERF_INSIGHTS",
    "INSIGHT_RULE_METRIC",
    "LAMBDA",
    "SEARCH",
    "SELECT",
    "SERVICE_QUOTA",
)

OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "^": math.pow,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "&&": lambda left, right: float(left != 0 and right != 0),
    "||": lambda left, right: float(left != 0 or right != 0),
}


def operate(operator: str, left: Value, right: Value) -> Value:
    return combined(OPERATORS[operator], left, right)
