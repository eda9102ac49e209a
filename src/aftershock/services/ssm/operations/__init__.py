"""Parameter Store's operations, one function each."""

from collections.abc import Callable
from functools import partial

from aftershock.aws.call import Operation, Tx
from aftershock.services.ssm.sealing import Sealer

from . import labels, listings, parameters
from .found import Sources


def operations(*, base_image: Callable[[Tx], str | None], sealer: Sealer) -> dict[str, Operation]:
    """
    Args:
        base_image: the id of the region's base AMI, or None while there is none.
        sealer: seals the values of SecureString parameters.
    """
    sources = Sources(base_image=base_image, sealer=sealer)
    known = {**parameters.OPERATIONS, **listings.OPERATIONS, **labels.OPERATIONS}
    return {name: partial(operation, sources) for name, operation in known.items()}
