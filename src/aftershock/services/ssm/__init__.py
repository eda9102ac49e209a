"""AWS Systems Manager, of which there is Parameter Store."""

from .operations import operations, reader
from .records import TABLES
from .sealing import Sealer

__all__ = ["TABLES", "Sealer", "operations", "reader"]
