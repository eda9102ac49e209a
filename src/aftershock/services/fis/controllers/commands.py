"""Faults inside instances: a process that takes the processor, a port that swallows packets."""

from aftershock.aws.ask import Ask
from aftershock.aws.call import Call
from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.engines.errors import EngineError
from aftershock.engines.machines import Machines, Observed
from aftershock.engines.network import Network
from aftershock.services.fis.rules.documents import BlackholePort, Command, CpuStress, command

from .acting import Act, Instant
from .effects import states

TIMEOUT_S = 30.0
# Busy for its share of every tenth of a second, in as many processes as there are to be.
STRESS = """
import os, sys, time
workers, share = int(sys.argv[1]) or len(os.sched_getaffinity(0)), int(sys.argv[2]) / 1000
for _ in range(workers - 1):
    if os.fork() == 0:
        break
while True:
    until = time.monotonic() + share
    while time.monotonic() < until:
        pass
    time.sleep(0.1 - share)
"""


class Commands(Instant):
    """Machines end a stress by themselves when its time is over, whether or not anybody is there to take it back."""

    def __init__(self, ask: Ask, clock: Clock, machines: Machines, network: Network) -> None:
        self._ask, self._clock, self._machines, self._network = ask, clock, machines, network

    def begin(self, call: Call, act: Act) -> None:
        absent = sorted(one for one, state in states(self._ask, call, act.ids).items() if state != "running")
        if absent:
            # As Systems Manager says of instances that it cannot reach.
            raise AwsError("InvalidInstanceId", f"Instances [[{', '.join(absent)}]] not in a valid state for account")

    async def holds(self, act: Act) -> bool:
        found = command(act.action.parameters)
        try:
            for instance_id in act.ids:
                await self._inject(found, instance_id, act.cause)
        except EngineError:
            await self.is_lifted(act)  # what has failed in one instance is not to go on in the others
            raise
        return True

    async def is_lifted(self, act: Act) -> bool:
        found = command(act.action.parameters)
        for instance_id in act.ids:
            match found:
                case BlackholePort():
                    await self._network.remove_blackhole(instance_id, act.cause)
                case CpuStress():
                    await self._stop(instance_id, unit(act))
        return True

    async def _inject(self, found: Command, instance_id: str, cause: str) -> None:
        match found:
            case BlackholePort(blackhole=hole):
                await self._network.ensure_blackhole(instance_id, cause, hole)
            case CpuStress():
                name = f"{cause}.service"
                start = [
                    "systemd-run",
                    "--quiet",
                    "--collect",
                    f"--unit={name}",
                    f"--property=RuntimeMaxSec={self._clock.paced(found.lasts_s):.3f}",
                    "/usr/bin/python3",
                    "-c",
                    STRESS,
                    str(found.workers),
                    str(found.load_percent),
                ]
                once = ["sh", "-c", 'systemctl is-active -q "$0" || exec "$@"', name, *start]
                await self._machines.run_inside(instance_id, once, timeout_s=TIMEOUT_S)

    async def _stop(self, instance_id: str, name: str) -> None:
        """In a machine that does not run, nothing of it is left."""
        if isinstance(await self._machines.observe(instance_id), Observed):
            gone = ["sh", "-c", 'systemctl stop "$0" 2>/dev/null; ! systemctl is-active -q "$0"', name]
            await self._machines.run_inside(instance_id, gone, timeout_s=TIMEOUT_S)


def unit(act: Act) -> str:
    return f"{act.cause}.service"
