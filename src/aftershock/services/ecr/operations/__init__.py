"""ECR's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation
from aftershock.services.ecr.storage import Storage

from . import images, layers, listings, policies, registry, repositories, tagging


def operations(storage: Storage) -> dict[str, Operation]:
    return {
        **images.OPERATIONS,
        **listings.OPERATIONS,
        **policies.OPERATIONS,
        **registry.OPERATIONS,
        **repositories.OPERATIONS,
        **tagging.OPERATIONS,
        **layers.OPERATIONS,
        **{name: partial(operation, storage) for name, operation in layers.STORING.items()},
    }
