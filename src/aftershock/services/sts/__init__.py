"""AWS Security Token Service: who is calling, and credentials for a while.  It keeps no records of its own."""

from .operations import operations

TABLES = ()

__all__ = ["TABLES", "operations"]
