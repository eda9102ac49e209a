"""CloudFormation's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation
from aftershock.services.cloudformation.outside import Outside

from . import change_sets, drifts, listings, stacks, templates


def operations(outside: Outside) -> dict[str, Operation]:
    known = {
        **change_sets.OPERATIONS,
        **drifts.OPERATIONS,
        **listings.OPERATIONS,
        **stacks.OPERATIONS,
        **templates.OPERATIONS,
    }
    return {name: partial(operation, outside) for name, operation in known.items()}
