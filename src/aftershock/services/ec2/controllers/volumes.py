"""Makes the directories of volumes, and deletes them."""

from collections.abc import Iterable
from typing import Protocol

from msgspec.structs import replace

from aftershock.control import Again, Done, Outcome
from aftershock.services.ec2.records.snapshot import SNAPSHOTS
from aftershock.services.ec2.records.volume import VOLUMES
from aftershock.store import Change, Store

PREFIX = "vol-"
CAPTURE_AGAIN_S = 0.2


class Disks(Protocol):
    """`engines.volumes.Volumes`, as far as it is needed here."""

    async def list(self) -> set[str]: ...

    async def ensure(self, name: str, *, source: str | None) -> None: ...

    async def remove(self, name: str) -> None: ...


class VolumeController:
    """A root volume begins empty: what it is made from lies below it, as layers."""

    kind = "ec2.volume"

    def __init__(self, store: Store, disks: Disks) -> None:
        self._store, self._disks = store, disks

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            recorded = VOLUMES.keys(tx)
        return recorded | {name for name in await self._disks.list() if name.startswith(PREFIX)}

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == VOLUMES.name:
            return (change.key,)
        return ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            volume = VOLUMES.get(tx, key)
            captures = [one for one in SNAPSHOTS.where(tx, "pending", key) if one.wanted]
        if volume is None:
            await self._disks.remove(key)
            return Done("a volume without a record is not ours to keep")
        if volume.wanted:
            await self._disks.ensure(key, source=None)
            with self._store.transaction() as tx:
                now = VOLUMES.get(tx, key)
                if now is not None and now.generation == volume.generation:
                    VOLUMES.put(tx, replace(now, exists=True, reason="it is there"))
            return Done("it is there")
        if captures:
            return Again(f"to be deleted, when {captures[0].id} is taken of it", after_s=CAPTURE_AGAIN_S)
        await self._disks.remove(key)
        with self._store.transaction() as tx:
            VOLUMES.forget(tx, key)
        return Done("deleted, and nothing of it is left")
