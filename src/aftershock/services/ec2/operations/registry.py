"""All of EC2's operations, by name."""

from aftershock.aws.call import Operation

from . import compute, network, refused
from .outside import Outside


def operations(outside: Outside) -> dict[str, Operation]:
    """`outside` is whom to ask for what is not on EC2's own records."""
    return {**network.OPERATIONS, **compute.operations(outside), **refused.OPERATIONS}
