"""Brings balancer nodes to their specs, and says what they see."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aftershock.engines.balancer import node, render, spec
from aftershock.engines.balancer.spec import NodeSpec, Observed, Target
from aftershock.engines.errors import EngineError
from aftershock.engines.images import Images, LayerRecipe, tree
from aftershock.engines.machines import Bind, Machines, MachineSpec
from aftershock.engines.machines.machines import GROUND
from aftershock.engines.volumes import Volumes

RUNTIME_ROOT = Path("/run/aftershock/runc-balancers")  # apart from other machines: nobody else may count them as theirs
LAYER = LayerRecipe("haproxy", ("haproxy",))
PROGRAM = "/usr/lib/aftershock/balancer"
SHARED = "/run/balancer"
ANSWER_TIMEOUT_S = 45.0  # a check of a large configuration, a reload and what it waits for
CONNECT_EVERY_S = 0.01
STOP_GRACE_S = 2.0


class _EndedError(EngineError):
    """The node ended while it was asked."""


class Balancers:
    """The balancer nodes of one region.  It remembers nothing between calls; a node outlives us.

    Machines have names of their own here; a node of the name n has a directory state/balancers/shared/n with what is
    wanted of it and the socket at which it answers.
    """

    def __init__(self, state: Path, cache: Path, *, ground: Path = GROUND, runtime_root: Path = RUNTIME_ROOT) -> None:
        home = state / "balancers"
        self._shared = home / "shared"
        self._images = Images(home, cache)
        self._volumes = Volumes(home, self._images)
        self.machines = Machines(home, self._images, self._volumes, ground=ground, runtime_root=runtime_root)

    async def prepare(self) -> tuple[str, ...]:
        """The layers of a node's disk, built if need be (the base image takes long); the lowest first."""
        top = await self._images.ensure_layer(LAYER)
        return (self._images.base_name(), top.name)

    async def list(self) -> set[str]:
        """Every node that was ever begun and not removed, running or not."""
        return await self.machines.names()

    async def ensure(self, wanted: NodeSpec) -> None:
        """Have a node that does exactly this.  Any number of calls end in the same place.

        On return HAProxy runs with the listeners and servers of the spec.  Servers come, drain and go without a
        reload; anything else is a reload that drops no connection.  A node that does not run is started, with the
        health that it knew.

        Raises:
            EngineError: it cannot be meant, or the node refuses it, in HAProxy's own last words, and goes on with
                what it did before.
        """
        spec.check(wanted)
        told = render.wanted(wanted)
        shared = self._shared / wanted.name
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = shared / "wanted.json~"
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(told))
        beside.rename(shared / "wanted.json")
        await self._run(wanted, shared)
        answer = await self._ask(wanted.name, "apply")
        if answer["applied"] != told["hash"]:
            problem = answer["problem"] or "somebody else told it something else"
            raise EngineError(f"balancer {wanted.name} goes on as before: {problem}")

    async def observe(self, name: str) -> Observed | None:
        """What the node sees now; None if it does not run.

        Raises:
            EngineError: it runs, and does not answer.
        """
        if name not in await self.machines.list():
            return None
        try:
            said = await self._ask(name, "observe")
        except _EndedError:
            return None
        return Observed(
            name=name,
            applied=said["applied"],
            problem=said["problem"],
            ports=frozenset(said["ports"]),
            targets=tuple(Target(**target) for target in said["targets"]),
            counters=said["counters"],
            times={key: {int(ms): count for ms, count in times.items()} for key, times in said["times"].items()},
            open=said["open"],
            since=said["since"],
        )

    async def remove(self, name: str) -> None:
        """Leave nothing of a node.  Removing what is not there is no error."""
        await self.machines.stop(name, STOP_GRACE_S)
        await self.machines.remove(name)
        await self._volumes.remove(name)
        await tree.remove(self._shared / name)

    async def _run(self, wanted: NodeSpec, shared: Path) -> None:
        if wanted.name in await self.machines.list():
            return
        layers = await self.prepare()
        await self._volumes.ensure(wanted.name, source=None)
        place = wanted.place
        await self.machines.ensure(
            MachineSpec(
                name=wanted.name,
                hostname=place.hostname,
                layers=layers,
                volume=wanted.name,
                netns=place.netns,
                nameserver="127.0.0.1",  # a node asks for no names: its servers have addresses
                search="",
                cpus=place.cpus,
                memory_mib=place.memory_mib,
                files=_program(),
                mounts=(Bind(str(shared), SHARED),),
                init=("/usr/bin/python3", "-I", "-B", PROGRAM),
            )
        )

    async def _ask(self, name: str, question: str) -> dict[str, Any]:
        """The node's answer; a node that has just been started listens a moment later."""
        socket = self._shared / tree.require_name(name) / "control.sock"
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while True:
                    try:
                        return await _exchange(socket, question)
                    except OSError as error:
                        if name not in await self.machines.list():
                            words = self.machines.console(name).decode(errors="replace").strip()[-500:]
                            raise _EndedError(f"balancer {name} has ended: {words}") from error
                        await asyncio.sleep(CONNECT_EVERY_S)
        except TimeoutError:
            raise EngineError(f"balancer {name} does not answer within {ANSWER_TIMEOUT_S} s") from None


async def _exchange(socket: Path, question: str) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(str(socket), limit=1 << 24)
    try:
        writer.write(question.encode() + b"\n")
        line = await reader.readline()
        if not line:
            raise ConnectionResetError("it hung up")
        return dict(json.loads(line))
    finally:
        writer.close()


def _program() -> dict[str, bytes]:
    """The node's own program, as files in it."""
    assert node.__file__
    sources = Path(node.__file__).parent.glob("*.py")
    files = {f"{PROGRAM}/node/{source.name}": source.read_bytes() for source in sources}
    return {**files, f"{PROGRAM}/__main__.py": b"from node.main import main\n\nmain()\n"}
