"""A ground for controllers without a kernel: what engines would have, kept in memory.

It stands at the engines' interface and nowhere else.  The engines have their own tests with real machines; here it is
only asked what a controller does about what it finds.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aftershock.engines.errors import EngineError
from aftershock.engines.images import LayerInfo, Progress
from aftershock.engines.machines import Ended, Exit, MachineSpec, Observed
from aftershock.engines.network import Barrier

BASE = "base-0123456789abcdef"


@dataclass
class Ground:
    """What is there.  It outlives controllers, as the kernel does."""

    now: Callable[[], float]
    running: dict[str, Observed] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)
    volumes: set[str] = field(default_factory=set)
    layers: set[str] = field(default_factory=lambda: {BASE})
    captured_running: list[str] = field(default_factory=list)  # layers taken from a machine that was not held still
    specs: dict[str, MachineSpec] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    frozen: set[str] = field(default_factory=set)
    pids: Any = field(default_factory=lambda: itertools.count(100))
    unstartable: set[str] = field(default_factory=set)
    silent: dict[str, frozenset[str]] = field(default_factory=dict)  # each router's zones that are cut
    barriers: dict[str, frozenset[Barrier]] = field(default_factory=dict)

    def end(self, name: str, cause: Any, *, seen: bool = True) -> None:
        """The machine ends, as by itself or by a kill from outside; nobody may be left to see it."""
        self.running.pop(name)
        code = {"poweroff": 130, "reboot": 129, "killed": 137}[cause]
        self.ended[name] = Ended(name, Exit(cause, code, self.now()) if seen else Exit("killed", None, None))
        self.frozen.discard(name)

    def power_cut(self) -> None:
        for name in list(self.running):
            self.end(name, "killed", seen=False)


class Machines:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    @property
    def running(self) -> Mapping[str, Observed]:
        return self._ground.running

    def lose_power(self, name: str) -> None:
        self._ground.end(name, "killed")

    async def names(self) -> set[str]:
        return {*self._ground.running, *self._ground.ended}

    async def observe(self, name: str) -> Observed | Ended | None:
        return self._ground.running.get(name) or self._ground.ended.get(name)

    async def ensure(self, spec: MachineSpec) -> None:
        if spec.name in self._ground.running:
            return
        if spec.name in self._ground.unstartable:
            raise EngineError("no such thing", retryable=False)
        assert spec.volume in self._ground.volumes
        assert set(spec.layers) <= self._ground.layers
        for other in self._ground.specs.values():
            assert other.name == spec.name or other.volume != spec.volume
        self._ground.running[spec.name] = Observed(spec.name, next(self._ground.pids), self._ground.now(), spec.hash)
        self._ground.ended.pop(spec.name, None)
        self._ground.specs[spec.name] = spec
        self._ground.starts.append(spec.name)

    async def stop(self, name: str, grace_s: float) -> None:
        if name in self._ground.running:
            self._ground.end(name, "poweroff")

    async def kill(self, name: str) -> None:
        if name in self._ground.running:
            self._ground.end(name, "killed")

    async def remove(self, name: str) -> None:
        await self.kill(name)
        self._ground.ended.pop(name, None)
        self._ground.specs.pop(name, None)

    async def watch(self, pid: int) -> None:
        while any(observed.pid == pid for observed in self._ground.running.values()):
            await asyncio.sleep(0.001)

    def thaw(self, name: str) -> None:
        self._ground.frozen.discard(name)

    @asynccontextmanager
    async def frozen(self, name: str) -> AsyncIterator[None]:
        self._ground.frozen.add(name)
        try:
            yield
        finally:
            self.thaw(name)


async def strike(doomed: Iterable[tuple[Any, str]]) -> tuple[frozenset[str], float]:
    """As the engine's: all that run of these end at once."""
    struck = [(machines, name) for machines, name in doomed if name in machines.running]
    for machines, name in struck:
        machines.lose_power(name)
    return frozenset(name for _, name in struck), 0.0


class Routers:
    """What stands between machines."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def set_zones_cut(self, router: str, zones: Iterable[str]) -> None:
        self._ground.silent[router] = frozenset(zones)

    async def set_barriers(self, router: str, barriers: Iterable[Barrier]) -> None:
        self._ground.barriers[router] = frozenset(barriers)


class Volumes:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def list(self) -> set[str]:
        return set(self._ground.volumes)

    async def ensure(self, name: str, *, source: str | None) -> None:
        assert source is None
        self._ground.volumes.add(name)

    async def capture(self, name: str, layer: str) -> LayerInfo:
        for spec in self._ground.specs.values():
            if spec.volume == name and spec.name in self._ground.running and spec.name not in self._ground.frozen:
                self._ground.captured_running.append(layer)
        if name not in self._ground.volumes:
            raise EngineError(f"there is no volume {name}", retryable=False)
        self._ground.layers.add(layer)
        return LayerInfo(layer, Path("/"), 1)

    async def remove(self, name: str) -> None:
        for spec in self._ground.specs.values():
            assert spec.volume != name or spec.name not in self._ground.running, "a running machine's disk"
        self._ground.volumes.discard(name)


class Images:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def base_name(self) -> str:
        return BASE

    async def list(self) -> set[str]:
        return set(self._ground.layers)

    async def observe(self, layer: str) -> LayerInfo | None:
        return LayerInfo(layer, Path("/"), 1) if layer in self._ground.layers else None

    async def ensure_base(self, tell: Callable[[Progress], None] | None = None) -> LayerInfo:
        if tell:
            tell(Progress("unpacking", 0.5))
        self._ground.layers.add(BASE)
        return LayerInfo(BASE, Path("/"), 1)

    async def remove(self, layer: str) -> None:
        for spec in self._ground.specs.values():
            assert layer not in spec.layers or spec.name not in self._ground.running, "a running machine's layer"
        self._ground.layers.discard(layer)
