"""CloudWatch: what is stored.  Every record names its account."""

from typing import Any

from aftershock.store import Table

from .alarm import ALARM_STATES, ALARMS, HISTORY, PENDING_ACTIONS
from .dashboard import DASHBOARDS
from .metric import METRICS, SAMPLED

TABLES: tuple[Table[Any], ...] = (METRICS, SAMPLED, ALARMS, ALARM_STATES, PENDING_ACTIONS, HISTORY, DASHBOARDS)

__all__ = [
    "ALARMS",
    "ALARM_STATES",
    "DASHBOARDS",
    "HISTORY",
    "METRICS",
    "PENDING_ACTIONS",
    "SAMPLED",
    "TABLES",
]
