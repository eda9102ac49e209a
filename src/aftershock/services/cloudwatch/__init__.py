"""Amazon CloudWatch: metrics of what is measured, and alarms that act on them."""

from .controllers import controllers
from .operations import operations
from .outside import Fired, Outside
from .records import ALARM_STATES, TABLES

ALARM_STATE_TABLE = ALARM_STATES.name  # whose changes say that an alarm may be in another state

__all__ = ["ALARM_STATE_TABLE", "TABLES", "Fired", "Outside", "controllers", "operations"]
