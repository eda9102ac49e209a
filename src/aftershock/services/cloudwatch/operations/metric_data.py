"""GetMetricData: many metrics, and expressions over them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.cloudwatch.reading import bounded, fetcher, rounded_start
from aftershock.services.cloudwatch.records.alarm import Query
from aftershock.services.cloudwatch.rules import errors
from aftershock.services.cloudwatch.rules.labels import dynamic
from aftershock.services.cloudwatch.rules.math import Grid, Series, Value
from aftershock.services.cloudwatch.rules.queries import computed, label, queries

from .settings import Handler, Settings

MAX_DATAPOINTS = 100_800
# Ours: what one answer may cost, however many pages it comes in.
MAX_COMPUTED = 1_000_000
_FAR = 10**15  # milliseconds: beyond every timestamp


@dataclass(frozen=True, slots=True)
class _Line:
    """One series of the answer."""

    id: str
    label: str
    series: Series


@dataclass(frozen=True, slots=True)
class _Entry:
    line: int
    rank: int
    at: datetime
    value: float

    @property
    def key(self) -> str:
        return f"{self.line:06d} {self.rank:016d}"


def get_metric_data(settings: Settings, call: Call, params: Params) -> Result:
    asked = queries(params["MetricDataQueries"], call.account, parameter="MetricDataQueries")
    if params.get("LabelOptions"):
        raise errors.unsupported("LabelOptions")
    size = _size(params)
    start, end = bounded(params["StartTime"], params["EndTime"])
    if start >= end:
        raise errors.validation("The parameter EndTime must be greater than StartTime")
    finest_s = min((query.period_s for query in asked if query.period_s), default=60)
    start = rounded_start(start, finest_s, call.now, settings.pace)
    if math.ceil((end - start) / timedelta(seconds=1) * settings.pace / finest_s) * len(asked) > MAX_COMPUTED:
        raise errors.validation("Too many datapoints requested. Please try to reduce the time range.")
    grid = Grid(start, end, settings.pace, finest_s)
    values = computed(asked, fetcher(call.tx, call.account, start, end, settings.pace), grid)
    lines = [line for query in asked if query.return_data for line in _lines(query, values[query.id], call)]
    descending = params.get("ScanBy") != "TimestampAscending"
    entries = list(_entries(lines, descending=descending))
    token = params.get("NextToken")
    try:
        shown, more = page(entries, key=lambda entry: entry.key, token=token, size=size)
    except InvalidToken:
        raise errors.invalid_token() from None
    return {
        "MetricDataResults": _results(lines, shown, first=token is None),
        "NextToken": more,
        "Messages": [],
    }


def _size(params: Params) -> int:
    size = params.get("MaxDatapoints")
    if size is None:
        return MAX_DATAPOINTS
    if not 1 <= size <= MAX_DATAPOINTS:
        raise errors.validation(f"The parameter MaxDatapoints must be between 1 and {MAX_DATAPOINTS}.")
    return int(size)


def _lines(query: Query, value: Value, call: Call) -> Iterator[_Line]:
    match value:
        case Series():
            yield _Line(query.id, dynamic(label(query), query, value, call), value)
        case tuple():
            for series in value:
                # AWS: "the legend captions for those time series are in the format Expression-Label Metric-Label".
                words = (query.id if query.label is None else query.label, series.label)
                yield _Line(query.id, " ".join(word for word in words if word), series)


def _entries(lines: Sequence[_Line], *, descending: bool) -> Iterator[_Entry]:
    for number, line in enumerate(lines):
        for at, value in sorted(line.series.points.items(), reverse=descending):
            milliseconds = round(at.timestamp() * 1000)
            yield _Entry(number, _FAR - milliseconds if descending else milliseconds, at, value)


def _results(lines: Sequence[_Line], shown: Sequence[_Entry], *, first: bool) -> list[Result]:
    """AWS: `PartialData` is a result of which "an incomplete set of data points" is in this answer."""
    found = {number: list(entries) for number, entries in groupby(shown, key=lambda entry: entry.line)}
    results = []
    for number, line in enumerate(lines):
        entries = found.get(number, [])
        if not entries and (not first or line.series.points):
            continue
        cut = bool(entries) and entries[-1] is shown[-1] and not _is_last(entries[-1], line)
        results.append(
            {
                "Id": line.id,
                "Label": line.label,
                "Timestamps": [entry.at for entry in entries],
                "Values": [entry.value for entry in entries],
                "StatusCode": "PartialData" if cut else "Complete",
            }
        )
    return results


def _is_last(entry: _Entry, line: _Line) -> bool:
    """Whether nothing of the line comes after the entry."""
    points = line.series.points
    return entry.at == (min(points) if entry.rank > _FAR // 2 else max(points))


OPERATIONS: dict[str, Handler] = {"GetMetricData": get_metric_data}
