"""Carries out outages of zones, and takes them back."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from aftershock.aws.call import Tx
from aftershock.control import Done, Outcome
from aftershock.engines.machines import Machines, strike
from aftershock.engines.network import Network
from aftershock.services.ec2.records.instance import INSTANCES
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.records.zone_outage import DISRUPTIONS, ZONE_OUTAGES
from aftershock.services.ec2.rules.instances import wish
from aftershock.services.ec2.rules.zone_outages import Plan, barriers, plan
from aftershock.store import Change, Store

from .locks import Locks

KEY = "zones"  # all at once: routers have one set of silent zones, and what fails together dies together

Strike = Callable[[Iterable[tuple[Machines, str]]], Awaitable[tuple[frozenset[str], float]]]


@dataclass(frozen=True, slots=True)
class Others:
    """Another service's machines, which lose their power with ours."""

    machines: Machines
    names: Callable[[Tx, str], Iterable[str]]  # of those in a zone


class ZoneController:
    """One key for all zones."""

    kind = "ec2.zones"

    def __init__(
        self,
        store: Store,
        machines: Machines,
        network: Network,
        locks: Locks,
        others: Sequence[Others] = (),
        *,
        strike: Strike = strike,
    ) -> None:
        self._store, self._machines, self._network, self._locks = store, machines, network, locks
        self._others, self._strike_all = others, strike
        self._is_lifted = False  # nothing is left in any router; before the first look nobody knows

    async def keys(self) -> set[str]:
        return {KEY}

    def concerned(self, change: Change) -> Iterable[str]:
        """Outages; and while there are any, what may come to be in a zone that is out."""
        if change.table in (ZONE_OUTAGES.name, DISRUPTIONS.name):
            return (KEY,)
        if change.table not in (VPCS.name, SUBNETS.name):
            return ()
        with self._store.snapshot() as tx:
            return (KEY,) if ZONE_OUTAGES.keys(tx) or DISRUPTIONS.keys(tx) else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            outages, disruptions = ZONE_OUTAGES.every(tx), DISRUPTIONS.every(tx)
        decided = plan(outages, disruptions)
        if not outages and not disruptions and self._is_lifted:
            return Done(decided.reason)
        self._begin(decided)
        await self._separate(decided)
        spread_s, struck = await self._strike(decided)
        self._record(decided, spread_s, struck)
        self._is_lifted = not outages and not disruptions
        return Done(decided.reason)

    def _begin(self, decided: Plan) -> None:
        """Have it on record, before the first machine dies, that these end on the region's account.

        Whoever looks at one of them later sees that it was killed, and perhaps no outage any more.
        """
        if not decided.begin:
            return
        with self._store.transaction() as tx:
            beginning = [found for one in decided.begin if (found := ZONE_OUTAGES.get(tx, one))]
            zones = {outage.zone for outage in beginning}
            for instance in INSTANCES.every(tx):
                if instance.zone in zones and wish(instance) == "running":
                    INSTANCES.put(tx, replace(instance, restart=True))
            for outage in beginning:
                ZONE_OUTAGES.put(tx, replace(outage, begun=True))

    async def _separate(self, decided: Plan) -> None:
        """First of all: a machine that dies while it still has a wire would tell its peers so, by its kernel."""
        with self._store.snapshot() as tx:
            subnets = {vpc.id: SUBNETS.where(tx, "vpc", vpc.id) for vpc in VPCS.every(tx) if vpc.routed}
            disruptions = DISRUPTIONS.every(tx)
        for vpc_id, those in subnets.items():
            await self._network.set_zones_cut(vpc_id, decided.silent)
            await self._network.set_barriers(vpc_id, barriers(decided.apart, disruptions, those))

    async def _strike(self, decided: Plan) -> tuple[float, frozenset[str]]:
        """Nothing runs in a zone without power: neither what ran before nor what was just being started."""
        if not decided.powerless:
            return 0.0, frozenset()
        with self._store.snapshot() as tx:
            ours = {instance.id for instance in INSTANCES.every(tx) if instance.zone in decided.powerless}
            doomed = [(self._machines, name) for name in sorted(ours)]
            for other in self._others:
                doomed += [(other.machines, name) for zone in decided.powerless for name in other.names(tx, zone)]
        struck, spread_s = await self._strike_all(doomed)
        for name in sorted(struck & ours):
            async with self._locks.of(name):
                await self._machines.kill(name)
        return spread_s, struck

    def _record(self, decided: Plan, spread_s: float, struck: frozenset[str]) -> None:
        with self._store.transaction() as tx:
            for one in decided.note:
                if (outage := ZONE_OUTAGES.get(tx, one)) is not None:
                    seen = replace(outage, seen=True)
                    if outage.kind == "power":
                        seen = replace(seen, spread_s=spread_s, machines=len(struck))
                    ZONE_OUTAGES.put(tx, seen)
                elif (disruption := DISRUPTIONS.get(tx, one)) is not None:
                    DISRUPTIONS.put(tx, replace(disruption, seen=True))
            for one in decided.forget:
                for table in (ZONE_OUTAGES, DISRUPTIONS):
                    found = table.get(tx, one)
                    if found is not None and not found.wanted:
                        table.forget(tx, one)
