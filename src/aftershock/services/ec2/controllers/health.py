"""Status checks: does the machine run on its wire, and does its system answer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome, UnderWay
from aftershock.engines.errors import EngineError
from aftershock.services.ec2.records.instance import HEALTH, INSTANCES, Instance
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.zone_outage import ZONE_OUTAGES, dark_zones
from aftershock.services.ec2.rules.health import checked
from aftershock.services.ec2.rules.instances import state
from aftershock.store import Change, Store

EVERY_S = 5.0  # AWS: every minute; a nominal duration
TIMEOUT_S = 2.0
AT_ONCE = 16

# An instance's boot, how often it was rebooted in it, and whether its zone is out.
Boot = tuple[int, int, bool]
Ping = Callable[[str, str, float], Awaitable[bool]]  # router, address, timeout in seconds


class HealthController:
    """Pings in tasks of its own: a machine that does not answer keeps nobody else waiting."""

    kind = "ec2.health"

    def __init__(self, store: Store, clock: Clock, ping: Ping) -> None:
        self._store, self._clock, self._ping = store, clock, ping
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way = UnderWay()
        self._begun: dict[str, tuple[Boot, float]] = {}  # each key's last check, by the loop's clock

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return INSTANCES.keys(tx) | HEALTH.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == ZONE_OUTAGES.name:
            with self._store.snapshot() as tx:
                return INSTANCES.keys(tx)  # it may be forgotten by now, and with it which zone it was
        return (change.key,) if change.table == INSTANCES.name else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            instance, health = INSTANCES.get(tx, key), HEALTH.get(tx, key)
            dark = dark_zones(tx)
        if instance is None or state(instance) != "running":
            self._begun.pop(key, None)
            if health is not None:
                with self._store.transaction() as tx:
                    HEALTH.forget(tx, key)
            return Done("nothing to check: it does not run")
        # Most changes of a record, such as a tag, are no reason to check before the time.
        boot, every_s = (instance.boot, instance.rebooted, instance.zone in dark), self._clock.paced(EVERY_S)
        now = asyncio.get_running_loop().time()
        checked_boot, checked_at = self._begun.get(key, (None, now))
        if checked_boot == boot and now < checked_at + every_s:
            return Again("checked again and again", after_s=checked_at + every_s - now)
        if key not in self._under_way:
            self._begun[key] = (boot, now)
            self._under_way.raise_failure(key)
            self._under_way.begin(key, lambda: self._check(instance), "check")
        return Again("checked again and again", after_s=every_s)

    async def _check(self, instance: Instance) -> None:
        with self._store.snapshot() as tx:
            eni = NETWORK_INTERFACES.get(tx, instance.interface_id)
            dark = dark_zones(tx)
        # AWS, of the system status: "loss of network connectivity", "loss of system power".
        wired = eni is not None and eni.plugged and instance.zone not in dark
        reachable = False
        async with self._slots:
            with contextlib.suppress(EngineError):  # without a router nothing answers
                reachable = wired and await self._ping(instance.vpc_id, instance.private_ip, TIMEOUT_S)
        with self._store.transaction() as tx:
            now = INSTANCES.get(tx, instance.id)
            if now is None or now.boot != instance.boot or state(now) != "running":
                return
            if (now.zone in dark_zones(tx)) != (now.zone in dark):
                return  # what was seen is of another time; the outage's own change has woken the key
            before = HEALTH.get(tx, instance.id)
            seen = checked(before, now, host_ok=wired, reachable=reachable, at=self._clock.now())
            HEALTH.put(tx, seen)

    async def close(self) -> None:
        await self._under_way.close()
