"""Route 53's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation
from aftershock.services.route53.outside import Outside

from . import account, health_checks, hosted_zones, record_sets
from .found import Sources


def operations(outside: Outside) -> dict[str, Operation]:
    sources = Sources(outside)
    known = {
        **hosted_zones.OPERATIONS,
        **record_sets.OPERATIONS,
        **health_checks.OPERATIONS,
        **account.OPERATIONS,
    }
    return {name: partial(operation, sources) for name, operation in known.items()}
