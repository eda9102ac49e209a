"""An account to call operations of, without gateway, wire or engines: for tests of rules and operations."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aftershock.aws.call import Call, Operation, Principal
from aftershock.aws.ids import new_id
from aftershock.store import Store, Transaction

ROOT = Principal(
    account="123456789012", arn="arn:aws:iam::123456789012:root", user_id="123456789012", access_key_id="AKIATEST"
)


class Account:
    """Calls operations as the gateway does: one transaction each, rolled back when the operation refuses."""

    def __init__(self, path: Path, operations: Mapping[str, Operation], tables: list[Any]) -> None:
        self.store = Store(path, tables)
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        self.principal = ROOT
        self._operations = operations

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        with self.store.transaction() as tx:
            return self._operations[operation](self.context(tx), params)

    def context(self, tx: Transaction) -> Call:
        self.now += timedelta(seconds=1)
        return Call(principal=self.principal, region="us-east-1", request_id="test", now=self.now, tx=tx, new_id=new_id)
