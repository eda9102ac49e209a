"""Whether the host can take more instances beside those that were accepted and do not run yet."""

from aftershock.aws.call import Call
from aftershock.services.ec2.records.compute_kinds import INSTANCE
from aftershock.services.ec2.rules import capacity, instance_types, instances

from .outside import Outside


def require_room(call: Call, outside: Outside, instance_type: str, zone: str, *, least: int, most: int) -> int:
    """How many more instances of the type can start, at most `most`.

    Raises:
        AwsError: InsufficientInstanceCapacity, if these are fewer than `least`.
    """
    starting = sum(instances.state(one) == "pending" for one in INSTANCE.every(call.tx, call.account))
    host = outside.host(starting + most)
    count = min(most, capacity.room(host, instance_types.known()[instance_type], starting=starting))
    if count < least:
        raise capacity.insufficient(instance_type, zone, boots=host.bootable - starting >= least)
    return count
