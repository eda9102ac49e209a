"""Removes what has no business in a registry any more: expired images, layers that no image has, blobs of nobody."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Again, Controller, Done, Outcome
from aftershock.engines.objects import Objects
from aftershock.store import Change, Store, Transaction

from . import pushing
from .records import (
    BLOB,
    IMAGES,
    LAYERS,
    REPOSITORIES,
    UPLOADS,
    Repository,
    is_needed,
    key_in,
    needed,
    repository_of,
    span,
)
from .rules import lifecycle, rests

READ_AGAIN_S = 1.0  # how often it is looked whether a blob without a layer is still being read
LEAST_WAIT_S = 0.5


def controllers(store: Store, clock: Clock, layers: Objects) -> tuple[Controller, ...]:
    return (RepositoryController(store, clock), BlobController(store, layers))


class RepositoryController:
    """Images that the lifecycle policy lets go, layers that no image has, uploads that nobody goes on with.

    What is wanted and what is there are both records, so that one transaction does all of it.
    """

    kind = "ecr.repository"

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return REPOSITORIES.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == REPOSITORIES.name:
            return (change.key,)
        return (repository_of(change.key),) if change.table in (IMAGES.name, LAYERS.name, UPLOADS.name) else ()

    async def reconcile(self, key: str) -> Outcome:
        now = self._clock.now()
        with self._store.transaction() as tx:
            repository = REPOSITORIES.get(tx, key)
            if repository is None:
                return Done("deleted, with all that was in it")
            expired, next_at = self._expire(tx, repository, now)
            layers, uploads = list(LAYERS.between(tx, *span(key))), list(UPLOADS.between(tx, *span(key)))
            plan = rests.plan(layers, uploads, now)
            for layer in plan.layers:
                pushing.forget_layer(tx, layer)
            for upload in plan.uploads:
                pushing.forget_upload(tx, upload)
        done = f"{expired} images expired, {len(plan.layers)} layers and {len(plan.uploads)} uploads removed"
        reason = done if expired or plan.layers or plan.uploads else "as wanted"
        due = [at for at in (next_at, plan.next_at) if at is not None]
        return Again(reason, max((min(due) - now).total_seconds(), LEAST_WAIT_S)) if due else Done(reason)

    def _expire(self, tx: Transaction, repository: Repository, now: datetime) -> tuple[int, datetime | None]:
        """How many images went, and when the next may have to."""
        if not repository.lifecycle:
            return 0, None
        rules = lifecycle.read(repository.lifecycle)
        day_s = self._clock.paced(lifecycle.DAY_S)
        fresh_s = max(self._clock.paced(lifecycle.FRESH_S), lifecycle.LEAST_FRESH_S)
        plan = lifecycle.plan(rules, pushing.images_of(tx, repository), now, day_s=day_s, fresh_s=fresh_s)
        for digest in plan.expired:
            if (image := IMAGES.get(tx, key_in(repository.id, digest))) is not None:
                pushing.forget_image(tx, image, now)
        before = repository.evaluated_at
        if plan.expired or before is None or before + timedelta(seconds=day_s) <= now:  # every look would wake itself
            REPOSITORIES.put(tx, replace(repository, evaluated_at=now))
        return len(plan.expired), plan.next_at


class BlobController:
    """A blob is needed while a layer, or an upload, has it among its pieces.

    Nobody can come to need one that nobody needs: a layer that is mounted takes over the blobs of one that is there.
    """

    kind = "ecr.blob"

    def __init__(self, store: Store, layers: Objects) -> None:
        self._store, self._layers = store, layers

    async def keys(self) -> set[str]:
        """What was left behind: by a control plane that was killed, or when the account was emptied."""
        there = await asyncio.to_thread(self._layers.list)
        with self._store.snapshot() as tx:  # after the look at the disk: whatever is there and settled has its record
            return there - needed(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == BLOB else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            if is_needed(tx, key):
                return Done("some layer has it")
        if not self._layers.remove(key):
            return Again("removed as soon as nobody reads it any more", READ_AGAIN_S)
        return Done("removed, since no layer has it")
