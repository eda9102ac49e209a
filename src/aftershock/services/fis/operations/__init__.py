"""Fault Injection Service's operations, one function each."""

from aftershock.aws.call import Operation
from aftershock.services.fis.outside import Outside

from . import catalogue, experiments, tags, templates


def operations(outside: Outside) -> dict[str, Operation]:
    return {
        **catalogue.OPERATIONS,
        **experiments.OPERATIONS,
        **tags.OPERATIONS,
        **templates.OPERATIONS,
        **templates.operations(outside),
    }
