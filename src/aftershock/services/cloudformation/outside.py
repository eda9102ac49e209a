"""What CloudFormation asks of the rest of the region; whoever puts the region together provides it."""

from collections.abc import Callable
from dataclasses import dataclass

from aftershock.aws.ask import Ask
from aftershock.aws.call import Call


@dataclass(frozen=True, slots=True)
class Outside:
    ask: Ask
    """The public operations of every other service."""

    fetch: Callable[[Call, str], bytes]
    """What lies at the URL of a template, as the caller may read it; raises AwsError where it may not be read."""

    marked: frozenset[str] = frozenset()
    """The services that take tags beginning with "aws:" from another service."""
