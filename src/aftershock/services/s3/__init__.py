"""Amazon S3: buckets and objects, whose bytes lie on the disk and pass through in a stream."""

from .controllers import controllers
from .data import Data
from .fetching import fetch
from .forms import Forms
from .operations import operations
from .records import TABLES

__all__ = ["TABLES", "Data", "Forms", "controllers", "fetch", "operations"]
