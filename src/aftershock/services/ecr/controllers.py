"""Removes what has no business in a registry any more: expired images, layers that no image has, blobs of nobody."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Again, BlobController, Controller, Done, Outcome
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

LEAST_WAIT_S = 0.5


def controllers(store: Store, clock: Clock, layers: Objects) -> tuple[Controller, ...]:
    """A blob is needed while a layer, or an upload, has it among its pieces; a layer that is mounted takes over the
    blobs of one that is there."""
    sweeper = BlobController("ecr.blob", store, layers, owner="layer", changes=BLOB, needed=needed, is_needed=is_needed)
    return (RepositoryController(store, clock), sweeper)


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
