"""AWS Fault Injection Service: experiments whose actions really act."""

from .controllers import controllers
from .faults import lacks_capacity, under_faults
from .operations import operations
from .outside import Outages, Outside
from .records import TABLES

__all__ = ["TABLES", "Outages", "Outside", "controllers", "lacks_capacity", "operations", "under_faults"]
