"""Has every security group's rules enforced."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from aftershock.control import Again, Done, Outcome
from aftershock.engines.network import GroupSpec, Network
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS, SecurityGroup
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.rules.groups import Ensure, Remove, plan
from aftershock.store import Change, Store

from .observing import Looks

LATER_S = 0.1  # until ports that are being removed are looked at again


class GroupController:
    """One key for each security group.  Who carries a group is the ports' business."""

    kind = "ec2.group"

    def __init__(self, store: Store, network: Network) -> None:
        self._store, self._network = store, network
        self._looks = Looks(self._list)

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            wanted = SECURITY_GROUPS.keys(tx)
        return wanted | set(await self._looks.now())

    async def _list(self) -> Mapping[str, GroupSpec]:
        return {spec.name: spec for spec in await self._network.list_groups()}

    def concerned(self, change: Change) -> Iterable[str]:
        """A group's own change, and that of its VPC, whose router it may be waiting for."""
        if change.table == SECURITY_GROUPS.name:
            return (change.key,)
        if change.table != VPCS.name:
            return ()
        with self._store.snapshot() as tx:
            return [group.id for group in SECURITY_GROUPS.where(tx, "vpc", change.key) if not group.enforced]

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            group = SECURITY_GROUPS.get(tx, key)
            vpc = VPCS.get(tx, group.vpc_id) if group else None
        routed = vpc is not None and vpc.routed
        decided = plan(group, routed=routed, observed=(await self._looks.recent()).get(key))
        if isinstance(decided.step, Remove) and await self._is_carried(key):
            return Again("the group is gone, its rules wait for the last wire that carries it", after_s=LATER_S)
        if decided.step is not None:
            await self._act(decided.step, key)
            decided = plan(group, routed=routed, observed=(await self._looks.now()).get(key))
        if group is not None:
            self._record(group, enforced=decided.enforced, reason=decided.reason)
        return Done(decided.reason)

    async def _act(self, step: Ensure | Remove, key: str) -> None:
        try:
            match step:
                case Ensure(spec):
                    await self._network.ensure_group(spec)
                case Remove(router):
                    await self._network.remove_group(router, key)
        finally:
            self._looks.acted()

    async def _is_carried(self, key: str) -> bool:
        return any(key in port.spec.groups for port in await self._network.list_ports())

    def _record(self, looked_at: SecurityGroup, *, enforced: bool, reason: str) -> None:
        with self._store.transaction() as tx:
            now = SECURITY_GROUPS.get(tx, looked_at.id)
            if now and now.generation == looked_at.generation:
                seen = replace(now, enforced=enforced, seen_generation=now.generation, reason=reason)
                SECURITY_GROUPS.put(tx, seen)
