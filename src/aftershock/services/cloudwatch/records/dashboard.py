"""Dashboards, which are recorded only."""

from datetime import datetime

from msgspec import Struct

from aftershock.store import Table


class Dashboard(Struct, frozen=True, kw_only=True):
    id: str  # the account and the name, as `dashboard_key` puts them
    account: str
    name: str
    body: str
    modified_at: datetime
    tags: dict[str, str] = {}


def dashboard_key(account: str, name: str) -> str:
    return f"{account} {name}"


DASHBOARDS = Table("cloudwatch_dashboard", Dashboard, indexes={"account": lambda one: one.account})
