"""Amazon CloudWatch: metrics of what is measured, and alarms that act on them."""

from .controllers import controllers
from .operations import operations
from .outside import Fired, Outside
from .records import TABLES

__all__ = ["TABLES", "Fired", "Outside", "controllers", "operations"]
