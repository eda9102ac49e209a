"""How actions act on the account's resources, through EC2's own operations and outages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from aftershock.aws.ask import Ask
from aftershock.aws.call import Call
from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.services.fis.outside import Outages, Outside
from aftershock.services.fis.records import API_FAULTS, ApiFault
from aftershock.services.fis.rules import zones
from aftershock.store import Store

from .acting import Act, Effect, Instant, as_role

TERMINATED = ("shutting-down", "terminated")


def states(ask: Ask, call: Call, ids: Sequence[str]) -> Mapping[str, str]:
    """The state of each of these instances, by id; one that is forgotten by now is terminated."""
    filters = [{"Name": "instance-id", "Values": list(ids)}]
    found = ask("ec2", "DescribeInstances", {"Filters": filters}, within=call)
    seen = {one["InstanceId"]: one["State"]["Name"] for group in found["Reservations"] for one in group["Instances"]}
    return {one: seen.get(one, "terminated") for one in ids}


class Reboot(Instant):
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def begin(self, call: Call, act: Act) -> None:
        self._ask("ec2", "RebootInstances", {"InstanceIds": act.ids}, within=call)


class Terminate(Instant):
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def begin(self, call: Call, act: Act) -> None:
        self._ask("ec2", "TerminateInstances", {"InstanceIds": act.ids}, within=call)

    def is_over(self, call: Call, act: Act) -> bool:
        return set(states(self._ask, call, act.ids).values()) <= {"terminated"}


class Stop(Instant):
    """With a duration they are started again, also when the experiment is stopped before."""

    def __init__(self, ask: Ask, store: Store, clock: Clock) -> None:
        self._ask, self._store, self._clock = ask, store, clock

    def begin(self, call: Call, act: Act) -> None:
        self._ask("ec2", "StopInstances", {"InstanceIds": act.ids}, within=call)

    def is_over(self, call: Call, act: Act) -> bool:
        return set(states(self._ask, call, act.ids).values()) <= {"stopped", *TERMINATED}

    def can_end(self, call: Call, act: Act) -> bool:
        return not _starts_again(act) or "stopping" not in states(self._ask, call, act.ids).values()

    def end(self, call: Call, act: Act) -> None:
        """Once and for all: whatever becomes of them after their start is not the experiment's doing."""
        if not _starts_again(act):
            return
        seen = states(self._ask, call, act.ids)
        gone = sorted(one for one, state in seen.items() if state in TERMINATED)
        if gone and act.action.parameters.get("completeIfInstancesTerminated") != "true":
            raise AwsError("IncorrectInstanceState", f"The instances {', '.join(gone)} were terminated meanwhile.")
        if stopped := [one for one, state in seen.items() if state == "stopped"]:
            self._ask("ec2", "StartInstances", {"InstanceIds": stopped}, within=call)

    async def is_lifted(self, act: Act) -> bool:
        if not _starts_again(act):
            return True
        with self._store.transaction() as tx:
            seen = states(self._ask, as_role(tx, act.experiment, self._clock.now()), act.ids)
        return "pending" not in seen.values()


def _starts_again(act: Act) -> bool:
    return "startInstancesAfterDuration" in act.action.parameters


class Outage(Instant):
    """A whole zone."""

    def __init__(self, kind: Literal["power", "network"], ask: Ask, outages: Outages, store: Store) -> None:
        self._kind, self._ask, self._outages, self._store = kind, ask, outages, store

    def begin(self, call: Call, act: Act) -> None:
        known = self._ask("ec2", "DescribeAvailabilityZones", {}, within=call)["AvailabilityZones"]
        for zone in zones.of_action(act.action, known):
            self._outages.begin(call.tx, zone, self._kind, act.cause, call.now)

    async def holds(self, act: Act) -> bool:
        with self._store.snapshot() as tx:
            seen = self._outages.seen(tx, act.cause)
        return seen is None or seen.in_force

    def end(self, call: Call, act: Act) -> None:
        self._outages.end(call.tx, act.cause)

    async def is_lifted(self, act: Act) -> bool:
        with self._store.snapshot() as tx:
            return self._outages.seen(tx, act.cause) is None


class Disrupt(Outage):
    """Subnets."""

    def __init__(self, ask: Ask, outages: Outages, store: Store) -> None:
        super().__init__("network", ask, outages, store)

    def begin(self, call: Call, act: Act) -> None:
        scopes: Mapping[str, Literal["all", "availability-zone", "vpc"]] = {
            "all": "all",
            "availability-zone": "availability-zone",
            "vpc": "vpc",
        }
        for subnet_id in act.ids:
            self._outages.disrupt(call.tx, subnet_id, scopes[act.action.parameters["scope"]], act.cause)


class Fault(Instant):
    """Calls of roles that fail, for as long as there is a record that says so."""

    def __init__(self, kind: Literal["capacity", "throttle", "unavailable", "internal"], ask: Ask) -> None:
        self._kind, self._ask = kind, ask

    def begin(self, call: Call, act: Act) -> None:
        given = act.action.parameters
        known = self._ask("ec2", "DescribeAvailabilityZones", {}, within=call)["AvailabilityZones"]
        fault = ApiFault(
            id=act.cause,
            account=call.account,
            kind=self._kind,
            roles=act.targets,
            percentage=int(given["percentage"]),
            operations=tuple(one.strip() for one in given.get("operations", "").split(",") if one.strip()),
            zones=zones.of_action(act.action, known),
        )
        API_FAULTS.put(call.tx, fault)

    def end(self, call: Call, act: Act) -> None:
        API_FAULTS.forget(call.tx, act.cause)


def effects(outside: Outside, store: Store, clock: Clock, command: Effect) -> Callable[[str], Effect]:
    """The effect of each action, by its id; `command` runs programs in instances."""
    ask, outages = outside.ask, outside.outages
    found: Mapping[str, Effect] = {
        "aftershock:zone:network-isolation": Outage("network", ask, outages, store),
        "aftershock:zone:power-interruption": Outage("power", ask, outages, store),
        "aws:ec2:api-insufficient-instance-capacity-error": Fault("capacity", ask),
        "aws:ec2:reboot-instances": Reboot(ask),
        "aws:ec2:stop-instances": Stop(ask, store, clock),
        "aws:ec2:terminate-instances": Terminate(ask),
        "aws:fis:inject-api-internal-error": Fault("internal", ask),
        "aws:fis:inject-api-throttle-error": Fault("throttle", ask),
        "aws:fis:inject-api-unavailable-error": Fault("unavailable", ask),
        "aws:fis:wait": Instant(),
        "aws:network:disrupt-connectivity": Disrupt(ask, outages, store),
        "aws:ssm:send-command": command,
    }
    return found.__getitem__
