"""Plugs interfaces into machines: has a port for each that is wanted to have its wire, and none for any other."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec.structs import replace

from aftershock.control import Again, Done, Outcome
from aftershock.engines.network import Network, ObservedPort
from aftershock.services.ec2.records.network_acl import NETWORK_ACLS, acl_of
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.route_table import ROUTE_TABLES, interface_of, table_of, tables_through
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.rules.nat_gateways import IDLE_S
from aftershock.services.ec2.rules.network_acls import guards
from aftershock.services.ec2.rules.ports import Ensure, Forget, Plan, Remove, Surroundings, plan
from aftershock.store import Change, Store, Transaction

from .locks import Locks
from .observing import Glances, Looks

LATER_S = 0.5  # until what was just done and does not show is looked at again


class PortController:
    """One key for each interface."""

    kind = "ec2.port"

    def __init__(self, store: Store, network: Network, idle_s: float = IDLE_S) -> None:
        """NAT gateways forget connections that were idle for so long."""
        self._store, self._network, self._idle_s = store, network, idle_s
        self._looks, self._glances = Looks(self._list), Glances(self._list_some)
        self._locks = Locks()

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            wanted = NETWORK_INTERFACES.keys(tx)
        return wanted | set(await self._looks.now())

    async def _list(self) -> Mapping[str, ObservedPort]:
        return {port.spec.name: port for port in await self._network.list_ports()}

    async def _list_some(self, keys: Collection[str]) -> Mapping[str, ObservedPort]:
        return {port.spec.name: port for port in await self._network.observe_ports(keys)}

    def concerned(self, change: Change) -> Iterable[str]:
        """An interface's own change; those of its VPC and route tables; and of what it is waiting for."""
        if change.table == NETWORK_INTERFACES.name:
            return (change.key, *self._routed_through(change.key))
        with self._store.snapshot() as tx:
            if change.table == VPCS.name:
                found = NETWORK_INTERFACES.where(tx, "vpc", change.key)
            elif change.table == ROUTE_TABLES.name:
                table = ROUTE_TABLES.get(tx, change.key)  # a deleted one had no subnets left
                found = NETWORK_INTERFACES.where(tx, "vpc", table.vpc_id) if table else []
            elif change.table == SECURITY_GROUPS.name:
                found = [eni for eni in NETWORK_INTERFACES.where(tx, "group", change.key) if not eni.ready]
            elif change.table == NETWORK_ACLS.name:
                acl = NETWORK_ACLS.get(tx, change.key)
                found = [eni for eni in NETWORK_INTERFACES.where(tx, "vpc", acl.vpc_id) if not eni.ready] if acl else []
            else:
                return ()
        return [eni.id for eni in found if eni.plug]

    def _routed_through(self, key: str) -> list[str]:
        """The interfaces whose ways may be others since this one changed."""
        with self._store.snapshot() as tx:
            vpcs = {table.vpc_id for table in tables_through(tx, key)}
            return [eni.id for vpc in vpcs for eni in NETWORK_INTERFACES.where(tx, "vpc", vpc) if eni.plug]

    async def reconcile(self, key: str) -> Outcome:
        async with self._alone_with_addresses(key) as eni:
            return await self._reconcile(key, eni)

    async def _reconcile(self, key: str, eni: NetworkInterface | None) -> Outcome:
        # A wish not seen to yet needs no look before the act: it only costs the machine's start time.
        new = eni is not None and eni.plug and not eni.ready
        observed = None if new else await self._observed(key)
        decided = self._plan(eni, observed)
        if isinstance(decided.step, Ensure | Remove):
            await self._act(decided.step, key)
        if new or isinstance(decided.step, Ensure | Remove):
            observed = await self._glances.at(key)
            decided = self._plan(eni, observed)
        if eni is not None:
            self._record(eni, observed, decided)
        if decided.step is None or isinstance(decided.step, Forget):
            return Done(decided.reason)
        return Again(decided.reason, after_s=LATER_S)

    async def _observed(self, key: str) -> ObservedPort | None:
        recent = self._looks.last()
        return recent.get(key) if recent is not None else await self._glances.at(key)

    async def _act(self, step: Ensure | Remove, key: str) -> None:
        try:
            match step:
                case Ensure(spec):
                    await self._network.ensure_port(spec)
                case Remove():
                    await self._network.remove_port(key)
        finally:
            self._looks.acted()

    def _plan(self, eni: NetworkInterface | None, observed: ObservedPort | None) -> Plan:
        with self._store.snapshot() as tx:
            return plan(eni, _surroundings(tx, eni) if eni else None, observed, self._idle_s)

    def _record(self, looked_at: NetworkInterface, observed: ObservedPort | None, decided: Plan) -> None:
        with self._store.transaction() as tx:
            now = NETWORK_INTERFACES.get(tx, looked_at.id)
            if now is None or now.generation != looked_at.generation:
                return
            if isinstance(decided.step, Forget):
                NETWORK_INTERFACES.forget(tx, now.id)
                return
            seen = replace(
                now,
                plugged=observed is not None,
                plugged_public=observed.spec.public if observed else None,
                seen_generation=now.generation if decided.fits else 0,
                reason=decided.reason,
            )
            NETWORK_INTERFACES.put(tx, seen)

    @asynccontextmanager
    async def _alone_with_addresses(self, key: str) -> AsyncIterator[NetworkInterface | None]:
        """The record as it is now, with nobody else at work on the public addresses that it had or is to have.

        A public address moves between two records in one transaction.  If the port that loses it were brought up from
        a record read before that, after the port that gains it was, it would take the address back.
        """
        while True:
            addresses = _addresses(self._read(key))
            async with AsyncExitStack() as stack:
                for address in addresses:
                    await stack.enter_async_context(self._locks.of(address))
                eni = self._read(key)
                if _addresses(eni) == addresses:
                    yield eni
                    return
            await asyncio.sleep(0)

    def _read(self, key: str) -> NetworkInterface | None:
        with self._store.snapshot() as tx:
            return NETWORK_INTERFACES.get(tx, key)


def _addresses(eni: NetworkInterface | None) -> list[str]:
    return sorted({one for one in (eni.address, eni.plugged_public) if one}) if eni else []


def _surroundings(tx: Transaction, eni: NetworkInterface) -> Surroundings | None:
    vpc, subnet = VPCS.get(tx, eni.vpc_id), SUBNETS.get(tx, eni.subnet_id)
    if vpc is None or subnet is None:
        return None
    groups = (SECURITY_GROUPS.get(tx, group_id) for group_id in eni.group_ids)
    acl = acl_of(tx, subnet.id)
    table = table_of(tx, subnet.id, vpc.id)
    through = {route.through: interface_of(tx, route) for route in table.routes if route.through}
    return Surroundings(
        vpc=vpc,
        subnet=subnet,
        routes=table,
        through={
            name: found.private_ip for name, found in through.items() if found and found.forwards and found.id != eni.id
        },
        unenforced=(
            *(group.id for group in groups if group and not group.enforced),
            *([acl.id] if guards(acl) and not acl.ready else ()),
        ),
    )
