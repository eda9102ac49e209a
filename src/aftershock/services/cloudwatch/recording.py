"""Writing metrics: a datum goes to the metric it is of, which is made if there is none."""

from aftershock.aws.call import Tx
from aftershock.aws.metrics import Datum
from aftershock.services.cloudwatch.records.metric import METRICS, Metric, add_point, metric_id
from aftershock.services.cloudwatch.rules.points import point_of
from aftershock.services.cloudwatch.rules.retention import MAX_METRICS


def record(tx: Tx, account: str, datum: Datum, resolution_s: int, pace: float) -> bool:
    """Add the datum to its metric; False where that would be one metric too many."""
    key = metric_id(account, datum.namespace, datum.name, datum.dimensions)
    if METRICS.get(tx, key) is None:
        if METRICS.count(tx, "account", account) >= MAX_METRICS:
            return False
        made = Metric(id=key, account=account, namespace=datum.namespace, name=datum.name, dimensions=datum.dimensions)
        METRICS.put(tx, made)
    add_point(tx, key, resolution_s, point_of(datum, resolution_s, pace))
    return True
