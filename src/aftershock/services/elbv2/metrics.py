"""What load balancers measure, minute by minute, for CloudWatch.

Nodes count; here it is what their counters have grown by, under the dimensions that AWS has for each metric
(ALB guide, "CloudWatch metrics for your Application Load Balancer"; NLB guide, likewise).  As there, a count that is
zero is not told of an application load balancer; the number of healthy targets always is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from aftershock.aws.metrics import MINUTE_S, Datum, dimensions, value
from aftershock.clock import Clock
from aftershock.engines.balancer import Observed
from aftershock.store import Store, Transaction

from .controllers.around import balancers_of, instance_of
from .controllers.sights import Sights
from .outside import Outside
from .records.load_balancer import LOAD_BALANCERS, NODES, LoadBalancer
from .records.target_group import TARGET_GROUPS, TARGETS, Target, TargetGroup
from .rules.translate import backend_name

K = TypeVar("K")
LATE = 1.5  # nominal minutes since the last call, from which on growth is not that of one minute

# Of what a listener counts, and of what the servers of a target group do.
_OF_LISTENERS = {
    "own_3xx": "HTTPCode_ELB_3XX_Count",
    "own_4xx": "HTTPCode_ELB_4XX_Count",
    "own_5xx": "HTTPCode_ELB_5XX_Count",
    "own_500": "HTTPCode_ELB_500_Count",
    "own_502": "HTTPCode_ELB_502_Count",
    "own_503": "HTTPCode_ELB_503_Count",
    "own_504": "HTTPCode_ELB_504_Count",
    "fixed": "HTTP_Fixed_Response_Count",
    "redirect": "HTTP_Redirect_Count",
    "rejected": "RejectedConnectionCount",
    "tls_failures": "ClientTLSNegotiationErrorCount",
}
_OF_GROUPS = {
    "connections": "RequestCount",  # of a server in HTTP mode: the requests that it was chosen for
    "answers_2xx": "HTTPCode_Target_2XX_Count",
    "answers_3xx": "HTTPCode_Target_3XX_Count",
    "answers_4xx": "HTTPCode_Target_4XX_Count",
    "answers_5xx": "HTTPCode_Target_5XX_Count",
    "connect_errors": "TargetConnectionErrorCount",
}
APPLICATION, NETWORK = "AWS/ApplicationELB", "AWS/NetworkELB"


@dataclass(frozen=True, slots=True)
class Growth:
    """What one or several nodes counted in a minute; they can be added up."""

    listeners: Counter[str] = field(default_factory=Counter)
    groups: Mapping[str, Counter[str]] = field(default_factory=dict)  # by the backend's name
    times_ms: Mapping[str, Counter[int]] = field(default_factory=dict)  # likewise; how often a server took so long
    clients: int = 0  # connections that are open now
    servers: int = 0

    def __add__(self, other: "Growth") -> "Growth":
        return Growth(
            listeners=self.listeners + other.listeners,
            groups=_added(self.groups, other.groups),
            times_ms=_added(self.times_ms, other.times_ms),
            clients=self.clients + other.clients,
            servers=self.servers + other.servers,
        )


def _added(one: Mapping[str, Counter[K]], other: Mapping[str, Counter[K]]) -> dict[str, Counter[K]]:
    return {key: one.get(key, Counter()) + other.get(key, Counter()) for key in (*one, *other)}


def growth(before: Observed | None, now: Observed) -> Growth:
    """What a node's counters have grown by; one that was begun anew has counted from nothing."""
    if before is not None and before.since != now.since:
        before = None
    listeners, groups, times = Counter[str](), dict[str, Counter[str]](), dict[str, Counter[int]]()
    for key, counters in now.counters.items():
        kind, _, name = key.partition("/")
        grown = _grown(counters, before.counters.get(key, {}) if before else {})
        if kind == "listener":
            listeners += grown
        elif kind == "backend":
            groups[name] = grown
    for key, taken in now.times.items():
        kind, _, name = key.partition("/")
        if kind == "backend":
            times[name] = _grown(taken, before.times.get(key, {}) if before else {})
    return Growth(
        listeners,
        groups,
        times,
        clients=sum(count for key, count in now.open.items() if key.startswith("listener/")),
        servers=sum(count for key, count in now.open.items() if key.startswith("server/")),
    )


def _grown(now: Mapping[K, int], before: Mapping[K, int]) -> Counter[K]:
    return +Counter({key: count - before.get(key, 0) for key, count in now.items()})


@dataclass(frozen=True, slots=True)
class Hosts:
    """How many targets of a group there are in a zone."""

    healthy: int = 0
    unhealthy: int = 0


def balancer_data(balancer: LoadBalancer, zones: Mapping[str, Growth], at: datetime) -> Iterator[Datum]:
    """What is told of a load balancer as a whole, and of each zone of it."""
    whole = sum(zones.values(), Growth())
    places = [({"LoadBalancer": balancer.path}, whole)]
    places += [({"LoadBalancer": balancer.path, "AvailabilityZone": zone}, one) for zone, one in zones.items()]
    for place, one in places:
        everywhere = "AvailabilityZone" not in place
        if balancer.kind == "network":
            yield value(NETWORK, "ActiveFlowCount", place, one.clients, unit="Count", at=at)
            yield value(NETWORK, "NewFlowCount", place, one.listeners["connections"], unit="Count", at=at)
            yield value(NETWORK, "ProcessedBytes", place, _bytes(one), unit="Bytes", at=at)
            continue
        counts = {name: one.listeners[key] for key, name in _OF_LISTENERS.items()}
        if everywhere:
            counts["ActiveConnectionCount"] = one.clients + one.servers
            counts["NewConnectionCount"] = one.listeners["connections"]
        served = sum(one.groups.values(), Counter[str]())
        counts |= {name: served[key] for key, name in _OF_GROUPS.items()}
        yield from _counts(place, counts, at)
        yield from _times(place, sum(one.times_ms.values(), Counter[int]()), at)
        if everywhere and _bytes(one):
            yield value(APPLICATION, "ProcessedBytes", place, _bytes(one), unit="Bytes", at=at)


