"""Changes are known as long as anybody can want to know of them, and not for ever."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.clock import Clock
from aftershock.engines.resolver import Answer, Resolver
from aftershock.services import route53
from aftershock.services.route53.controllers import names
from aftershock.services.route53.controllers.names import NameController
from aftershock.services.route53.records import CHANGES, Change
from aftershock.services.route53.rules import changes
from aftershock.services.route53.rules.changes import KEPT, outlived
from aftershock.store import Store

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ages = st.integers(0, 3 * int(KEPT.total_seconds()))


def made(number: int, age_s: int, in_sync: bool = True) -> Change:
    moment = NOW - timedelta(seconds=age_s)
    return Change(id=f"C{number}", account="1", submitted_at=moment, revision=number, in_sync=in_sync)


@given(st.lists(st.tuples(ages, st.booleans())))
def test_what_is_pending_or_young_is_kept_and_the_rest_is_not(drawn: list[tuple[int, bool]]) -> None:
    every = [made(number, age_s, in_sync) for number, (age_s, in_sync) in enumerate(drawn)]
    old = {change.id for change in outlived(every, NOW)}
    for change in every:
        assert (change.id in old) == (change.in_sync and change.submitted_at < NOW - KEPT)


def test_of_young_ones_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST", 3)
    every = [made(number, 10, in_sync=number != 1) for number in range(6)]
    assert {change.id for change in outlived(every, NOW)} == {"C0", "C2"}


def test_the_controller_forgets_them_but_not_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waited for a change while nothing ran is to see first that it is served."""
    monkeypatch.setattr(names, "FORGETTING_EVERY_S", 0.0)
    store = Store(tmp_path / "region.db", route53.TABLES)
    with store.transaction() as tx:
        CHANGES.put(tx, made(1, age_s=10**8))
        CHANGES.put(tx, made(2, age_s=10**8, in_sync=False))
    nothing = route53.Outside(
        names=lambda tx: (),
        networks=lambda tx: (),
        tables=frozenset(),
        ask=lambda name, kind: Answer("NXDOMAIN", (), None),
    )
    controller = NameController(store, Clock(), "us-east-1", nothing, Resolver(tmp_path / "snapshot.json"))

    def known() -> set[str]:
        with store.snapshot() as tx:
            return CHANGES.keys(tx)

    async def look() -> None:
        controller._forget_outlived()

    asyncio.run(look())
    assert known() == {"C1", "C2"}
    asyncio.run(look())
    assert known() == {"C2"}
    store.close()
