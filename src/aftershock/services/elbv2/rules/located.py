"""Where a target is, and what keeps it from getting requests whatever its health.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from aftershock.services.elbv2.outside import Instance
from aftershock.services.elbv2.records.target_group import Target, TargetGroup

from .target_groups import ALL_ZONES

NO_BALANCER = "Target group is not configured to receive traffic from the load balancer"
NO_ZONE = "Target is in an Availability Zone that is not enabled for the load balancer"
# An instance that shuts down still ends what it has begun; its checks tell when it is over.
ON_ITS_FEET = frozenset({"running", "stopping", "shutting-down"})


@dataclass(frozen=True, slots=True)
class Unused:
    """AWS's reason code and description of a target that gets nothing."""

    fault: str
    description: str


@dataclass(frozen=True, slots=True)
class Located:
    target: Target
    address: str | None = None  # None while it has none that packets could go to
    zone: str | None = None  # None for an address of no zone of ours
    unused: Unused | None = None
    gone: bool = False  # its instance was terminated, so that nobody will ever answer

    @property
    def is_server(self) -> bool:
        """Whether nodes have anything to do with it: check it, send to it, or drain it."""
        return self.address is not None and self.unused is None and not self.gone

    @property
    def server(self) -> str:
        """As the engine names it."""
        return f"{self.address}:{self.target.port}"


def locate(target: Target, group: TargetGroup, instance: Instance | None, enabled: Iterable[str] | None) -> Located:
    """`instance` is what EC2 says of a target of type instance; `enabled` are the zones of the group's load balancer,
    None without one."""
    if group.target_type == "ip":
        zone = None if target.zone in (None, ALL_ZONES) else target.zone
        return Located(target, target.id, zone, _unused(zone, enabled))
    if instance is None or instance.state == "terminated":
        return Located(target, gone=True)
    if instance.state not in ON_ITS_FEET:
        said = "Target is in the stopped state" if instance.state == "stopped" else "Target is in an invalid state"
        return Located(target, None, instance.zone, Unused("Target.InvalidState", said))
    return Located(target, instance.private_ip, instance.zone, _unused(instance.zone, enabled))


def _unused(zone: str | None, enabled: Iterable[str] | None) -> Unused | None:
    if enabled is None:
        return Unused("Target.NotInUse", NO_BALANCER)
    return Unused("Target.NotInUse", NO_ZONE) if zone is not None and zone not in enabled else None
