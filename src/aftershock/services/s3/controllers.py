"""Removes the blobs that nobody needs any more."""

import asyncio
from collections.abc import Iterable

from aftershock.control import Again, Controller, Done, Outcome
from aftershock.engines.objects import Objects
from aftershock.store import Change, Store

from .records import BLOB, is_needed, needed

READ_AGAIN_S = 1.0  # how often it is looked whether a blob without an object is still being read


def controllers(store: Store, objects: Objects) -> tuple[Controller, ...]:
    return (BlobController(store, objects),)


class BlobController:
    """A blob is needed while a version of an object, or a part of an upload, has it among its pieces.

    Nobody can come to need one that nobody needs: a copy takes over the blobs of a source that is there.
    """

    kind = "s3.blob"

    def __init__(self, store: Store, objects: Objects) -> None:
        self._store, self._objects = store, objects

    async def keys(self) -> set[str]:
        """What was left behind: by a control plane that was killed, or when the account was emptied."""
        there = await asyncio.to_thread(self._objects.list)
        with self._store.snapshot() as tx:  # after the look at the disk: whatever is there and settled has its record
            return there - needed(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == BLOB else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            if is_needed(tx, key):
                return Done("some object has it")
        if not self._objects.remove(key):
            return Again("removed as soon as nobody reads it any more", READ_AGAIN_S)
        return Done("removed, since no object has it")
