"""What the compute side asks of others: of another service, of the host, of a machine's console.

The region gives these; nothing here knows who answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aftershock.aws.call import Call, Tx
from aftershock.services.ec2.rules.capacity import Host


@dataclass(frozen=True, slots=True)
class Profile:
    """An instance profile as IAM knows it."""

    arn: str
    id: str


class Parameter(Protocol):
    """A parameter as Systems Manager knows it."""

    @property
    def value(self) -> str: ...

    @property
    def data_type(self) -> str: ...


def capacity_everywhere(call: Call, zone: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Outside:
    profile_of: Callable[[Tx, str, str], Profile | None]
    """The account's instance profile of this name or ARN, read within the transaction."""

    parameter: Callable[[Call, str], Parameter | None]
    """The caller's or a public parameter by its name or ARN, which a version or label may follow after a colon."""

    host: Callable[[int], Host]
    """The host just now, its room for machines counted no further than this number."""

    console_of: Callable[[str], bytes]
    """The end of what the instance's machine wrote to its console, at most 64 KiB; nothing if it never ran."""

    lacks_capacity: Callable[[Call, str], bool] = capacity_everywhere
    """Whether somebody wants this caller to find no capacity in the zone."""
