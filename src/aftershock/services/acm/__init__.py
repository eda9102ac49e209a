"""AWS Certificate Manager: imported certificates, and those that the region's own authority issues."""

from .controllers import controllers
from .operations import operations
from .outside import Outside
from .records import CERTIFICATES, TABLES
from .usable import Usable, usable

CERTIFICATE_TABLE = CERTIFICATES.name  # whose changes say that a certificate was replaced

__all__ = ["CERTIFICATE_TABLE", "TABLES", "Outside", "Usable", "controllers", "operations", "usable"]
