"""What is kept for a time only is forgotten after it, and not as soon as a control plane starts."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Struct

from aftershock.control import ForgettingController, seldom
from aftershock.store import Store, Table

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Thing(Struct, frozen=True):
    id: str
    age: int


THINGS = Table("thing", Thing)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(seldom, "EVERY_S", 0.0)
    made = Store(tmp_path / "region.db", [THINGS])
    with made.transaction() as tx:
        for number in range(500):
            THINGS.put(tx, Thing(f"{number:03}", number))
    return made


def look(controller: ForgettingController, times: int) -> str:
    async def looks() -> str:
        outcomes = [await controller.reconcile(key) for _ in range(times) for key in await controller.keys()]
        return outcomes[-1].reason

    return asyncio.run(looks())


def controller_of(store: Store) -> ForgettingController:
    old = {THINGS: lambda tx, now: [one.id for one in THINGS.every(tx) if one.age < 450]}
    return ForgettingController("thing.forgetting", store, lambda: NOW, old)


def known(store: Store) -> int:
    with store.snapshot() as tx:
        return len(THINGS.keys(tx))


def test_nothing_is_forgotten_at_the_first_look(store: Store) -> None:
    look(controller_of(store), times=1)
    assert known(store) == 500
    store.close()


def test_what_is_old_is_forgotten_and_the_rest_is_not(store: Store) -> None:
    assert look(controller_of(store), times=2) == "450 forgotten"
    assert known(store) == 50
    store.close()


def test_it_looks_now_and_then_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seldom, "EVERY_S", 3600.0)
    look(controller_of(store), times=3)
    assert known(store) == 500
    store.close()


def test_killed_in_between_it_goes_on(store: Store) -> None:
    """It is a transaction for some of them each: what was done is done."""
    killed: list[int] = []

    class Killed(Exception):
        pass

    def die_at_the_second(changes: object) -> None:
        killed.append(1)
        if len(killed) == 2:
            raise Killed

    store.after_commit.append(die_at_the_second)
    with pytest.raises(Killed):
        look(controller_of(store), times=2)
    assert known(store) == 100
    look(controller_of(store), times=2)
    assert known(store) == 50
    store.close()
