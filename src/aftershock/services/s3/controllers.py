"""Removes the blobs that nobody needs any more."""

from aftershock.control import BlobController, Controller
from aftershock.engines.objects import Objects
from aftershock.store import Store

from .records import BLOB, is_needed, needed


def controllers(store: Store, objects: Objects) -> tuple[Controller, ...]:
    """A blob is needed while a version of an object, or a part of an upload, has it among its pieces; a copy takes over
    the blobs of a source that is there."""
    sweeper = BlobController(
        "s3.blob", store, objects, owner="object", changes=BLOB, needed=needed, is_needed=is_needed
    )
    return (sweeper,)
