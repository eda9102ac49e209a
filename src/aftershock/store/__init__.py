"""The region's only truth about what is wanted: one SQLite file, one writer.

A `Table` keeps records of one kind, which are frozen msgspec structs.  A `Store` opens transactions over them and
tells listeners after each commit which records changed, never what happened to them.
"""

from .store import Change, NewerDatabase, Store, Transaction
from .table import Table

__all__ = ["Change", "NewerDatabase", "Store", "Table", "Transaction"]
