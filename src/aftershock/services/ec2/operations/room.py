"""Whether the zone works, and the host can take more instances beside those that were accepted and do not run yet."""

from aftershock.aws.call import Call
from aftershock.services.ec2.records.compute_kinds import INSTANCE
from aftershock.services.ec2.records.zone_outage import dark_zones
from aftershock.services.ec2.rules import capacity, instance_types, instances
from aftershock.services.ec2.rules.zones import zones

from .outside import Outside


def require_room(call: Call, outside: Outside, instance_type: str, zone: str, *, least: int, most: int) -> int:
    """How many more instances of the type can start, at most `most`.

    Raises:
        AwsError: InsufficientInstanceCapacity, if these are fewer than `least`, or the zone is out.
    """
    _require_zone(call, outside, instance_type, zone)
    starting = sum(instances.state(one) == "pending" for one in INSTANCE.every(call.tx, call.account))
    host = outside.host(starting + most)
    count = min(most, capacity.room(host, instance_types.known()[instance_type], starting=starting))
    if count < least:
        raise capacity.insufficient(instance_type, zone, boots=host.bootable - starting >= least)
    return count


def _require_zone(call: Call, outside: Outside, instance_type: str, zone: str) -> None:
    out = dark_zones(call.tx)
    if zone not in out and not outside.lacks_capacity(call, zone):
        return
    others = [one.name for one in zones(call.region) if one.name not in (zone, *out)]
    raise capacity.insufficient(
        instance_type, zone, boots=True, others=[one for one in others if not outside.lacks_capacity(call, one)]
    )
