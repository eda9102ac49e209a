"""S3's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation
from aftershock.services.s3.storage import Storage

from . import (
    attributes,
    buckets,
    completing,
    copying,
    deleting,
    listings,
    objects,
    recorded,
    tagging,
    uploads,
    version_listings,
)


def operations(storage: Storage) -> dict[str, Operation]:
    known = {
        **attributes.OPERATIONS,
        **buckets.OPERATIONS,
        **completing.OPERATIONS,
        **copying.OPERATIONS,
        **deleting.OPERATIONS,
        **listings.OPERATIONS,
        **objects.OPERATIONS,
        **recorded.OPERATIONS,
        **tagging.OPERATIONS,
        **uploads.OPERATIONS,
        **version_listings.OPERATIONS,
    }
    return {name: partial(operation, storage) for name, operation in known.items()}
