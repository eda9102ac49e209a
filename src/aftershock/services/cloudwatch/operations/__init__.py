"""CloudWatch's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation

from . import alarms, dashboards, describing, metric_data, metrics, statistics, tags
from .settings import Settings


def operations(*, pace: float) -> dict[str, Operation]:
    """`pace` is the region's: how many nominal seconds pass in a real one."""
    settings = Settings(pace)
    known = {
        **metrics.OPERATIONS,
        **statistics.OPERATIONS,
        **metric_data.OPERATIONS,
        **alarms.OPERATIONS,
        **describing.OPERATIONS,
        **dashboards.OPERATIONS,
        **tags.OPERATIONS,
    }
    return {name: partial(operation, settings) for name, operation in known.items()}
