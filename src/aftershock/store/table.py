"""Records of one kind: a key, a struct, and the values they are looked up by."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

from aftershock.aws.call import Tx

R = TypeVar("R", bound=msgspec.Struct)
Indexed = Callable[[R], Iterable[str] | str | None]


class Table(Generic[R]):
    """A kind of record.  All methods work inside the transaction given.

    A record's struct may grow: a field added with a default reads older rows.  Anything else is a migration.
    """

    def __init__(
        self,
        name: str,
        record: type[R],
        *,
        key: Callable[[R], str] = lambda record: record.id,  # type: ignore[attr-defined]
        indexes: Mapping[str, Indexed[R]] | None = None,
    ) -> None:
        if not name.isidentifier():
            raise ValueError(f"{name!r} is no table name")
        self.name = name
        self._key = key
        self._indexes = dict(indexes or {})
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(record).decode

    def schema(self) -> list[str]:
        """The statements that make the table, each of which may be repeated."""
        return [
            f"CREATE TABLE IF NOT EXISTS {self.name} (key TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID",
            f"CREATE TABLE IF NOT EXISTS {self.name}_index (name TEXT, value TEXT, key TEXT, "
            "PRIMARY KEY (name, value, key)) WITHOUT ROWID",
            f"CREATE INDEX IF NOT EXISTS {self.name}_index_key ON {self.name}_index (key)",
        ]

    def get(self, tx: Tx, key: str) -> R | None:
        row = tx.execute(f"SELECT record FROM {self.name} WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return None if row is None else self._decode(row[0])

    def every(self, tx: Tx) -> list[R]:
        """All records, in the order of their keys."""
        rows = tx.execute(f"SELECT record FROM {self.name} ORDER BY key")  # noqa: S608
        return [self._decode(row[0]) for row in rows]

    def between(self, tx: Tx, first: str, end: str) -> Iterator[R]:
        """The records from the key `first` up to `end`, which is not among them, in the order of their keys.

        They are read as they are asked for; whoever writes to the table meanwhile may or may not see that here.
        """
        rows = tx.execute(
            f"SELECT record FROM {self.name} WHERE key >= ? AND key < ? ORDER BY key",  # noqa: S608
            (first, end),
        )
        return (self._decode(row[0]) for row in rows)

    def keys(self, tx: Tx) -> set[str]:
        return {row[0] for row in tx.execute(f"SELECT key FROM {self.name}")}  # noqa: S608

    def where(self, tx: Tx, index: str, value: str) -> list[R]:
        """The records that the index lists under the value, in the order of their keys."""
        if index not in self._indexes:
            raise KeyError(f"{self.name} has no index {index}")
        rows = tx.execute(
            f"SELECT record FROM {self.name}_index JOIN {self.name} USING (key) "  # noqa: S608
            "WHERE name = ? AND value = ? ORDER BY key",
            (index, value),
        )
        return [self._decode(row[0]) for row in rows]

    def following(self, tx: Tx, index: str, first: str) -> Iterator[R]:
        """The records that the index lists under `first` and what sorts behind it, in the order of these values.

        Those of one value come in the order of their keys.  They are read as they are asked for, as in `between`.
        """
        if index not in self._indexes:
            raise KeyError(f"{self.name} has no index {index}")
        rows = tx.execute(  # CROSS: the index is walked, and no more of it than is asked for
            f"SELECT record FROM {self.name}_index CROSS JOIN {self.name} USING (key) "  # noqa: S608
            "WHERE name = ? AND value >= ? ORDER BY value, key",
            (index, first),
        )
        return (self._decode(row[0]) for row in rows)

    def has_more_than(self, tx: Tx, count: int) -> bool:
        """Whether there are more records than this, at the price of walking past so many."""
        return tx.execute(f"SELECT 1 FROM {self.name} LIMIT 1 OFFSET ?", (count,)).fetchone() is not None  # noqa: S608

    def count(self, tx: Tx, index: str, value: str) -> int:
        """How many records the index lists under the value."""
        if index not in self._indexes:
            raise KeyError(f"{self.name} has no index {index}")
        row = tx.execute(
            f"SELECT count(*) FROM {self.name}_index WHERE name = ? AND value = ?",  # noqa: S608
            (index, value),
        ).fetchone()
        return int(row[0])

    def values(self, tx: Tx, index: str) -> set[str]:
        """All values under which the index lists any record."""
        if index not in self._indexes:
            raise KeyError(f"{self.name} has no index {index}")
        return {row[0] for row in tx.execute(f"SELECT DISTINCT value FROM {self.name}_index WHERE name = ?", (index,))}  # noqa: S608

    def put(self, tx: Tx, record: R) -> None:
        """Write the record.  Writing what is there already changes nothing, and so wakes nobody."""
        key, blob = self._key(record), self._encode(record)
        row = tx.execute(f"SELECT record FROM {self.name} WHERE key = ?", (key,)).fetchone()  # noqa: S608
        if row is not None and row[0] == blob:
            return
        tx.execute(f"INSERT OR REPLACE INTO {self.name} (key, record) VALUES (?, ?)", (key, blob))  # noqa: S608
        if self._indexes:
            before = set() if row is None else self._entries(self._decode(row[0]))
            after = self._entries(record)
            for name, value in before - after:
                tx.execute(
                    f"DELETE FROM {self.name}_index WHERE name = ? AND value = ? AND key = ?",  # noqa: S608
                    (name, value, key),
                )
            for name, value in after - before:
                tx.execute(f"INSERT INTO {self.name}_index VALUES (?, ?, ?)", (name, value, key))  # noqa: S608
        tx.changed(self.name, key)

    def forget(self, tx: Tx, key: str) -> None:
        """Delete the record.  Deleting what is not there is not an error."""
        if tx.execute(f"DELETE FROM {self.name} WHERE key = ?", (key,)).rowcount:  # noqa: S608
            tx.execute(f"DELETE FROM {self.name}_index WHERE key = ?", (key,))  # noqa: S608
            tx.changed(self.name, key)

    def _entries(self, record: R) -> set[tuple[str, str]]:
        return {(name, value) for name, indexed in self._indexes.items() for value in _values(indexed(record))}


def _values(found: Iterable[str] | str | None) -> Iterable[str]:
    if found is None:
        return ()
    return (found,) if isinstance(found, str) else found
