"""HTTP in, one operation, HTTP out.  Knows no service: it is given tables of operations."""

from .app import Gateway
from .door import Act, Authenticate, Credential
from .inside import Inside

__all__ = ["Act", "Authenticate", "Credential", "Gateway", "Inside"]
