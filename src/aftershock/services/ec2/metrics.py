"""AWS/EC2: what is measured of every running instance, once a nominal minute.

CPU time comes from the machine's cgroup, in percent of its type's processors; bytes and packets from the router's end
of its wire, where the machine cannot reach; status checks from what the checks last saw.  AWS: with basic monitoring
"data is available in 5-minute periods", with detailed monitoring in one-minute periods, and then also across all
instances of a type and of an image; status checks come every minute; and across an Auto Scaling group whichever it is.

An instance is measured from its second minute on: a minute's work is the difference of two readings.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from aftershock.aws.metrics import MINUTE_S, Datum, Dimensions, bucket, bucket_start, dimensions, samples
from aftershock.clock import Clock
from aftershock.engines.errors import EngineError
from aftershock.engines.network.inside import call_inside
from aftershock.engines.network.spec import port_device, router_netns
from aftershock.store import Store

from .records.instance import HEALTH, INSTANCES, Health, Instance
from .records.network_interface import NETWORK_INTERFACES
from .rules import instance_types
from .rules.health import current, instance_status, system_status
from .rules.instances import state

NAMESPACE = "AWS/EC2"
GROUP_TAG = "aws:autoscaling:groupName"
BASIC_S = 300
UNITS = {
    "CPUUtilization": "Percent",
    "NetworkIn": "Bytes",
    "NetworkOut": "Bytes",
    "NetworkPacketsIn": "Count",
    "NetworkPacketsOut": "Count",
    "StatusCheckFailed": "Count",
    "StatusCheckFailed_Instance": "Count",
    "StatusCheckFailed_System": "Count",
}
# A minute that somebody came so much too late for is not one; a busy machine is a little late.
LATE = 1.5


class Usage(Protocol):
    @property
    def cpu_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Wire:
    """What went over an instance's wire since it was made, as the instance sees it."""

    bytes_in: int = 0
    packets_in: int = 0
    bytes_out: int = 0
    packets_out: int = 0


Wires = Callable[[str], Awaitable[Mapping[str, Wire]]]  # a router -> its devices' counters


@dataclass(frozen=True, slots=True)
class Reading:
    boot: tuple[int, int]
    at_s: float  # by the monotonic clock
    cpu_s: float
    wire: Wire | None


def worked(before: Reading, after: Reading, vcpus: int) -> dict[str, float]:
    """What happened between two readings; nothing of counters that began anew in between."""
    found: dict[str, float] = {}
    elapsed_s, cpu_s = after.at_s - before.at_s, after.cpu_s - before.cpu_s
    if before.boot != after.boot or elapsed_s <= 0:
        return found
    if cpu_s >= 0:
        found["CPUUtilization"] = min(100.0, 100 * cpu_s / elapsed_s / vcpus)
    if before.wire is not None and after.wire is not None:
        old, new = before.wire, after.wire
        counted = {
            "NetworkIn": new.bytes_in - old.bytes_in,
            "NetworkOut": new.bytes_out - old.bytes_out,
            "NetworkPacketsIn": new.packets_in - old.packets_in,
            "NetworkPacketsOut": new.packets_out - old.packets_out,
        }
        if min(counted.values()) >= 0:
            found |= {name: float(count) for name, count in counted.items()}
    return found


