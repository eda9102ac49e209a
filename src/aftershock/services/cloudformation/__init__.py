"""AWS CloudFormation: stacks of resources, made by the public operations of the other services."""

from .controllers import controllers
from .operations import operations
from .outside import Outside
from .records import TABLES

__all__ = ["TABLES", "Outside", "controllers", "operations"]
