"""What experiments are given of the rest of the region, besides the way that users go."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from aftershock.aws.ask import Ask
from aftershock.aws.call import Tx


class Wounded(Protocol):
    """What became of the outages of one cause."""

    @property
    def in_force(self) -> bool:
        """Whether all of them were seen to be so."""
        ...

    @property
    def machines(self) -> int:
        """How many machines lost their power."""
        ...


@dataclass(frozen=True, slots=True)
class Outages:
    """The power and the network of zones, and the network of subnets.  Each call works inside the transaction given."""

    begin: Callable[[Tx, str, Literal["power", "network"], str, datetime], None]
    """The zone by its name, what it loses, and the cause."""

    disrupt: Callable[[Tx, str, Literal["all", "availability-zone", "vpc"], str], None]
    """The subnet by its id, the scope, and the cause."""

    end: Callable[[Tx, str], None]
    """Heal whatever was brought about under this cause."""

    seen: Callable[[Tx, str], Wounded | None]
    """What is left under this cause; None if that is nothing."""

    tables: frozenset[str]
    """Whose changes say that something has begun or is healed."""


@dataclass(frozen=True, slots=True)
class Outside:
    ask: Ask
    """The way to EC2 and CloudWatch; within a call it is the experiment's role that asks."""

    may_assume: Callable[[Tx, str, str], bool]
    """Whether the account has a role of this ARN that Fault Injection Service may take on."""

    outages: Outages

    instance_table: str
    """Whose changes say that an instance has stopped or started."""

    alarm_table: str
    """Whose changes say that an alarm may be in another state."""
