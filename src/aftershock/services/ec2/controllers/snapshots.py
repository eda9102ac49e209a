"""Captures disks as layers, and deletes layers that nothing is stacked on any more."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Tx
from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.engines.errors import EngineError
from aftershock.engines.images import Images
from aftershock.engines.machines import Machines, Observed
from aftershock.engines.volumes import Volumes
from aftershock.services.ec2.records.image import DEBIAN
from aftershock.services.ec2.records.instance import INSTANCES, Instance
from aftershock.services.ec2.records.snapshot import SNAPSHOTS, Snapshot
from aftershock.services.ec2.records.volume import VOLUMES, Volume
from aftershock.services.ec2.rules.instances import wish
from aftershock.store import Change, Store

from .locks import Locks

PREFIX = "snap-"


class SnapshotController:
    """A layer is there whole or not at all; a capture that was interrupted is begun again."""

    kind = "ec2.snapshot"

    def __init__(
        self, store: Store, clock: Clock, locks: Locks, *, images: Images, volumes: Volumes, machines: Machines
    ) -> None:
        self._store, self._images, self._volumes, self._machines = store, images, volumes, machines
        self._clock, self._locks = clock, locks

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            recorded = {one.id for one in SNAPSHOTS.every(tx) if not _is_base(one)}
        return recorded | {name for name in await self._images.list() if name.startswith(PREFIX)}

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == SNAPSHOTS.name:
            return (change.key,)
        if change.table != INSTANCES.name:
            return ()
        with self._store.snapshot() as tx:
            instance = INSTANCES.get(tx, change.key)
            return [one.id for one in SNAPSHOTS.where(tx, "pending", instance.volume_id)] if instance else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            snapshot = SNAPSHOTS.get(tx, key)
        if snapshot is None:
            return await self._collect(key)
        if _is_base(snapshot):
            return Done("the base image's own controller looks after it")
        if not snapshot.wanted:
            return await self._delete(snapshot)
        if snapshot.failed:
            return Done(f"failed: {snapshot.failed}")
        there = snapshot.layer in await self._images.list()
        if snapshot.captured and there:
            return Done("it is there")
        if snapshot.captured or (snapshot.volume_id is None and not there):
            return self._fail(snapshot, f"the layer {snapshot.layer} is not there")
        if there:
            return await self._complete(snapshot)
        return await self._capture(snapshot)

    async def _capture(self, snapshot: Snapshot) -> Outcome:
        with self._store.snapshot() as tx:
            volume = VOLUMES.get(tx, snapshot.volume_id or "")
            instance = INSTANCES.get(tx, volume.instance_id) if volume and volume.instance_id else None
        if volume is None:
            return self._fail(snapshot, f"the volume {snapshot.volume_id} is not there")
        try:
            if instance is None:
                await self._volumes.capture(volume.id, snapshot.layer)
            elif (waits := await self._capture_of(instance, volume, snapshot)) is not None:
                return Done(waits)
        except EngineError as error:
            if error.retryable:
                raise
            return self._fail(snapshot, str(error))
        return await self._complete(snapshot)

    async def _capture_of(self, instance: Instance, volume: Volume, snapshot: Snapshot) -> str | None:
        """Capture an instance's disk while nothing can write to it; or say what that waits for."""
        async with self._locks.of(instance.id):
            if isinstance(await self._machines.observe(instance.id), Observed):
                if snapshot.reboot:
                    return "waiting for the instance to shut down"
                async with self._machines.frozen(instance.id):
                    await self._volumes.capture(volume.id, snapshot.layer)
                return None
            if snapshot.reboot and not self._is_held(instance.id):
                return "waiting for it to be known that the instance is down on our account"
            await self._volumes.capture(volume.id, snapshot.layer)
        return None

    def _is_held(self, instance_id: str) -> bool:
        """Whether the machine, which does not run, will not be taken for one that ended by itself."""
        with self._store.snapshot() as tx:
            now = INSTANCES.get(tx, instance_id)
        return now is None or wish(now) != "running" or now.restart or now.up_boot != now.boot

    async def _complete(self, snapshot: Snapshot) -> Outcome:
        found = await self._images.observe(snapshot.layer)
        if found is None:
            raise EngineError(f"the layer {snapshot.layer} went away again")
        self._note(snapshot, captured=True, size_bytes=found.size_bytes, completed_at=self._clock.now())
        return Done("it is there")

    def _fail(self, snapshot: Snapshot, why: str) -> Outcome:
        self._note(snapshot, captured=False, failed=why)
        return Done(f"failed: {why}")

    def _note(self, snapshot: Snapshot, **changes: Any) -> None:
        with self._store.transaction() as tx:
            now = SNAPSHOTS.get(tx, snapshot.id)
            if now is not None and now.generation == snapshot.generation:
                SNAPSHOTS.put(tx, replace(now, reason=changes.get("failed") or "it is there", **changes))

    async def _delete(self, snapshot: Snapshot) -> Outcome:
        """Forget it; but first let a machine run on that a capture, interrupted, may have left frozen."""
        with self._store.snapshot() as tx:
            volume = VOLUMES.get(tx, snapshot.volume_id or "")
        if snapshot.pending and volume is not None and volume.instance_id:
            async with self._locks.of(volume.instance_id):
                self._machines.thaw(volume.instance_id)
        with self._store.transaction() as tx:
            SNAPSHOTS.forget(tx, snapshot.id)
        return await self._collect(snapshot.layer)

    async def _collect(self, layer: str) -> Outcome:
        with self._store.snapshot() as tx:
            user = _user(tx, layer)
        if user is not None:
            return Done(f"deleted; its layer stays below {user}")
        if layer.startswith(PREFIX):
            await self._images.remove(layer)
        return Done("deleted, and nothing of it is left")


def _is_base(snapshot: Snapshot) -> bool:
    return snapshot.volume_id is None and snapshot.account == DEBIAN


def _user(tx: Tx, layer: str) -> str | None:
    for found in (*VOLUMES.where(tx, "layer", layer), *SNAPSHOTS.where(tx, "layer", layer)):
        return found.id
    return None
