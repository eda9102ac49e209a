"""Metric math: expressions over time series, read, checked and computed.

Source: AWS's "Using metric math" (awsdocs/amazon-cloudwatch-user-guide, doc_source/using-metric-math.md).
"""

from .evaluation import evaluate
from .series import Grid, MathError, Series, Value
from .syntax import Node, names, parse

__all__ = ["Grid", "MathError", "Node", "Series", "Value", "evaluate", "names", "parse"]
