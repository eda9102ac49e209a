"""Labels with parts that say something about their series: `Peak ${MAX} of ${PROP('Dim.InstanceId')}`.

Source: AWS's "Use dynamic labels".  Those that tell a time (`${MAX_TIME}`) are not offered.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from aftershock.aws.call import Call
from aftershock.services.cloudwatch.records.alarm import Query

from .errors import validation
from .math import Series

_PART = re.compile(r"\$\{\s*([A-Z_]+)\s*(?:\(\s*'([^']*)'\s*\))?\s*\}")
_VALUES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "DATAPOINT_COUNT": len,
    "FIRST": lambda values: values[0],
    "LAST": lambda values: values[-1],
    "MAX": max,
    "MIN": min,
    "SUM": sum,
}


def dynamic(label: str, query: Query, series: Series, call: Call) -> str:
    """
    Raises:
        AwsError: ValidationError, for a part that is unknown or not offered
    """
    if "${" not in label:
        return label
    return _PART.sub(lambda part: _said(part, query, series, call), label)


def _said(part: "re.Match[str]", query: Query, series: Series, call: Call) -> str:
    word, name = part[1], part[2]
    if word in _VALUES and name is None:
        values = [value for _, value in sorted(series.points.items())]
        return f"{_VALUES[word](values):g}" if values else "--"
    if word == "LABEL" and name is None:
        return query.metric.name if query.metric else query.id
    if word == "PROP" and name is not None and (found := _property(name, query, call)) is not None:
        return found
    raise validation(f"The dynamic label {part[0]} is not supported in this region.")


def _property(name: str, query: Query, call: Call) -> str | None:
    metric = query.metric
    if name.startswith("Dim.") and metric is not None:
        return dict(metric.dimensions).get(name.removeprefix("Dim."), "--")
    known = {
        "AccountId": call.account,
        "MetricName": metric.name if metric else "--",
        "Namespace": metric.namespace if metric else "--",
        "Period": str(query.period_s or "--"),
        "Region": call.region,
        "Stat": query.stat or "--",
    }
    return known.get(name)
