"""Reading metrics: the points of a query over a range of time, at the query's period."""

from datetime import UTC, datetime, timedelta

from aftershock.aws.call import Tx
from aftershock.services.cloudwatch.records.alarm import Query
from aftershock.services.cloudwatch.records.metric import metric_id, points
from aftershock.services.cloudwatch.rules.points import EPOCH, Point, grouped, period_number, period_start
from aftershock.services.cloudwatch.rules.queries import Fetch
from aftershock.services.cloudwatch.rules.retention import DAY_S

_FAR = datetime(9000, 1, 1, tzinfo=UTC)


def raw(tx: Tx, account: str, query: Query, start: datetime, end: datetime) -> list[Point]:
    """The points no coarser than the period; AWS: of coarser ones "no data points … is returned"."""
    metric, period_s = query.metric, query.period_s
    if metric is None or period_s is None:
        return []
    key = metric_id(account, metric.namespace, metric.name, metric.dimensions)
    return [point for point in points(tx, key, start, end, period_s) if query.unit in (None, point.unit)]


def fetcher(tx: Tx, account: str, start: datetime, end: datetime, pace: float) -> Fetch:
    """How queries get their points; periods are counted from `start`."""

    def fetch(query: Query) -> list[Point]:
        return grouped(raw(tx, account, query, start, end), query.period_s or 60, pace, start)

    return fetch


def bounded(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The part of a time range in which there can be data, and in which one can count."""
    return max(start, EPOCH), min(end, _FAR)


def rounded_start(start: datetime, period_s: int, now: datetime, pace: float) -> datetime:
    """AWS: rounded down to the whole minute, or, as it lies further back, to what is kept of that time: "between 15
    and 63 days ago" to five minutes, "greater than 63 days ago" to the hour; with a finer period to that period."""
    age_s = (now - start) / timedelta(seconds=1) * pace
    if age_s > 63 * DAY_S:
        unit_s = 3600
    elif age_s > 15 * DAY_S:
        unit_s = 300
    else:
        unit_s = min(period_s, 60)
    return period_start(period_number(start, unit_s, pace, EPOCH), unit_s, pace, EPOCH)
