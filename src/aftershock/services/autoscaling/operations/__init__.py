"""Auto Scaling's operations, one function each."""

from collections.abc import Callable
from functools import partial

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.autoscaling.outside import Outside

from . import (
    activities,
    groups,
    hooks,
    instances,
    launch_configurations,
    policies,
    processes,
    refreshes,
    refused,
    schedules,
    tags,
    traffic,
)

Handler = Callable[[Outside, Call, Params], Result]


def operations(outside: Outside) -> dict[str, Operation]:
    known: dict[str, Handler] = {
        **activities.OPERATIONS,
        **groups.OPERATIONS,
        **hooks.OPERATIONS,
        **instances.OPERATIONS,
        **launch_configurations.OPERATIONS,
        **policies.OPERATIONS,
        **processes.OPERATIONS,
        **refreshes.OPERATIONS,
        **refused.OPERATIONS,
        **schedules.OPERATIONS,
        **tags.OPERATIONS,
        **traffic.OPERATIONS,
    }
    return {name: partial(operation, outside) for name, operation in known.items()}
