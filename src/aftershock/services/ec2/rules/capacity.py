"""Whether the host still has room.  One machine's memory is all the capacity that the region has."""

from collections.abc import Sequence
from dataclasses import dataclass

from aftershock.aws.errors import AwsError

from .instance_types import InstanceType

MIB = 1024 * 1024
# What an idle instance takes: a systemd with its journal and sshd's socket, measured at 20 to 30 MiB.
IDLE_MIB = 32
# What is left to the control plane and to whatever else runs on the host.
RESERVE_MIB = 512


@dataclass(frozen=True, slots=True)
class Host:
    """The host's memory, as the kernel gives it."""

    memory_mib: int
    available_mib: int


def room(host: Host, wanted: InstanceType, *, starting: int) -> int:
    """How many more instances of the type can be started, while `starting` others do not yet show in the figures.

    An instance gets its type's memory as a limit and takes what it uses, so that many small ones fit; but a type
    that asks for more than the host has could never be what it says.
    """
    if wanted.memory_mib > host.memory_mib:
        return 0
    return max(0, (host.available_mib - RESERVE_MIB) // IDLE_MIB - starting)


def insufficient(instance_type: str, zone: str, others: Sequence[str] = ()) -> AwsError:
    """The error of red-hat-storage/ocs-ci#9263; every zone is on the one host, so that no other zone helps."""
    return AwsError(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
        f"({zone}). Our system will be working on provisioning additional capacity.",
        status=500,
    )
