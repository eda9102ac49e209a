"""What the gateway is given from outside: who may come in, the region's own acts, and where bodies of any size go."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aftershock.aws.call import Call, Params, Principal, Tx
from aftershock.wire import Secret


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may be used now, or whose session is over, as its secret says."""

    secret: Secret
    principal: Principal


# The key that the id names, or None for one that is unknown or inactive.
Authenticate = Callable[[Tx, str, datetime], Credential | None]

# A URL that allows one thing by itself, whoever has it: what is done with its path, its query and what was sent there.
Link = Callable[[Call, str, str, bytes], None]


@dataclass(frozen=True, slots=True)
class Badge:
    """What some show instead of a signature, behind the name of its scheme in `Authorization`."""

    service: str
    operations: frozenset[str]  # it is good for these alone
    shown_by: Callable[[Tx, str], Principal | None]


# A view of the records to read from, for as long as nothing is waited for.
Snapshot = Callable[[], AbstractContextManager[Tx]]

# Something that only this region can do (no AWS service has it), behind the same signatures as AWS's operations.
Act = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class Intake(Protocol):
    """A body on its way to the disk, and there until it is closed."""

    def write(self, piece: bytes | memoryview) -> None:
        """May wait for the disk: called in a thread."""
        ...

    def finish(self) -> object:
        """All is there and on the disk: what the operation is given as the body.  Called in a thread."""
        ...

    def close(self, *, kept: bool) -> None:
        """Without `kept` nothing is left of it, whenever it is called."""
        ...


class Data(Protocol):
    """A service's way with bodies that are too large to be held."""

    def receive(self, tx: Tx, operation: str, params: Params, headers: Mapping[str, str]) -> Intake:
        """Where the body of a request goes while it comes.

        Raises:
            AwsError: the request will be refused, whatever its body is.
        """
        ...

    async def prepare(self, snapshot: Snapshot, operation: str, params: Params) -> Params:
        """What the operation is given instead of these, after reading what takes longer than a transaction may.

        Raises:
            AwsError: the request will be refused.
        """
        ...
