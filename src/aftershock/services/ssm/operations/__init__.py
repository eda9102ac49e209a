"""Parameter Store's operations, one function each."""

from collections.abc import Callable
from functools import partial

from aftershock.aws.call import Call, Operation, Tx
from aftershock.services.ssm.sealing import Sealer

from . import labels, listings, parameters
from .found import Found, Sources


def operations(*, base_image: Callable[[Tx], str | None], sealer: Sealer) -> dict[str, Operation]:
    """
    Args:
        base_image: the id of the region's base AMI, or None while there is none.
        sealer: seals the values of SecureString parameters.
    """
    sources = Sources(base_image=base_image, sealer=sealer)
    known = {**parameters.OPERATIONS, **listings.OPERATIONS, **labels.OPERATIONS}
    return {name: partial(operation, sources) for name, operation in known.items()}


def reader(*, base_image: Callable[[Tx], str | None], sealer: Sealer) -> Callable[[Call, str], Found | None]:
    """For other services: the parameter that a caller names, with or without a version or label; sealed as it lies."""
    return partial(parameters.find_quietly, Sources(base_image=base_image, sealer=sealer))
