"""All operations of EC2's compute side."""

from aftershock.aws.call import Operation

from . import (
    credit_specifications,
    images,
    instance_attributes,
    instance_profiles,
    instance_status,
    instance_types,
    instances,
    launch_templates,
    reserved_instances,
    run_instances,
    snapshots,
    volumes,
)
from .outside import Outside


def operations(outside: Outside) -> dict[str, Operation]:
    """By name, given whom to ask for what is not on EC2's own records."""
    return {
        **credit_specifications.OPERATIONS,
        **images.OPERATIONS,
        **instance_attributes.OPERATIONS,
        **instance_profiles.OPERATIONS,
        **instance_profiles.operations(outside),
        **instance_status.OPERATIONS,
        **instance_status.operations(outside),
        **instance_types.OPERATIONS,
        **instances.OPERATIONS,
        **instances.operations(outside),
        **launch_templates.OPERATIONS,
        **launch_templates.operations(outside),
        **reserved_instances.OPERATIONS,
        **run_instances.operations(outside),
        **snapshots.OPERATIONS,
        **volumes.OPERATIONS,
    }
