"""Has a machine run for every node of a load balancer that does what is wanted, and says what it was seen to do.

A node is looked at about once a second, and at once when its machine ends.  What takes its time is left to a task
beside the loop: a node that does not answer keeps no other waiting.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome, UnderWay
from aftershock.engines.balancer import Balancers, Observed
from aftershock.engines.errors import EngineError
from aftershock.engines.machines import Observed as Running
from aftershock.services.elbv2.outside import Outside
from aftershock.services.elbv2.records.listener import LISTENERS
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, NODES, LoadBalancer, Node
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS, TARGETS
from aftershock.services.elbv2.records.use import load_balancers_of
from aftershock.services.elbv2.rules.node_plan import Plan, Seen, is_wanted, place_of, plan
from aftershock.services.elbv2.rules.serving import is_listening, may_stand
from aftershock.store import Change, Store, Transaction

from .load_balancers import LoadBalancerController
from .sights import Sights
from .targets import TargetController, group_of
from .wishes import Wishes, wishes

PREFIX = "elb-"
LOOK_EVERY_S = 1.0  # our own, and not AWS's: the machine is as fast as it is
SOON_S = 0.25  # while something is on its way
PATIENCE_S = 10.0  # with a node that is asked what it sees; it answers within milliseconds
SILENT_TIMES = 3
INTERNAL = "Internal error"
LATER_S = 5.0  # until what cannot be done is tried again
ROUNDS = 4
# AWS's name has a time to live of 60 s; whoever looked it up just before has that long to come, and then to be served.
KNOWN_S = 120.0


@dataclass(frozen=True, slots=True)
class _Told:
    wishes: Wishes
    applied: str  # what the node said that it did when it had been told


@dataclass(frozen=True, slots=True)
class _Situation:
    node: Node
    balancer: LoadBalancer | None
    seen: Seen
    wishes: Wishes | None


class NodeController:
    """One key for each node."""

    kind = "elbv2.node"

    def __init__(
        self,
        store: Store,
        clock: Clock,
        wake: Callable[[str, str], None],
        *,
        outside: Outside,
        balancers: Balancers,
        sights: Sights,
    ) -> None:
        """`wake` is the control loop's."""
        self._store, self._clock, self._balancers, self._outside = store, clock, balancers, outside
        self._sights, self._wake = sights, wake
        self._work = UnderWay(lambda key: wake(self.kind, key))
        self._lives = UnderWay(lambda key: wake(self.kind, key))
        self._wished: dict[str, Wishes] = {}  # as of the records, but for those nodes that are in `_stale`
        self._stale: set[str] = set()
        self._told: dict[str, _Told] = {}
        self._said: dict[str, str] = {}  # the reason that was last given
        self._silent: dict[str, int] = {}  # how often in a row it did not answer
        self._looked: dict[str, float] = {}  # when each was last looked at, by the clock

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            recorded = NODES.keys(tx)
        self._stale |= recorded
        return recorded | {name for name in await self._balancers.list() if name.startswith(PREFIX)}

    def concerned(self, change: Change) -> Iterable[str]:
        with self._store.snapshot() as tx:
            names = set(self._concerned(tx, change))
        self._stale |= names
        return names

    def _concerned(self, tx: Transaction, change: Change) -> Iterable[str]:
        match change.table:
            case NODES.name:
                return (change.key,)
            case LOAD_BALANCERS.name:  # which is changed with every change of its listeners and rules
                return _nodes(tx, change.key)
            case TARGET_GROUPS.name:
                return _nodes(tx, *load_balancers_of(tx, change.key))
            case TARGETS.name:
                return _nodes(tx, *load_balancers_of(tx, group_of(change.key)))
        if change.table not in self._outside.tables:
            return ()
        groups = {target.group for target in TARGETS.where(tx, "id", change.key)}
        own = (*NODES.where(tx, "interface", change.key), *NODES.where(tx, "zone", zone_of(change.key)))
        certified = {listener.load_balancer for listener in LISTENERS.where(tx, "certificate", change.key)}
        using = (arn for group in groups for arn in load_balancers_of(tx, group))
        return {node.name for node in own} | _nodes(tx, *certified, *using)

    async def reconcile(self, key: str) -> Outcome:
        if key in self._work:  # which wakes the key at its end
            return Again(self._said.get(key, "it is being looked at"), after_s=LOOK_EVERY_S)
        self._work.raise_failure(key)
        for _ in range(ROUNDS):
            situation = await self._look(key)
            if situation is None:
                return await self._sweep(key)
            decided = plan(situation.node, situation.balancer, situation.seen)
            if (outcome := self._do(situation, decided)) is not None:
                self._said[key] = outcome.reason
                return outcome
        return Again(decided.reason, after_s=SOON_S)

    async def _look(self, key: str) -> _Situation | None:
        found = await self._balancers.machines.observe(key)
        running = isinstance(found, Running)
        machine = running or key in await self._balancers.list()
        if isinstance(found, Running):
            self._lives.begin(key, lambda: self._balancers.machines.watch(found.pid), "watch")
        with self._store.snapshot() as tx:
            node = NODES.get(tx, key)
            if node is None:
                return None
            balancer = LOAD_BALANCERS.get(tx, node.load_balancer)
            interface = self._outside.interfaces.get(tx, node.interface_id) if node.interface_id else None
            left_s = self._clock.paced(KNOWN_S)
            seen = Seen(
                interface=interface,
                machine=machine,
                running=running,
                dark=node.zone in self._outside.dark_zones(tx),
                cut=node.zone in self._outside.cut_zones(tx),
                left=node.left_at is None or self._clock.now() >= node.left_at + timedelta(seconds=left_s),
            )
            wanted = self._wishes(tx, node, balancer) if balancer and balancer.wanted else None
            return _Situation(node, balancer, seen, wanted)

    def _wishes(self, tx: Transaction, node: Node, balancer: LoadBalancer) -> Wishes:
        """Put together anew only after a change that concerns the node: there may be a thousand targets."""
        wanted = self._wished.get(node.name)
        if wanted is None or node.name in self._stale:
            wanted = self._wished[node.name] = wishes(tx, node, balancer, self._outside, self._clock)
            self._stale.discard(node.name)
        return wanted

    async def _sweep(self, key: str) -> Outcome:
        self._forget_sight(key)
        for kept in (self._wished, self._said, self._silent):
            kept.pop(key, None)
        self._stale.discard(key)
        if key not in await self._balancers.list():
            return Done("nobody wants it, and nothing is there")
        self._work.begin(key, lambda: self._balancers.remove(key), "remove")
        return Again("a node without a record is not ours to keep", after_s=LOOK_EVERY_S)

    def _do(self, situation: _Situation, decided: Plan) -> Outcome | None:
        """Take one step; None where it is time to look again at once."""
        node, key = situation.node, situation.node.name
        if decided.step not in ("serve", "make interface", "set groups"):
            self._forget_sight(key)
            self._record(node, reason=decided.reason, serving=False, healthy=False)
        match decided.step:
            case None:
                return Done(decided.reason)
            case "make interface" | "set groups":
                return self._wire(situation, decided)
            case "serve":
                return self._serve(situation)
            case "stop":
                self._work.begin(key, lambda: self._balancers.machines.kill(key), "stop")
            case "remove machine":
                self._work.begin(key, lambda: self._balancers.remove(key), "remove")
            case "remove interface":
                if not decided.wait:
                    self._remove_interface(node)
                return Again(decided.reason, after_s=SOON_S)
            case "forget":
                with self._store.transaction() as tx:
                    NODES.forget(tx, key)
                self._wake(LoadBalancerController.kind, node.load_balancer)
                return Done(decided.reason)
        return Again(decided.reason, after_s=LOOK_EVERY_S)

    # Its wire

    def _wire(self, situation: _Situation, decided: Plan) -> Outcome | None:
        node, balancer = situation.node, situation.balancer
        assert balancer is not None
        try:
            with self._store.transaction() as tx:
                now = NODES.get(tx, node.name)
                if now != node or not is_wanted(now, LOAD_BALANCERS.get(tx, node.load_balancer)):
                    return None
                if decided.step == "set groups" and node.interface_id is not None:
                    self._outside.interfaces.set_groups(tx, node.interface_id, balancer.group_ids)
                    return None
                place = place_of(node, balancer)
                made = self._outside.interfaces.create(
                    tx,
                    account=balancer.account,
                    subnet_id=node.subnet_id,
                    group_ids=balancer.group_ids,
                    description=f"ELB {balancer.path}",
                    host=node.name,
                    public=balancer.scheme == "internet-facing",
                    private_ip=place.private_ip if place else None,
                    allocation_id=place.allocation_id if place else None,
                )
                NODES.put(tx, replace(node, interface_id=made.id, fault="", reason=decided.reason))
        except AwsError as error:
            self._record(node, reason=error.message, fault=error.message)
            return Again(error.message, after_s=LATER_S)
        return None

    def _remove_interface(self, node: Node) -> None:
        assert node.interface_id is not None
        with self._store.transaction() as tx:
            self._outside.interfaces.delete(tx, node.interface_id)

    # What it does

    def _serve(self, situation: _Situation) -> Outcome:
        node, key, wanted = situation.node, situation.node.name, situation.wishes
        assert wanted is not None
        told = self._told.get(key)
        now = self._clock.monotonic()
        if situation.seen.running and told is not None and told.wishes.spec == wanted.spec:
            every_s = SOON_S if self._is_on_its_way(key, told) else LOOK_EVERY_S
            left_s = self._looked.get(key, 0.0) + every_s - now
            if left_s > 0:
                return Again(node.reason, after_s=left_s)
            self._work.begin(key, lambda: self._see(situation, told.applied), "look at")
            return Again(node.reason, after_s=LOOK_EVERY_S)
        if not situation.seen.running:
            self._forget_sight(key)
            self._record(node, reason="its machine does not run", serving=False, healthy=False)
        self._work.begin(key, lambda: self._tell(situation), "tell")
        return Again("it is told what is wanted now", after_s=LOOK_EVERY_S)

    def _is_on_its_way(self, key: str, told: _Told) -> bool:
        seen = self._sights.last(key)
        if seen is None or seen.applied != told.applied:
            return True
        return any(target.state in ("initial", "draining") for target in seen.targets)

    async def _tell(self, situation: _Situation) -> None:
        """Have the node run and do what is wanted; what it sees is taken in even if it refuses."""
        node, wanted = situation.node, situation.wishes
        assert wanted is not None
        try:
            await self._balancers.ensure(wanted.spec)
        except EngineError as error:
            self._told.pop(node.name, None)
            await self._see(situation, None)
            self._record(node, reason=str(error), fault="" if error.retryable else INTERNAL)
            raise
        seen = await self._balancers.observe(node.name)
        applied = seen.applied if seen else None
        if applied is not None:
            self._told[node.name] = _Told(wanted, applied)
        self._take_in(situation, seen, applied=applied)

    async def _see(self, situation: _Situation, applied: str | None) -> None:
        name = situation.node.name
        try:
            async with asyncio.timeout(PATIENCE_S):
                seen = await self._balancers.observe(name)
        except (TimeoutError, EngineError) as error:
            await self._is_silent(situation, str(error) or "it does not answer")
            return
        self._silent.pop(name, None)
        if seen is not None and seen.applied != applied:
            self._told.pop(name, None)  # it was told something by somebody else
        self._take_in(situation, seen, applied=applied)

    async def _is_silent(self, situation: _Situation, reason: str) -> None:
        """It runs and does not answer: nobody shall be sent there, and if it goes on so it is begun anew."""
        name = situation.node.name
        assert situation.wishes is not None
        self._looked[name] = self._clock.monotonic()
        self._tell_of_targets(name, None, situation.wishes)
        self._record(situation.node, reason=reason, serving=False, healthy=False)
        times = self._silent[name] = self._silent.get(name, 0) + 1
        if times >= SILENT_TIMES:
            self._silent.pop(name)
            await self._balancers.machines.kill(name)

    def _take_in(self, situation: _Situation, seen: Observed | None, *, applied: str | None) -> None:
        """Record what a node was seen to do; `applied` is what it says of itself when it does as is wanted."""
        node, wanted = situation.node, situation.wishes
        interface, balancer = situation.seen.interface, situation.balancer
        assert wanted is not None
        assert interface is not None
        assert balancer is not None
        self._looked[node.name] = self._clock.monotonic()
        self._tell_of_targets(node.name, None if situation.seen.cut else seen, wanted)
        current = seen is not None and seen.applied == applied
        # Behind the walls of a zone that is cut off it may serve, and see, whom it will: nobody else has part in it.
        cut = situation.seen.cut
        serving = not cut and is_listening(seen, wanted.ports, current=current, before=node.serving)
        changes: dict[str, Any] = {
            "private_ip": interface.private_ip,
            "public_ip": interface.public_ip,
            "applied": seen.applied if seen else "",
            "serving": serving,
            "ever_served": node.ever_served or serving,
            "healthy": serving and seen is not None and may_stand(seen, wanted.groups),
            "reason": "its zone is cut off" if cut else _reason(seen, wanted, current=current, serving=serving),
        }
        if current:
            changes["fault"] = wanted.fault
            changes["seen_generation"] = node.seen_generation if wanted.fault else balancer.generation
        self._record(node, **changes)

    def _tell_of_targets(self, name: str, seen: Observed | None, wanted: Wishes) -> None:
        for backend in self._sights.see(name, seen):
            if backend in wanted.groups:
                self._wake(TargetController.kind, wanted.groups[backend].arn)

    def _forget_sight(self, name: str) -> None:
        told = self._told.pop(name, None)
        self._looked.pop(name, None)
        if told is not None:
            self._tell_of_targets(name, None, told.wishes)
        else:
            self._sights.see(name, None)

    def _record(self, looked_at: Node, **changes: Any) -> None:
        """What was seen is written if it is still the same node with the same address."""
        with self._store.transaction() as tx:
            now = NODES.get(tx, looked_at.name)
            if now is not None and (now.wanted, now.interface_id) == (looked_at.wanted, looked_at.interface_id):
                NODES.put(tx, replace(now, **changes))

    async def close(self) -> None:
        await self._work.close()
        await self._lives.close()


def _reason(seen: Observed | None, wanted: Wishes, *, current: bool, serving: bool) -> str:
    if seen is None:
        return "its machine does not run"
    if seen.problem:
        return f"it goes on as before: {seen.problem}"
    if not current:
        return "it is being told what is wanted"
    if not serving:
        missing = sorted(set(wanted.ports) - seen.ports)
        return f"it does not listen on {', '.join(map(str, missing))} yet"
    return "it serves as wanted"


def zone_of(outage_key: str) -> str:
    """The zone at the end of the key under which EC2 has its outage."""
    return outage_key.rpartition(" ")[2]


def _nodes(tx: Transaction, *balancers: str) -> set[str]:
    return {node.name for arn in balancers for node in NODES.where(tx, "load_balancer", arn)}
