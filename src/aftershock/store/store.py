"""The database file: transactions, the change feed, migrations."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .table import Table

BUSY_TIMEOUT_MS = 5000  # a second process (a backup, an operator's sqlite3) may hold the file for a moment


class Change(NamedTuple):
    """A record that is not what it was.  Whoever is told looks for themselves."""

    table: str
    key: str


class NewerDatabase(Exception):
    """The file was written by a later version of the program."""


class Transaction:
    """An open transaction; satisfies `aws.call.Tx`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.changes: set[Change] = set()

    def execute(self, sql: str, parameters: tuple[Any, ...] = (), /) -> sqlite3.Cursor:
        return self._db.execute(sql, parameters)

    def changed(self, table: str, key: str) -> None:
        self.changes.add(Change(table, key))


class Store:
    """One file, used by one process, from one thread.  A transaction never spans an `await`."""

    def __init__(
        self,
        path: Path,
        tables: Iterable[Table[Any]],
        migrations: Sequence[Callable[[Transaction], None]] = (),
    ) -> None:
        """Open the file, making or migrating it as needed.

        Raises:
            NewerDatabase: more migrations were applied to it than this program knows.
        """
        self._db = sqlite3.connect(path, isolation_level=None)
        # FULL: an acknowledged write survives the machine's power cut too, not only ours.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            self._db.execute(f"PRAGMA {pragma}")
        self.tables = {table.name: table for table in tables}
        self.after_commit: list[Callable[[frozenset[Change]], None]] = []
        self._prepare(migrations)

    def _prepare(self, migrations: Sequence[Callable[[Transaction], None]]) -> None:
        applied = self._db.execute("PRAGMA user_version").fetchone()[0]
        if applied > len(migrations):
            raise NewerDatabase(f"the database has version {applied}, this program knows {len(migrations)}")
        fresh = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        with self.transaction() as tx:
            for table in self.tables.values():
                for statement in table.schema():
                    tx.execute(statement)
            for migrate in () if fresh else migrations[applied:]:
                migrate(tx)
            tx.execute(f"PRAGMA user_version = {len(migrations)}")

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """A consistent view to read from.  Leaving it writes nothing and wakes nobody."""
        self._db.execute("BEGIN")
        try:
            yield Transaction(self._db)
        finally:
            self._db.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One serialised write.  After it is safely on disk, listeners hear which records changed."""
        tx = Transaction(self._db)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield tx
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        if tx.changes:
            changes = frozenset(tx.changes)
            for listen in self.after_commit:
                listen(changes)

    def clear(self, tx: Transaction, *, keep: Iterable[str] = ()) -> None:
        """Forget every record of every table, but of those named in `keep`."""
        kept = set(keep)
        for table in self.tables.values():
            if table.name not in kept:
                for key in table.keys(tx):
                    table.forget(tx, key)

    def close(self) -> None:
        self._db.close()
