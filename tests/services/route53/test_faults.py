"""A control plane that dies anywhere leaves nothing that the next one does not put right."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aftershock.clock import Clock
from aftershock.services import route53
from aftershock.services.route53.controllers.names import KEY, NameController
from aftershock.services.route53.records import CHANGES, HOSTED_ZONES
from aftershock.store import Store
from tests.services.account import Account
from tests.services.route53.world import REGION, World, change


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.stop_control()
    yield world
    world.stop_resolver()


def test_dying_at_any_step_of_a_change_changes_nothing_in_the_end(world: World) -> None:
    outside = route53.Outside(
        names=lambda tx: (), networks=lambda tx: (), tables=frozenset(), ask=route53.asker(world.resolver)
    )
    account = Account(world.state / "faults.db", route53.operations(outside), list(route53.TABLES))
    zone = account.call("CreateHostedZone", Name="example.com", CallerReference="one")["HostedZone"]["Id"]
    completed = 0
    for steps in range(60):
        value = f"198.18.0.{steps}"
        batch = {"Changes": [change("UPSERT", "www.example.com", "A", value)]}
        made: Any = account.call("ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch=batch)
        completed += asyncio.run(killed_after(steps, controller(account.store, outside, world)))
        asyncio.run(controller(account.store, outside, world).reconcile(KEY))
        assert world.dig("www.example.com") == ("NOERROR", [value])
        with account.store.snapshot() as tx:
            found = CHANGES.get(tx, made["ChangeInfo"]["Id"].removeprefix("/change/"))
            assert found is not None
            assert found.in_sync
            assert len(HOSTED_ZONES.keys(tx)) == 1
    assert 0 < completed < 60, "it was never, or always, killed in between"
    account.store.close()


def controller(store: Store, outside: route53.Outside, world: World) -> NameController:
    """A fresh one: of the last nothing is left but its records and the resolver."""
    return NameController(store, Clock(), REGION, outside, world.resolver)


async def killed_after(steps: int, doomed: NameController) -> int:
    """Let it run for so many steps of the event loop; 1 if it came to its end before."""
    task = asyncio.create_task(doomed.reconcile(KEY))
    for _ in range(steps):
        await asyncio.sleep(0.001 if steps > 30 else 0)
    if task.done():
        return 1
    task.cancel()
    await asyncio.wait([task])
    return 0
