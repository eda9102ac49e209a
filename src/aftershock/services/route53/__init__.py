"""Amazon Route 53: hosted zones that the region's resolver really serves, and health checks that really probe."""

from .controllers import asker, controllers
from .operations import operations
from .outside import KnownName, Network, Outside
from .records import TABLES

__all__ = [
    "TABLES",
    "KnownName",
    "Network",
    "Outside",
    "asker",
    "controllers",
    "operations",
]
