"""Queries: what GetMetricData and metric alarms ask of the metrics, checked and computed."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aftershock.aws.call import Result
from aftershock.aws.errors import AwsError
from aftershock.services.cloudwatch.records.alarm import MetricId, Query

from . import stats
from .data import dimensions
from .errors import validation
from .math import Grid, MathError, Node, Series, Value, evaluate, names, parse
from .points import Point

MAX_QUERIES = 500
MAX_METRICS_OF_ALARM = 10
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
FINE_PERIODS_S = (1, 5, 10, 20, 30)

# A metric's points at the period of the query, over the query's range of time.
Fetch = Callable[[Query], Sequence[Point]]


def is_period(period_s: int) -> bool:
    """AWS: "1, 5, 10, 20, 30, or any multiple of 60"."""
    return period_s in FINE_PERIODS_S or (period_s > 0 and period_s % 60 == 0)


def queries(given: Sequence[Mapping[str, Any]], account: str, *, parameter: str) -> tuple[Query, ...]:
    """
    Raises:
        AwsError: ValidationError
    """
    if not 0 < len(given) <= MAX_QUERIES:
        raise validation(f"The collection {parameter} must not have a size greater than {MAX_QUERIES}.")
    found = tuple(_query(one, account, f"{parameter}.member.{position}") for position, one in enumerate(given, start=1))
    if len({query.id for query in found}) < len(found):
        raise validation(f"The values for parameter id in {parameter} are not unique.")
    parsed(found)
    return found


def _query(one: Mapping[str, Any], account: str, path: str) -> Query:
    if not _ID.fullmatch(one["Id"]):
        raise validation(
            f"The value {one['Id']} for parameter {path}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
        )
    if one.get("AccountId") not in (None, account):
        raise validation(f"The parameter {path}.AccountId is not supported in this region: there is one account.")
    stat, expression = one.get("MetricStat"), one.get("Expression")
    if (stat is None) == (expression is None):
        either = f"The parameters {path}.Expression and {path}.MetricStat are mutually exclusive"
        raise validation(
            f"{either} and you have specified both." if stat else f"{either} and you have specified neither."
        )
    common = {"id": one["Id"], "label": one.get("Label"), "return_data": one.get("ReturnData", True) is not False}
    period_s = stat["Period"] if stat else one.get("Period")
    if period_s is not None and not is_period(period_s):
        where = f"{path}.MetricStat.Period" if stat else f"{path}.Period"
        raise validation(f"The parameter {where} must be 1, 5, 10, 20, 30 or a multiple of 60.")
    if stat is None:
        return Query(expression=expression, period_s=period_s, **common)
    if not stats.known(stat["Stat"]):
        raise validation(f"The value {stat['Stat']} for parameter {path}.MetricStat.Stat is not supported.")
    metric = stat["Metric"]
    for name in ("Namespace", "MetricName"):
        if not metric.get(name):
            raise validation(f"The parameter {path}.MetricStat.Metric.{name} is required.")
    return Query(
        metric=MetricId(
            namespace=metric["Namespace"],
            name=metric["MetricName"],
            dimensions=dimensions(metric.get("Dimensions"), f"{path}.MetricStat.Metric.Dimensions"),
        ),
        stat=stat["Stat"],
        unit=stat.get("Unit"),
        period_s=period_s,
        **common,
    )


def parsed(given: Iterable[Query]) -> dict[str, Node]:
    """The expressions, in an order in which each needs only those before it.

    Raises:
        AwsError: ValidationError, for one that cannot be read, names what is not there, or needs itself
    """
    known = {query.id: query for query in given}
    nodes: dict[str, Node] = {}
    for query in known.values():
        if query.expression is not None:
            try:
                nodes[query.id] = parse(query.expression)
            except MathError as error:
                raise wrong_expression(query.id, error) from None
    needs: dict[str, set[str]] = {}
    for query_id, node in nodes.items():
        needs[query_id] = set(names(node))
        for unknown in sorted(needs[query_id] - known.keys()):
            raise wrong_expression(query_id, MathError(f"Unknown identifier '{unknown}'"))
    return {query_id: nodes[query_id] for query_id in _ordered(needs)}


def _ordered(needs: Mapping[str, set[str]]) -> list[str]:
    left, order = {query_id: needed & needs.keys() for query_id, needed in needs.items()}, list[str]()
    while left:
        ready = sorted(query_id for query_id, needed in left.items() if not needed - set(order))
        if not ready:
            raise wrong_expression(min(left), MathError("The expression depends on itself"))
        order += ready
        left = {query_id: needed for query_id, needed in left.items() if query_id not in ready}
    return order


def wrong_expression(query_id: str, error: MathError) -> AwsError:
    return validation(f"Error in expression '{query_id}': {error}")


def computed(given: Sequence[Query], fetch: Fetch, grid: Grid) -> dict[str, Value]:
    """Every query's value, by id.

    Raises:
        AwsError: ValidationError, for an expression that means nothing
    """
    values: dict[str, Value] = {}
    for query in given:
        if query.metric is not None:
            values[query.id] = series(query, fetch(query))
    for query_id, node in parsed(given).items():
        query = next(one for one in given if one.id == query_id)
        own = Grid(grid.start, grid.end, grid.pace, query.period_s or _shortest(values.values()) or grid.period_s)
        try:
            value = evaluate(node, values, own)
        except MathError as error:
            raise wrong_expression(query_id, error) from None
        if isinstance(value, float):
            raise wrong_expression(query_id, MathError("The result must be a time series or an array of them"))
        # A name alone stands for a metric, and the expression is none.
        values[query_id] = Series(value.period_s, value.points, value.label) if isinstance(value, Series) else value
    return values


def _shortest(values: Iterable[Value]) -> int | None:
    return min((value.period_s for value in values if isinstance(value, Series)), default=None)


def series(query: Query, points: Iterable[Point]) -> Series:
    """The statistic at every point that has it."""
    found: dict[datetime, float] = {}
    for point in points:
        value = stats.value(query.stat, point)
        if value is not None:
            found[point.at] = value
    return Series(query.period_s or 60, found, label(query), metric=True)


def label(query: Query) -> str:
    """AWS: without a label CloudWatch makes one up: a metric's name, or the id of an expression."""
    if query.label is not None:
        return query.label
    return query.metric.name if query.metric is not None else query.id


def view(query: Query) -> Result:
    shown: Result = {"Id": query.id, "Label": query.label, "ReturnData": query.return_data}
    if query.metric is None:
        return shown | {"Expression": query.expression, "Period": query.period_s}
    metric = {
        "Namespace": query.metric.namespace,
        "MetricName": query.metric.name,
        "Dimensions": dimensions_view(query.metric.dimensions),
    }
    stat = {"Metric": metric, "Period": query.period_s, "Stat": query.stat, "Unit": query.unit}
    return shown | {"MetricStat": stat}


def dimensions_view(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in pairs]
