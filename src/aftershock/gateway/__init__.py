"""HTTP in, one operation, HTTP out.  Knows no service: it is given tables of operations."""

from .app import Gateway
from .door import Act, Authenticate, Badge, Credential, Data, Intake, Link, Snapshot
from .inside import Inside
from .sites import Site, Visit

__all__ = [
    "Act",
    "Authenticate",
    "Badge",
    "Credential",
    "Data",
    "Gateway",
    "Inside",
    "Intake",
    "Link",
    "Site",
    "Snapshot",
    "Visit",
]
