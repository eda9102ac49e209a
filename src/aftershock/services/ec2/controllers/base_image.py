"""Has the base image built and keeps its records, which nobody asks for: it is there as Debian's is on AWS."""

from collections.abc import Iterable

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.engines.errors import EngineError
from aftershock.engines.images import Images, Progress
from aftershock.services.ec2 import bootstrap
from aftershock.services.ec2.records.snapshot import SNAPSHOTS
from aftershock.services.ec2.rules.images import base_ids
from aftershock.store import Change, Store

KEY = "base"


class BaseImageController:
    kind = "ec2.base-image"

    def __init__(self, store: Store, images: Images, clock: Clock, region: str) -> None:
        self._store, self._images, self._clock, self._region = store, images, clock, region
        self._layer = images.base_name()  # as of the last look: to name it, the whole recipe is read

    async def keys(self) -> set[str]:
        return {KEY}

    def concerned(self, change: Change) -> Iterable[str]:
        """Somebody emptied the account: the base image is there all the same."""
        image_id, snapshot_id = base_ids(self._layer)
        return (KEY,) if change.key in (image_id, snapshot_id) else ()

    async def reconcile(self, key: str) -> Outcome:
        self._layer = self._images.base_name()
        with self._store.transaction() as tx:
            bootstrap.base_image(tx, self._images.base_name(), self._region, self._clock.now())
        if self._layer not in await self._images.list():
            self._note("the base image is being built", captured=False)
            try:
                await self._images.ensure_base(self._tell)
            except EngineError as error:
                self._note(str(error), captured=False)
                raise
        if not self._is_noted():
            found = await self._images.observe(self._layer)
            self._note("it is there", captured=True, size_bytes=found.size_bytes if found else 0)
        return Done("the base image is there")

    def _tell(self, progress: Progress) -> None:
        self._note(f"the base image is being built: {progress.phase}, {progress.fraction:.0%}", captured=False)

    def _is_noted(self) -> bool:
        with self._store.snapshot() as tx:
            snapshot = SNAPSHOTS.get(tx, base_ids(self._layer)[1])
        return snapshot is not None and snapshot.captured

    def _note(self, reason: str, *, captured: bool, size_bytes: int = 0) -> None:
        with self._store.transaction() as tx:
            snapshot = SNAPSHOTS.get(tx, base_ids(self._layer)[1])
            if snapshot is None:
                return
            completed_at = (snapshot.completed_at or self._clock.now()) if captured else None
            SNAPSHOTS.put(
                tx,
                replace(snapshot, captured=captured, completed_at=completed_at, size_bytes=size_bytes, reason=reason),
            )
