"""Metrics: data in, and the list of what there is."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aftershock.aws.call import Call, Params, Result, Tx
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.cloudwatch.recording import record
from aftershock.services.cloudwatch.records.metric import METRICS, Metric, in_namespace, last_at
from aftershock.services.cloudwatch.rules import errors
from aftershock.services.cloudwatch.rules.data import data
from aftershock.services.cloudwatch.rules.queries import dimensions_view
from aftershock.services.cloudwatch.rules.retention import LISTED_S, MAX_METRICS, RECENT_S

from .settings import Handler, Settings

PAGE = 500


def put_metric_data(settings: Settings, call: Call, params: Params) -> Result:
    given = data(params, call.now, settings.pace, by_service=bool(call.principal.service))
    for datum, resolution_s in given:
        if not record(call.tx, call.account, datum, resolution_s, settings.pace):
            raise errors.limit(f"There are {MAX_METRICS} metrics already, which is the most that this region keeps.")
    return {}


def list_metrics(settings: Settings, call: Call, params: Params) -> Result:
    """AWS: metrics that have had data in the past two weeks, 500 a page."""
    if params.get("OwningAccount") not in (None, call.account):
        return {"Metrics": []}
    seconds = RECENT_S if params.get("RecentlyActive") else LISTED_S
    since = call.now - timedelta(seconds=seconds / settings.pace)
    asked = [metric for metric in _of(call, params.get("Namespace")) if _matches(metric, params)]
    shown = sorted((metric for metric in asked if _is_active(call.tx, metric, since)), key=_order)
    try:
        listed, token = page(shown, key=_order, token=params.get("NextToken"), size=PAGE)
    except InvalidToken:
        raise errors.bad_value(params["NextToken"], "NextToken") from None
    return {"Metrics": [_view(metric) for metric in listed], "NextToken": token, **_owners(call, params, listed)}


def _of(call: Call, namespace: str | None) -> Sequence[Metric]:
    if namespace is None:
        return METRICS.where(call.tx, "account", call.account)
    return in_namespace(call.tx, call.account, namespace)


def _matches(metric: Metric, params: Params) -> bool:
    """AWS: a dimension to filter by may have its value left out."""
    if params.get("MetricName") not in (None, metric.name):
        return False
    own = dict(metric.dimensions)
    wanted: Iterable[Mapping[str, Any]] = params.get("Dimensions") or ()
    return all(one["Name"] in own and one.get("Value") in (None, own[one["Name"]]) for one in wanted)


def _is_active(tx: Tx, metric: Metric, since: datetime) -> bool:
    last = last_at(tx, metric.id)
    return last is not None and last >= since


def _order(metric: Metric) -> str:
    pairs = "\0".join(f"{name}\0{value}" for name, value in metric.dimensions)
    return f"{metric.namespace}\0{metric.name}\0{pairs}"


def _view(metric: Metric) -> Result:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": dimensions_view(metric.dimensions),
    }


def _owners(call: Call, params: Params, listed: Sequence[Metric]) -> Result:
    """AWS: "If you specify IncludeLinkedAccounts … the ID of each account is returned"; there are no linked ones."""
    return {"OwningAccounts": [call.account] * len(listed)} if params.get("IncludeLinkedAccounts") else {}


OPERATIONS: dict[str, Handler] = {"PutMetricData": put_metric_data, "ListMetrics": list_metrics}
