"""Gives every VPC its router."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from aftershock.control import Again, Done, Outcome
from aftershock.engines.network import Network, RouterSpec
from aftershock.services.ec2.records.vpc import VPCS, Vpc
from aftershock.services.ec2.rules.routers import Ensure, Remove, plan
from aftershock.store import Change, Store

from .observing import Looks

LATER_S = 0.1  # until ports that are being removed are looked at again


class RouterController:
    """One key for each VPC."""

    kind = "ec2.router"

    def __init__(self, store: Store, network: Network) -> None:
        self._store, self._network = store, network
        self._looks = Looks(self._list)

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            wanted = VPCS.keys(tx)
        return wanted | set(await self._looks.now())

    async def _list(self) -> Mapping[str, RouterSpec]:
        return {spec.name: spec for spec in await self._network.list_routers()}

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == VPCS.name else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            vpc = VPCS.get(tx, key)
        decided = plan(vpc, (await self._looks.recent()).get(key))
        if isinstance(decided.step, Remove) and await self._has_ports(key):
            return Again("the VPC is gone, its router waits for the wires behind it to go", after_s=LATER_S)
        if decided.step is not None:
            await self._act(decided.step, key)
            decided = plan(vpc, (await self._looks.now()).get(key))
        if vpc is not None:
            self._record(vpc, routed=decided.routed, reason=decided.reason)
        return Done(decided.reason)

    async def _act(self, step: Ensure | Remove, key: str) -> None:
        try:
            match step:
                case Ensure(spec):
                    await self._network.ensure_router(spec)
                case Remove():
                    await self._network.remove_router(key)
        finally:
            self._looks.acted()

    async def _has_ports(self, key: str) -> bool:
        return any(port.spec.router == key for port in await self._network.list_ports())

    def _record(self, looked_at: Vpc, *, routed: bool, reason: str) -> None:
        with self._store.transaction() as tx:
            now = VPCS.get(tx, looked_at.id)
            if now and now.generation == looked_at.generation:
                VPCS.put(tx, replace(now, routed=routed, seen_generation=now.generation, reason=reason))
