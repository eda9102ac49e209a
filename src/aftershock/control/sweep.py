"""Removes the blobs that no record needs any more."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from aftershock.store import Change, Store, Transaction

from .loop import Again, Done, Outcome

READ_AGAIN_S = 1.0  # how often it is looked whether a blob that nobody needs is still being read


class Blobs(Protocol):
    def list(self) -> set[str]: ...

    def remove(self, name: str) -> bool: ...  # not while somebody reads it


class BlobController:
    """One key for each blob, which is part of an `owner`; `changes` is the name of the changes which say that one may
    have nobody left.

    Nobody can come to need a blob that nobody needs: whoever takes one over takes it from a record that has it.
    """

    def __init__(
        self,
        kind: str,
        store: Store,
        blobs: Blobs,
        *,
        owner: str,
        changes: str,
        needed: Callable[[Transaction], set[str]],
        is_needed: Callable[[Transaction, str], bool],
    ) -> None:
        self.kind, self._store, self._blobs, self._changes = kind, store, blobs, changes
        self._owner, self._needed, self._is_needed = owner, needed, is_needed

    async def keys(self) -> set[str]:
        """What was left behind: by a control plane that was killed, or when the account was emptied."""
        there = await asyncio.to_thread(self._blobs.list)
        with self._store.snapshot() as tx:  # after the look at the disk: whatever is there and settled has its record
            return there - self._needed(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == self._changes else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            if self._is_needed(tx, key):
                return Done(f"some {self._owner} has it")
        if not self._blobs.remove(key):
            return Again("removed as soon as nobody reads it any more", READ_AGAIN_S)
        return Done(f"removed, since no {self._owner} has it")
