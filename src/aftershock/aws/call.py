"""One call of an operation: who asks, when, and inside which transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Params = Mapping[str, Any]  # already checked against the service model, in the model's own names
Result = dict[str, Any]
Operation = Callable[["Call", Params], Result]


class Tx(Protocol):
    """One transaction over the records, as far as an operation may use it: through a `store.Table`."""

    def execute(self, sql: str, parameters: tuple[Any, ...] = ..., /) -> Any: ...

    def changed(self, table: str, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed the request, or which of the region's services asks."""

    account: str
    arn: str
    user_id: str
    access_key_id: str
    service: str = ""  # "autoscaling.amazonaws.com" for a service that asks another one; "" for everybody else


@dataclass(frozen=True, slots=True)
class Call:
    """Everything an operation may depend on beyond its parameters.

    The time is decided before the transaction opens and ids come from `new_id`, so that an operation is a
    function of its arguments and of the rows it reads.
    """

    principal: Principal
    region: str
    request_id: str
    now: datetime  # UTC, whole milliseconds
    tx: Tx
    new_id: Callable[[str], str]  # "i" -> "i-0a1b2c3d4e5f60718"

    @property
    def account(self) -> str:
        return self.principal.account
