"""Makes machines be what instances ask for, and says on the record what it saw of them."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.engines.errors import EngineError
from aftershock.engines.machines import Ended, Machines, Observed
from aftershock.engines.network.inside import NETNS
from aftershock.services.ec2.operations import wiring
from aftershock.services.ec2.records.instance import HEALTH, INSTANCES, Instance
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.snapshot import SNAPSHOTS
from aftershock.services.ec2.records.volume import VOLUMES
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.records.zone_outage import ZONE_OUTAGES
from aftershock.services.ec2.rules.instance_plan import (
    Forget,
    Note,
    Over,
    Plan,
    Release,
    Runs,
    Seen,
    Start,
    Step,
    Stop,
    Sweep,
    Unplug,
    plan,
)
from aftershock.services.ec2.rules.instances import until_forgotten_s
from aftershock.services.ec2.rules.machines import machine_spec
from aftershock.services.ec2.rules.zone_outages import power
from aftershock.store import Change, Store, Transaction

from .leaving import Leaving
from .locks import Locks

PREFIX = "i-"
# AWS waits some minutes; systemd gives a service 90 s before it kills it, and ends in good time itself.
SHUTDOWN_GRACE_S = 100.0
# AWS: "a terminated instance remains visible in the console for a short while", "usually about one hour".
SHOWN_TERMINATED_S = 3600.0
ROUNDS = 12  # more than any way from one state to another takes; a machine that ends at once is looked at again later
LATER_S = 0.5


def has_netns(name: str) -> bool:
    """Whether a machine's network namespace is there, with or without a wire in it."""
    return (NETNS / name).exists()


@dataclass(frozen=True, slots=True)
class Within:
    """What `wiring` needs of a transaction."""

    tx: Transaction


