"""Amazon EC2 Auto Scaling: groups of instances that keep their size, their health and their balance over zones."""

from .alarms import Alarmed
from .bootstrap import ground_is_new
from .controllers import controllers
from .metrics import source as metrics
from .operations import operations
from .outside import Outside
from .records import TABLES, users_of_role

__all__ = ["TABLES", "Alarmed", "Outside", "controllers", "ground_is_new", "metrics", "operations", "users_of_role"]
