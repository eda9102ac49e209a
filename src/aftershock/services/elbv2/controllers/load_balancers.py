"""Has a node wanted for every zone of a load balancer, and says how it is by what was seen of them."""

from collections.abc import Iterable

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Done, Outcome
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, NODES, LoadBalancer, Node
from aftershock.services.elbv2.rules.renewal import LIFE_S, plan
from aftershock.services.elbv2.rules.serving import judge
from aftershock.store import Change, Store, Transaction


class LoadBalancerController:
    """One key for each load balancer."""

    kind = "elbv2.load_balancer"

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return LOAD_BALANCERS.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        """Its own change, and those of its nodes.  (Who forgets a node says so: it cannot be looked up any more.)"""
        if change.table == LOAD_BALANCERS.name:
            return (change.key,)
        if change.table != NODES.name:
            return ()
        with self._store.snapshot() as tx:
            node = NODES.get(tx, change.key)
        return (node.load_balancer,) if node else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.transaction() as tx:
            balancer = LOAD_BALANCERS.get(tx, key)
            nodes = NODES.where(tx, "load_balancer", key)
            if balancer is None:
                return Done("there is no such load balancer")
            if not balancer.wanted:
                if nodes:
                    return Done(f"deleted; waiting for the end of {', '.join(node.name for node in nodes)}")
                LOAD_BALANCERS.forget(tx, key)
                return Done("deleted, and nothing is left of it")
            nodes = self._want_nodes(tx, balancer, nodes)
            hopeless = next((node.fault for node in nodes if node.wanted and node.fault), "")
            judged = judge(balancer, nodes, hopeless)
            reason = "; ".join(f"{node.zone}: {node.reason}" for node in nodes if node.wanted)
            seen = replace(
                balancer,
                state=judged.state,
                fault=judged.fault,
                seen_generation=judged.seen_generation,
                reason=reason,
            )
            LOAD_BALANCERS.put(tx, seen)
        return Done(f"{judged.state}: {reason}")

    def _want_nodes(self, tx: Transaction, balancer: LoadBalancer, nodes: list[Node]) -> list[Node]:
        """The nodes as they are from now on."""
        now = self._clock.now()
        decided = plan(balancer, nodes, now=now, life_s=self._clock.paced(LIFE_S))
        kept = {node.name: node for node in nodes}
        for node in decided.retire:
            kept[node.name] = replace(node, wanted=False, left_at=now)
        for zone, subnet_id in decided.add:
            serial = 1 + max((node.serial for node in nodes if node.zone == zone), default=0)
            name = f"elb-{balancer.id}-{zone}-{serial}"
            kept[name] = Node(
                name=name,
                load_balancer=balancer.arn,
                zone=zone,
                subnet_id=subnet_id,
                serial=serial,
                wanted_at=now,
            )
        for name in kept.keys() - {node.name for node in nodes} | {node.name for node in decided.retire}:
            NODES.put(tx, kept[name])
        return list(kept.values())
