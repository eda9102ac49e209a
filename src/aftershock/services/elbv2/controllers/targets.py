"""Says of every target how it is, by what the nodes of its load balancer see, and forgets it when it has drained."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.services.elbv2.outside import Outside
from aftershock.services.elbv2.records.listener import LISTENERS, RULES
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, NODES, Node
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS, TARGETS, Target, TargetGroup
from aftershock.services.elbv2.rules.attributes import group_value, is_cross_zone
from aftershock.services.elbv2.rules.located import Located, locate
from aftershock.services.elbv2.rules.target_health import Over, judge
from aftershock.services.elbv2.rules.translate import backend_name
from aftershock.store import Change, Store, Transaction

from .around import balancers_of, instance_of, zones_of
from .sights import Sights

SHOWN_REASONS = 3
NODES_S = 0.2  # until a node may have been seen again, and to have let go of a target
WATCHED = frozenset({LISTENERS.name, RULES.name, LOAD_BALANCERS.name})


def group_of(target_key: str) -> str:
    """The ARN of the target group that a target's key begins with."""
    return target_key.partition(" ")[0]


class TargetController:
    """One key for each target group."""

    kind = "elbv2.targets"

    def __init__(self, store: Store, clock: Clock, outside: Outside, sights: Sights) -> None:
        self._store, self._clock, self._outside, self._sights = store, clock, outside, sights

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return TARGET_GROUPS.keys(tx) | {group_of(key) for key in TARGETS.keys(tx)}

    def concerned(self, change: Change) -> Iterable[str]:
        """Of nodes nothing: who sees something new of a target says so."""
        if change.table == TARGET_GROUPS.name:
            return (change.key,)
        if change.table == TARGETS.name:
            return (group_of(change.key),)
        if change.table not in WATCHED | self._outside.tables:
            return ()
        with self._store.snapshot() as tx:
            if change.table in WATCHED:  # which groups a forgotten listener had cannot be looked up any more
                return TARGET_GROUPS.keys(tx)
            return {target.group for target in TARGETS.where(tx, "id", change.key)}

    async def reconcile(self, key: str) -> Outcome:
        with self._store.transaction() as tx:
            group, targets = TARGET_GROUPS.get(tx, key), TARGETS.where(tx, "group", key)
            if group is None:
                for target in targets:
                    TARGETS.forget(tx, target.key)
                return Done("there is no such target group")
            said = self._judge_all(tx, group, targets)
            left = TARGETS.where(tx, "group", key)
        waits_s = [self._drains_s(target, group) for target in left if target.deregistering_at is not None]
        reason = "; ".join(said[:SHOWN_REASONS]) or "it has no targets"
        return Again(reason, after_s=min(waits_s)) if waits_s else Done(reason)

    def _judge_all(self, tx: Transaction, group: TargetGroup, targets: Sequence[Target]) -> list[str]:
        now, delay_s, said = self._clock.now(), self._delay_s(group), []
        balancers = balancers_of(tx, group)
        nodes = [node for balancer in balancers for node in NODES.where(tx, "load_balancer", balancer.arn)]
        names, backend = [node.name for node in nodes], backend_name(group)
        crossing = {balancer.arn for balancer in balancers if is_cross_zone(balancer, group)}

        def sends(node: Node, located: Located) -> bool:
            return node.load_balancer in crossing or located.zone in (None, node.zone)

        for target in targets:
            instance = instance_of(tx, group, target, self._outside)
            located = locate(target, group, instance, zones_of(balancers))
            sights = self._sights.of(names, backend, located.server) if located.is_server else []
            let_go = all(self._sights.has_let_go(node.name, backend, located.server) for node in nodes if node.serving)
            asked = (node.name for node in nodes if node.serving and sends(node, located))
            known = all(self._sights.of([name], backend, located.server) for name in asked)
            judged = judge(located, sights, now=now, delay_s=delay_s, let_go=let_go, known=known)
            if isinstance(judged, Over):
                TARGETS.forget(tx, target.key)
                said.append(f"{target.id}:{target.port} is no target any more: {judged.reason}")
                continue
            words = f"{judged.state}, as {len(sights)} nodes see it" if sights else judged.state
            said.append(f"{target.id}:{target.port} is {words}")
            seen = replace(
                target,
                state=judged.state,
                fault=judged.fault,
                description=judged.description,
                reason=words,
            )
            TARGETS.put(tx, seen)
        return said

    def _delay_s(self, group: TargetGroup) -> float:
        return self._clock.paced(float(group_value(group, "deregistration_delay.timeout_seconds")))

    def _drains_s(self, target: Target, group: TargetGroup) -> float:
        """How long from now a target goes on draining, as far as its delay says."""
        assert target.deregistering_at is not None
        until = target.deregistering_at + timedelta(seconds=self._delay_s(group))
        return max(NODES_S, (until - self._clock.now()).total_seconds())
