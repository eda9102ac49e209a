"""AWS CloudFormation: stacks of resources, made by the public operations of the other services."""

from .controllers import controllers
from .handles import START as HANDLES
from .handles import answer as answer_handle
from .operations import operations
from .outside import Outside
from .records import TABLES

# What an instance may ask with its identity document instead of a key.
OF_INSTANCES = frozenset({"DescribeStackResource", "SignalResource"})

__all__ = ["HANDLES", "OF_INSTANCES", "TABLES", "Outside", "answer_handle", "controllers", "operations"]
