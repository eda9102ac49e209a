"""GetMetricStatistics: one metric, several statistics."""

import math
from datetime import timedelta

from aftershock.aws.call import Call, Params, Result
from aftershock.services.cloudwatch.reading import bounded, raw, rounded_start
from aftershock.services.cloudwatch.records.alarm import MetricId, Query
from aftershock.services.cloudwatch.rules import stats
from aftershock.services.cloudwatch.rules.data import dimensions
from aftershock.services.cloudwatch.rules.errors import bad_value, invalid_combination, invalid_value
from aftershock.services.cloudwatch.rules.points import Point, grouped
from aftershock.services.cloudwatch.rules.queries import is_period

from .settings import Handler, Settings

MAX_DATAPOINTS = 1440


def get_metric_statistics(settings: Settings, call: Call, params: Params) -> Result:
    """AWS: data of different units are not mixed, and "datapoints are not returned in chronological order"."""
    plain, extended = _asked(params)
    period_s = params["Period"]
    if not is_period(period_s):
        raise invalid_value("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
    start, end = bounded(params["StartTime"], params["EndTime"])
    if start >= end:
        raise invalid_value("The parameter StartTime must be less than the parameter EndTime.")
    requested = math.ceil((end - start) / timedelta(seconds=1) * settings.pace / period_s)
    if requested > MAX_DATAPOINTS:
        raise invalid_combination(
            f"You have requested up to {requested} datapoints, which exceeds the limit of {MAX_DATAPOINTS}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    metric = MetricId(
        namespace=params["Namespace"],
        name=params["MetricName"],
        dimensions=dimensions(params.get("Dimensions"), "Dimensions"),
    )
    start = rounded_start(start, period_s, call.now, settings.pace)
    query = Query(id="m", metric=metric, period_s=period_s, unit=params.get("Unit"))
    found = raw(call.tx, call.account, query, start, end)
    points = [
        point
        for unit in sorted({point.unit for point in found})
        for point in grouped((one for one in found if one.unit == unit), period_s, settings.pace, start)
    ]
    shown = [_view(point, plain, extended) for point in sorted(points, key=lambda point: point.at)]
    return {"Label": metric.name, "Datapoints": [one for one in shown if one is not None]}


def _asked(params: Params) -> tuple[list[str], list[str]]:
    plain, extended = list(params.get("Statistics") or ()), list(params.get("ExtendedStatistics") or ())
    if not plain and not extended:
        raise invalid_combination("Must specify either Statistics or ExtendedStatistics")
    if plain and extended:
        raise invalid_combination("Must specify either Statistics or ExtendedStatistics, but not both.")
    for position, name in enumerate(extended, start=1):
        if stats.extended(name) is None:
            raise bad_value(name, f"ExtendedStatistics.member.{position}")
    return plain, extended


def _view(point: Point, plain: list[str], extended: list[str]) -> Result | None:
    """None where nothing that was asked for is known of the point."""
    shown: Result = {"Timestamp": point.at, "Unit": point.unit}
    shown |= {name: stats.value(name, point) for name in plain}
    if extended:
        values = {name: value for name in extended if (value := stats.value(name, point)) is not None}
        if not values:
            return None
        shown["ExtendedStatistics"] = values
    return shown


OPERATIONS: dict[str, Handler] = {"GetMetricStatistics": get_metric_statistics}
