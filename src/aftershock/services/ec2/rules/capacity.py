"""Whether the host still has room: memory, and what its kernel lets an init have."""

from collections.abc import Sequence
from dataclasses import dataclass

from aftershock.aws.errors import AwsError
from aftershock.engines.machines import watches

from .instance_types import InstanceType

MIB = 1024 * 1024
# What an idle instance takes: a systemd with its journal and sshd's socket, measured at 20 to 30 MiB.
IDLE_MIB = 32
# What is left to the control plane and to whatever else runs on the host.
RESERVE_MIB = 512


@dataclass(frozen=True, slots=True)
class Host:
    """What the kernel says of the host just now."""

    memory_mib: int
    available_mib: int
    bootable: int  # more machines that its limits allow, counted no further than was asked for


def room(host: Host, wanted: InstanceType, *, starting: int) -> int:
    """How many more instances of the type can be started, while `starting` others do not yet show in the figures.

    An instance gets its type's memory as a limit and takes what it uses, so that many small ones fit; but a type
    that asks for more than the host has could never be what it says.  Beside memory there is a limit of the kernel's
    that every init runs into sooner or later; see `watches`.
    """
    if wanted.memory_mib > host.memory_mib:
        return 0
    return max(0, min((host.available_mib - RESERVE_MIB) // IDLE_MIB, host.bootable) - starting)


def insufficient(instance_type: str, zone: str, *, boots: bool, others: Sequence[str] = ()) -> AwsError:
    """The error of red-hat-storage/ocs-ci#9263; where the host has no room no other zone helps, since all are on it.

    `others` are the zones that would do, where it is the zone that has no capacity.

    Where it is not for memory but because they would not boot, an administrator can help, and it says how.
    """
    mend = "" if boots else f" {watches.REASON}"
    if others:
        mend = (
            f" You can currently get {instance_type} capacity by not specifying an Availability Zone in your request "
            f"or choosing {', '.join(others)}."
        )
    return AwsError(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
        f"({zone}). Our system will be working on provisioning additional capacity.{mend}",
        status=500,
    )
