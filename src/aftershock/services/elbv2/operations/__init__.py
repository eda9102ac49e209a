"""Elastic Load Balancing's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation
from aftershock.services.elbv2.outside import Outside

from . import (
    account,
    attributes,
    listener_certificates,
    listeners,
    load_balancers,
    rules,
    tags,
    target_groups,
    targets,
)
from .found import Sources


def operations(outside: Outside) -> dict[str, Operation]:
    sources = Sources(outside)
    known = {
        **load_balancers.OPERATIONS,
        **listeners.OPERATIONS,
        **listener_certificates.OPERATIONS,
        **rules.OPERATIONS,
        **target_groups.OPERATIONS,
        **targets.OPERATIONS,
        **attributes.OPERATIONS,
        **tags.OPERATIONS,
        **account.OPERATIONS,
    }
    return {name: partial(operation, sources) for name, operation in known.items()}