@dataclass(slots=True)
class Five:
    """The minutes of a five-minute period, as far as they were measured."""

    number: int
    minutes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be told of one instance."""

    instance: Instance
    name: str
    at: datetime
    values: tuple[float, ...]


class InstanceMetrics:
    """A `Source`.  What it remembers is the minute before, and the five that basic monitoring sums up."""

    def __init__(self, store: Store, clock: Clock, usage: Callable[[str], Usage], wires: Wires) -> None:
        self._store, self._clock, self._usage, self._wires = store, clock, usage, wires
        self._before: dict[str, Reading] = {}
        self._fives: dict[str, Five] = {}

    async def __call__(self, at: datetime) -> Iterable[Datum]:
        with self._store.snapshot() as tx:
            running = [one for one in INSTANCES.every(tx) if state(one) == "running"]
            checks = {one.id: failed_checks(current(HEALTH.get(tx, one.id), one)) for one in running}
            plugged = {one.id: NETWORK_INTERFACES.get(tx, one.interface_id) for one in running}
        wired = {one: eni.id for one, eni in plugged.items() if eni is not None and eni.plugged}
        readings = await self._readings(running, wired)
        told: list[Told] = []
        for one in running:
            told += (Told(one, name, at, (value,)) for name, value in checks[one.id].items())
            told += self._of_minute(one, readings.get(one.id), at)
        self._before = readings
        ids = {one.id for one in running}
        self._fives = {key: five for key, five in self._fives.items() if key in ids}
        return list(data(told))

    async def _readings(self, running: Sequence[Instance], wired: Mapping[str, str]) -> dict[str, Reading]:
        wires: dict[str, Mapping[str, Wire]] = {}
        for router in {one.vpc_id for one in running}:
            try:
                wires[router] = await self._wires(router)
            except EngineError:
                wires[router] = {}  # without a router there is no traffic to count
        found: dict[str, Reading] = {}
        for one in running:
            eni_id = wired.get(one.id)
            found[one.id] = Reading(
                boot=(one.boot, one.rebooted),
                at_s=self._clock.monotonic(),
                cpu_s=self._usage(one.id).cpu_s,
                wire=wires[one.vpc_id].get(port_device(eni_id)) if eni_id else None,
            )
        return found

    def _of_minute(self, one: Instance, after: Reading | None, at: datetime) -> Iterable[Told]:
        before = self._before.get(one.id)
        measured: dict[str, float] = {}
        if before is not None and after is not None and after.at_s - before.at_s <= self._late_s():
            measured = worked(before, after, instance_types.known()[one.instance_type].vcpu)
        if one.monitored:
            self._fives.pop(one.id, None)
            return [Told(one, name, at, (value,)) for name, value in measured.items()]
        return self._of_five(one, measured, at)

    def _of_five(self, one: Instance, measured: Mapping[str, float], at: datetime) -> Iterable[Told]:
        pace = self._clock.pace
        number = bucket(at, BASIC_S, pace)
        five = self._fives.get(one.id)
        if five is None or five.number != number:
            five = self._fives[one.id] = Five(number)
        for name, value in measured.items():
            five.minutes[name].append(value)
        if bucket(at + timedelta(seconds=MINUTE_S / pace), BASIC_S, pace) == number:
            return []
        start = bucket_start(number, BASIC_S, pace)
        return [Told(one, name, start, tuple(values)) for name, values in five.minutes.items()]

    def _late_s(self) -> float:
        return self._clock.paced(MINUTE_S) * LATE + 1.0


def failed_checks(health: Health | None) -> dict[str, float]:
    """AWS: 0 is passed and 1 is failed; a check that is not done yet says neither."""
    words = {"ok": 0.0, "impaired": 1.0}
    system, instance = words.get(system_status(health)[0]), words.get(instance_status(health)[0])
    found: dict[str, float] = {}
    if system is not None:
        found["StatusCheckFailed_System"] = system
    if instance is not None:
        found["StatusCheckFailed_Instance"] = instance
    if found and (len(found) == 2 or max(found.values()) == 1.0):
        found["StatusCheckFailed"] = max(found.values())
    return found


def data(told: Iterable[Told]) -> Iterable[Datum]:
    """The instances' own data, and those across several, in which every instance's minute is a sample."""
    across: dict[tuple[str, datetime, Dimensions], list[float]] = defaultdict(list)
    for one in told:
        for wanted in _dimensions(one):
            across[one.name, one.at, wanted] += one.values
    for (name, at, wanted), values in across.items():
        datum = samples(NAMESPACE, name, wanted, values, unit=UNITS[name], at=at)
        if datum is not None:
            yield datum


def _dimensions(one: Told) -> Iterable[Dimensions]:
    instance = one.instance
    yield dimensions({"InstanceId": instance.id})
    group = instance.tags.get(GROUP_TAG)
    if group is not None:
        yield dimensions({"AutoScalingGroupName": group})
    if instance.monitored and not one.name.startswith("StatusCheck"):
        yield ()
        yield dimensions({"InstanceType": instance.instance_type})
        yield dimensions({"ImageId": instance.image_id})


async def wires(router: str) -> Mapping[str, Wire]:
    """The counters of every device in a router's namespace.

    Raises:
        EngineError: there is no such router
    """
    return parse_devices(await call_inside(router_netns(router), _read_devices))


def _read_devices() -> str:
    # A thread may be in another network namespace than its process, so it has to ask for its own.
    with open("/proc/thread-self/net/dev") as file:  # noqa: PTH123
        return file.read()


def parse_devices(text: str) -> dict[str, Wire]:
    """proc(5), /proc/net/dev: after the name bytes and packets received, further on (9th, 10th) those sent.

    What the router's end receives, the machine has sent.
    """
    found = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        fields = rest.split()
        if colon and len(fields) >= 10 and fields[0].isdecimal():
            received, sent = (int(fields[0]), int(fields[1])), (int(fields[8]), int(fields[9]))
            found[name.strip()] = Wire(sent[0], sent[1], received[0], received[1])
    return found