def group_data(
    balancer: LoadBalancer,
    group: TargetGroup,
    zones: Mapping[str, Growth],
    hosts: Mapping[str, Hosts],
    at: datetime,
) -> Iterator[Datum]:
    """What is told of a target group; `hosts` by zone, "" for those of no zone."""
    space = NETWORK if balancer.kind == "network" else APPLICATION
    everything = Hosts(sum(one.healthy for one in hosts.values()), sum(one.unhealthy for one in hosts.values()))
    places: list[tuple[dict[str, str], Growth, Hosts]] = [({}, sum(zones.values(), Growth()), everything)]
    places += [({"AvailabilityZone": zone}, one, hosts.get(zone, Hosts())) for zone, one in zones.items()]
    for zone, one, there in places:
        alone = {"TargetGroup": group.path, **zone}
        place = {"LoadBalancer": balancer.path, **alone}
        yield value(space, "HealthyHostCount", place, there.healthy, unit="Count", at=at)
        yield value(space, "UnHealthyHostCount", place, there.unhealthy, unit="Count", at=at)
        if balancer.kind == "network":
            continue
        name = backend_name(group)
        served = one.groups.get(name, Counter[str]())
        yield from _counts(place, {metric: served[key] for key, metric in _OF_GROUPS.items()}, at)
        yield from _times(place, one.times_ms.get(name, Counter[int]()), at)
        # In a zone too it is by all targets, since each node sends to all of them.
        targets = everything.healthy or everything.unhealthy
        if served["connections"] and targets:
            for each in (alone, place):
                average = served["connections"] / targets
                yield value(space, "RequestCountPerTarget", each, average, unit="Count", at=at)


def _counts(place: Mapping[str, str], counts: Mapping[str, int], at: datetime) -> Iterator[Datum]:
    for name, count in counts.items():
        if count:
            yield value(APPLICATION, name, place, count, unit="Count", at=at)


def _times(place: Mapping[str, str], taken_ms: Mapping[int, int], at: datetime) -> Iterator[Datum]:
    """AWS: "The time elapsed, in seconds, after the request leaves the load balancer until the target starts to send
    the response headers"."""
    if not taken_ms:
        return
    yield Datum(
        namespace=APPLICATION,
        name="TargetResponseTime",
        dimensions=dimensions(place),
        unit="Seconds",
        at=at,
        sample_count=float(sum(taken_ms.values())),
        sum=sum(ms * count for ms, count in taken_ms.items()) / 1000,
        minimum=min(taken_ms) / 1000,
        maximum=max(taken_ms) / 1000,
        values=tuple(ms / 1000 for ms in taken_ms),
        counts=tuple(float(count) for count in taken_ms.values()),
    )


def _bytes(one: Growth) -> int:
    return one.listeners["bytes_in"] + one.listeners["bytes_out"]


class Metrics:
    """A source of metrics: call it once a nominal minute."""

    def __init__(self, store: Store, clock: Clock, outside: Outside, sights: Sights) -> None:
        self._store, self._clock, self._outside, self._sights = store, clock, outside, sights
        self._before: dict[str, Observed] = {}  # what each node had counted at the last call
        self._called: float | None = None
        self._called_at = 0.0  # the same as Unix time

    async def __call__(self, at: datetime) -> list[Datum]:
        """What was measured since the last call, told as of the minute that began at `at`."""
        now, last = self._clock.monotonic(), self._called
        in_time = last is not None and now - last <= self._clock.paced(LATE * MINUTE_S)
        before, self._before, self._called = self._before, {}, now
        last_at, self._called_at = self._called_at, self._clock.now().timestamp()
        data: list[Datum] = []
        with self._store.snapshot() as tx:
            grown: dict[str, dict[str, Growth]] = {}
            for node in NODES.every(tx):
                seen = self._sights.last(node.name)
                if seen is not None:
                    self._before[node.name] = seen
                    # One that was not seen last time, and ran then, counted we do not know how much in this minute.
                    unknown = node.name not in before and seen.since < last_at
                    one = growth(seen if unknown else before.get(node.name), seen)
                    zones = grown.setdefault(node.load_balancer, {})
                    zones[node.zone] = zones.get(node.zone, Growth()) + one
            if not in_time:
                return data
            for balancer in LOAD_BALANCERS.every(tx):
                if balancer.wanted and balancer.arn in grown:
                    data += balancer_data(balancer, grown[balancer.arn], at)
            for group in TARGET_GROUPS.every(tx):
                targets = [(target, self._zone(tx, group, target)) for target in TARGETS.where(tx, "group", group.arn)]
                for balancer in balancers_of(tx, group):
                    if balancer.arn in grown:
                        data += group_data(balancer, group, grown[balancer.arn], hosts(targets), at)
        return data

    def _zone(self, tx: Transaction, group: TargetGroup, target: Target) -> str:
        instance = instance_of(tx, group, target, self._outside)
        return instance.zone if instance else target.zone or ""


def hosts(targets: Sequence[tuple[Target, str]]) -> dict[str, Hosts]:
    """How many targets are healthy and unhealthy, by the zone that stands beside each."""
    healthy = Counter(zone for target, zone in targets if target.state == "healthy")
    unhealthy = Counter(zone for target, zone in targets if target.state == "unhealthy")
    return {zone: Hosts(healthy[zone], unhealthy[zone]) for zone in {*healthy, *unhealthy}}
