"""Status checks: does the machine run on its wire, and does its system answer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.engines.errors import EngineError
from aftershock.services.ec2.records.instance import HEALTH, INSTANCES, Instance
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.rules.health import checked
from aftershock.services.ec2.rules.instances import state
from aftershock.store import Change, Store

EVERY_S = 5.0  # AWS: every minute; a nominal duration
TIMEOUT_S = 2.0
AT_ONCE = 16

Boot = tuple[int, int]  # an instance's boot, and how often it was rebooted in it
Ping = Callable[[str, str, float], Awaitable[bool]]  # router, address, timeout in seconds


class HealthController:
    """Pings in tasks of its own: a machine that does not answer keeps nobody else waiting."""

    kind = "ec2.health"

    def __init__(self, store: Store, clock: Clock, ping: Ping) -> None:
        self._store, self._clock, self._ping = store, clock, ping
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._begun: dict[str, tuple[Boot, float]] = {}  # each key's last check, by the loop's clock

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return INSTANCES.keys(tx) | HEALTH.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == INSTANCES.name else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            instance, health = INSTANCES.get(tx, key), HEALTH.get(tx, key)
        if instance is None or state(instance) != "running":
            self._begun.pop(key, None)
            if health is not None:
                with self._store.transaction() as tx:
                    HEALTH.forget(tx, key)
            return Done("nothing to check: it does not run")
        # Most changes of a record, such as a tag, are no reason to check before the time.
        boot, every_s = (instance.boot, instance.rebooted), self._clock.paced(EVERY_S)
        now = asyncio.get_running_loop().time()
        checked_boot, checked_at = self._begun.get(key, (None, now))
        if checked_boot == boot and now < checked_at + every_s:
            return Again("checked again and again", after_s=checked_at + every_s - now)
        if key not in self._under_way:
            self._begun[key] = (boot, now)
            task = asyncio.create_task(self._check(instance), name=f"check {key}")
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return Again("checked again and again", after_s=every_s)

    async def _check(self, instance: Instance) -> None:
        with self._store.snapshot() as tx:
            eni = NETWORK_INTERFACES.get(tx, instance.interface_id)
        wired = eni is not None and eni.plugged
        reachable = False
        async with self._slots:
            with contextlib.suppress(EngineError):  # without a router nothing answers
                reachable = wired and await self._ping(instance.vpc_id, instance.private_ip, TIMEOUT_S)
        with self._store.transaction() as tx:
            now = INSTANCES.get(tx, instance.id)
            if now is None or now.boot != instance.boot or state(now) != "running":
                return
            before = HEALTH.get(tx, instance.id)
            seen = checked(before, now, host_ok=wired, reachable=reachable, at=self._clock.now())
            HEALTH.put(tx, seen)

    async def close(self) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
