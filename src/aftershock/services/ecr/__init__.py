"""Amazon Elastic Container Registry: repositories of images, whose layers lie on the disk."""

from .controllers import controllers
from .data import Data
from .distribution import Registry
from .operations import operations
from .records import TABLES
from .rules.names import host

__all__ = ["TABLES", "Data", "Registry", "controllers", "host", "operations"]
