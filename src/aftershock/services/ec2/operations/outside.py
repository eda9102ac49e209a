"""What the compute side asks of others: of another service, of the host, of a machine's console.

The region gives these; nothing here knows who answers.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aftershock.aws.call import Tx
from aftershock.services.ec2.rules.capacity import Host


@dataclass(frozen=True, slots=True)
class Profile:
    """An instance profile as IAM knows it."""

    arn: str
    id: str


@dataclass(frozen=True, slots=True)
class Outside:
    profile_of: Callable[[Tx, str, str], Profile | None]
    """The account's instance profile of this name or ARN, read within the transaction."""

    host: Callable[[], Host]
    """The host's memory just now."""

    console_of: Callable[[str], bytes]
    """The end of what the instance's machine wrote to its console, at most 64 KiB; nothing if it never ran."""
