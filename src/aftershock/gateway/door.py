"""What the gateway is given from outside: who may come in, and the region's own acts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aftershock.aws.call import Principal, Tx
from aftershock.wire import Secret


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may be used now, or whose session is over, as its secret says."""

    secret: Secret
    principal: Principal


# The key that the id names, or None for one that is unknown or inactive.
Authenticate = Callable[[Tx, str, datetime], Credential | None]

# Something that only this region can do (no AWS service has it), behind the same signatures as AWS's operations.
Act = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