class InstanceController:
    """Looks after one instance at a time.

    Shutting down may take minutes and is left to a task of its own; the key is woken when it is done, and when a
    machine ends by itself.  Neither is remembered: who comes after a crash sees what is and begins again.
    """

    kind = "ec2.instance"

    def __init__(
        self,
        store: Store,
        machines: Machines,
        clock: Clock,
        locks: Locks,
        wake: Callable[[str, str], None],
        *,
        authority: bytes,
        has_netns: Callable[[str], bool] = has_netns,
    ) -> None:
        """`wake` is the control loop's; `authority` is the certificate that every machine is to trust, PEM."""
        self._authority = authority
        self._store, self._machines, self._clock, self._locks, self._wake = store, machines, clock, locks, wake
        self._has_netns = has_netns
        self._leaving = Leaving()
        self._stopping: dict[str, asyncio.Task[None]] = {}
        self._watched: dict[str, tuple[int, asyncio.Task[None]]] = {}

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            recorded = INSTANCES.keys(tx)
        return recorded | {name for name in await self._machines.names() if name.startswith(PREFIX)}

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == INSTANCES.name:
            return (change.key,)
        if change.table not in (NETWORK_INTERFACES.name, VOLUMES.name, SNAPSHOTS.name, ZONE_OUTAGES.name):
            return ()
        with self._store.snapshot() as tx:
            if change.table == ZONE_OUTAGES.name:
                return INSTANCES.keys(tx)  # it may be forgotten by now, and with it which zone it was
            if change.table == NETWORK_INTERFACES.name:
                return [one.id for one in INSTANCES.where(tx, "interface", change.key)]
            if change.table == VOLUMES.name:
                return [one.id for one in INSTANCES.where(tx, "volume", change.key)]
            snapshot = SNAPSHOTS.get(tx, change.key)
            if snapshot is None or snapshot.volume_id is None:
                return ()
            return [one.id for one in INSTANCES.where(tx, "volume", snapshot.volume_id)]

    async def reconcile(self, key: str) -> Outcome:
        for _ in range(ROUNDS):
            with self._store.snapshot() as tx:
                instance = INSTANCES.get(tx, key)
            if instance is None:
                await self._remove(key)
                return Done("a machine without a record is not ours to keep")
            seen = self._seen(instance, await self._machine(key))
            decided = plan(instance, seen)
            if not decided.steps:
                return self._settled(instance, decided)
            for step in decided.steps:
                if isinstance(step, Stop):
                    self._stop(key, forced=step.forced)
                    return Done(decided.reason)
                await self._do(step, instance, decided)
        return Again(decided.reason, after_s=LATER_S)

    def _settled(self, instance: Instance, decided: Plan) -> Outcome:
        if decided.again_s is not None:
            return Again(decided.reason, after_s=decided.again_s)
        if instance.terminated_at is None:
            return Done(decided.reason)
        return Again(decided.reason, after_s=max(0.1, self._left_s(instance.terminated_at)))

    def _left_s(self, terminated_at: datetime) -> float:
        return until_forgotten_s(terminated_at, self._clock.now(), self._clock.paced(SHOWN_TERMINATED_S))

    async def _machine(self, key: str) -> Runs | Over | None:
        observed = await self._machines.observe(key)
        match observed:
            case Observed():
                self._watch(observed)
                return Runs()
            case Ended():
                at = observed.exit.at
                return Over(observed.exit.cause, None if at is None else datetime.fromtimestamp(at, UTC))
        return None

    def _seen(self, instance: Instance, machine: Runs | Over | None) -> Seen:
        with self._store.snapshot() as tx:
            eni = NETWORK_INTERFACES.get(tx, instance.interface_id)
            volume = VOLUMES.get(tx, instance.volume_id)
            captures = SNAPSHOTS.where(tx, "pending", instance.volume_id)
            outages = ZONE_OUTAGES.where(tx, "zone", instance.zone)
        if eni is not None and eni.instance_id not in (None, instance.id):
            eni = None
        held = eni is not None and eni.instance_id == instance.id
        return Seen(
            machine=machine,
            # The record may be from before a power cut, until the controller of ports has looked again.
            wired=eni is not None and held and eni.ready and self._has_netns(instance.id),
            wire_wanted=eni is not None and eni.plug,
            wire_left=eni is not None and eni.plugged,
            interface_held=held,
            interface_going=eni is not None and not eni.wanted,
            disk=volume is not None and volume.exists and volume.wanted,
            disk_held=volume is not None and volume.instance_id == instance.id,
            disk_going=volume is not None and not volume.wanted,
            captures=any(one.wanted for one in captures),
            quiet_capture=any(one.wanted and one.reboot for one in captures),
            power=power(outages),
            over=instance.terminated_at is not None and self._left_s(instance.terminated_at) <= 0,
        )

    async def _do(self, step: Step, instance: Instance, decided: Plan) -> None:
        match step:
            case Start():
                await self._start(instance)
            case Sweep():
                await self._machines.kill(instance.id)
            case Note():
                self._note(instance, step, decided.reason)
            case Unplug():
                with self._store.transaction() as tx:
                    eni = NETWORK_INTERFACES.get(tx, instance.interface_id)
                    if self._still(tx, instance) and eni is not None and eni.instance_id == instance.id:
                        wiring.unplug(Within(tx), eni)
            case Release():
                with self._store.transaction() as tx:
                    if self._still(tx, instance):
                        _release(tx, instance)
            case Forget():
                with self._store.transaction() as tx:
                    INSTANCES.forget(tx, instance.id)
                    HEALTH.forget(tx, instance.id)

    async def _start(self, instance: Instance) -> None:
        with self._store.snapshot() as tx:
            vpc = VPCS.get(tx, instance.vpc_id)
        if vpc is None:
            raise EngineError(f"{instance.id} cannot start: there is no {instance.vpc_id}")
        try:
            async with self._locks.of(instance.id):
                await self._machines.ensure(machine_spec(instance, vpc, self._authority))
        except EngineError as error:
            if error.retryable:
                raise
            self._note(instance, Note(ended="failed", ended_at=self._clock.now()), str(error))

    def _still(self, tx: Transaction, instance: Instance) -> bool:
        """Whether what is wanted is still what it was when it was looked at."""
        now = INSTANCES.get(tx, instance.id)
        return now is not None and now.generation == instance.generation

    def _note(self, instance: Instance, note: Note, reason: str) -> None:
        changes: dict[str, Any] = {"reason": reason}
        if note.up is not None:
            changes["up_boot"] = instance.boot if note.up else 0
        if note.down:
            changes["down_boot"] = instance.boot
        if note.restart is not None:
            changes["restart"] = note.restart
        if note.rebooted:
            changes["rebooted"] = instance.reboots
        if note.ended is not None:
            changes |= {"ended_boot": instance.boot, "ended_how": note.ended, "ended_at": note.ended_at}
        if note.terminated:
            changes["terminated_at"] = self._clock.now()
        with self._store.transaction() as tx:
            now = INSTANCES.get(tx, instance.id)
            if now is not None and now.generation == instance.generation:
                if note.up and now.up_boot != now.boot:
                    changes["up_at"] = self._clock.now()
                INSTANCES.put(tx, replace(now, **changes))

    def _stop(self, key: str, *, forced: bool) -> None:
        """Begin to shut the machine down, or switch it off; beginning twice is once."""
        under_way = self._stopping.get(key)
        if under_way is not None:
            if not forced or under_way.get_name().startswith("kill"):
                return
            under_way.cancel()
        act = self._killed(key) if forced else self._shut_down(key)
        task = asyncio.create_task(act, name=f"{'kill' if forced else 'stop'} {key}")
        self._stopping[key] = task
        task.add_done_callback(lambda done: self._stopped(key, done))

    async def _shut_down(self, key: str) -> None:
        async with self._locks.of(key), self._leaving.place():
            await self._machines.stop(key, self._clock.paced(SHUTDOWN_GRACE_S))

    async def _killed(self, key: str) -> None:
        async with self._locks.of(key):
            await self._machines.kill(key)

    def _stopped(self, key: str, task: asyncio.Task[None]) -> None:
        if self._stopping.get(key) is task:
            del self._stopping[key]
            if not task.cancelled():
                task.exception()  # seen; what is still to do, the next look will find
                self._wake(self.kind, key)

    def _watch(self, observed: Observed) -> None:
        """Be told at once when this machine ends."""
        pid, task = self._watched.get(observed.name, (0, None))
        if pid == observed.pid:
            return
        if task is not None:
            task.cancel()
        task = asyncio.create_task(self._machines.watch(observed.pid), name=f"watch {observed.name}")
        self._watched[observed.name] = (observed.pid, task)
        task.add_done_callback(lambda done: self._ended(observed, done))

    def _ended(self, observed: Observed, task: asyncio.Task[None]) -> None:
        if self._watched.get(observed.name) == (observed.pid, task):
            del self._watched[observed.name]
        if not task.cancelled():
            self._wake(self.kind, observed.name)

    async def _remove(self, key: str) -> None:
        if under_way := self._stopping.pop(key, None):
            under_way.cancel()
        if watched := self._watched.pop(key, None):
            watched[1].cancel()
        await self._machines.remove(key)

    async def close(self) -> None:
        """End the tasks, and leave the machines as they are."""
        tasks = [*self._stopping.values(), *(task for _, task in self._watched.values())]
        self._stopping.clear()
        self._watched.clear()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, EngineError):
                await task


def _release(tx: Transaction, instance: Instance) -> None:
    eni = NETWORK_INTERFACES.get(tx, instance.interface_id)
    if eni is not None and eni.instance_id == instance.id:
        wiring.release(Within(tx), eni.id)
    volume = VOLUMES.get(tx, instance.volume_id)
    if volume is None or volume.instance_id != instance.id or not volume.wanted:
        return
    if volume.delete_on_termination:
        changed = replace(volume, wanted=False, generation=volume.generation + 1)
    else:
        changed = replace(volume, instance_id=None, device="", attached_at=None, generation=volume.generation + 1)
    VOLUMES.put(tx, changed)
