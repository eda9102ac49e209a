"""Amazon Route 53: hosted zones that the region's resolver really serves, and health checks that really probe."""

from .controllers import asker, controllers
from .operations import operations
from .outside import KnownName, Network, Outside
from .records import CHANGES, TABLES

CHANGE_TABLE = CHANGES.name  # whose changes say what the resolver was seen to serve

__all__ = [
    "CHANGE_TABLE",
    "TABLES",
    "KnownName",
    "Network",
    "Outside",
    "asker",
    "controllers",
    "operations",
]
