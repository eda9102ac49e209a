"""Keys, wake-ups, backoff and reasons.

A controller is told which key to look at, never what happened to it.  One key is looked at by one task at a time;
a key woken meanwhile is looked at once more.  A controller that fails is asked again, later and later.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from aftershock.store import Change

from .turns import Turns

log = logging.getLogger(__name__)

RESYNC_S = 30.0  # every key is looked at this often, whatever the wake-ups say
BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 30.0
IN_A_ROW = 200  # keys woken before somebody else has a turn
AT_ONCE = 8  # reconciliations in flight; each mostly waits for programs that it started


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do until somebody wakes the key."""

    reason: str


@dataclass(frozen=True, slots=True)
class Again:
    """Something is still to come that announces itself to nobody: look again after a while."""

    reason: str
    after_s: float


Outcome = Done | Again


class Controller(Protocol):
    kind: str

    async def keys(self) -> set[str]:
        """Every record, *and* everything that exists without one."""
        ...

    def concerned(self, change: Change) -> Iterable[str]:
        """The keys to look at after this change; other tables' changes concern nobody."""
        ...

    async def reconcile(self, key: str) -> Outcome:
        """Read what is wanted, observe what is, act on the difference, record what was observed."""
        ...


def backoff_s(failures: int) -> float:
    """How long to wait after so many failures in a row: doubling, from `BACKOFF_MIN_S` to `BACKOFF_MAX_S`."""
    doublings = min(failures - 1, 16)
    return min(BACKOFF_MIN_S * float(2**doublings), BACKOFF_MAX_S)


@dataclass(slots=True)
class _Key:
    running: bool = False
    woken: bool = False
    failures: int = 0
    timer: asyncio.TimerHandle | None = None


class Loop:
    def __init__(self, *controllers: Controller, resync_s: float = RESYNC_S) -> None:
        self._controllers: dict[str, Controller] = {}
        self.add(*controllers)
        self._resync_s = resync_s
        self._keys: dict[tuple[str, str], _Key] = {}
        self._turns = Turns(AT_ONCE)
        self._group: asyncio.TaskGroup | None = None
        self.reasons: dict[tuple[str, str], str] = {}  # (kind, key) -> what was last decided, in one sentence

    def add(self, *controllers: Controller) -> None:
        """More controllers, some of which may need the loop to be made; before it runs."""
        self._controllers |= {controller.kind: controller for controller in controllers}

    def changed(self, changes: frozenset[Change]) -> None:
        """Wake whom these changes concern; give it to `Store.after_commit`."""
        for controller in self._controllers.values():
            for change in changes:
                for key in controller.concerned(change):
                    self.wake(controller.kind, key)

    def wake(self, kind: str, key: str) -> None:
        """Have the key looked at soon; any number of calls before that are one."""
        if self._group is None:
            return  # not running yet: the first resync looks at everything
        state = self._keys.setdefault((kind, key), _Key())
        if state.timer is not None:
            state.timer.cancel()
            state.timer = None
        state.woken = True
        if not state.running:
            state.running = True
            self._group.create_task(self._look(kind, key, state), name=f"{kind} {key}")

    @property
    def idle(self) -> bool:
        """Whether nobody is looking at anything just now."""
        return not any(state.running for state in self._keys.values())

    def due(self) -> dict[tuple[str, str], str]:
        """What is not settled: keys that run, failed, or asked to be looked at again soon, with their reasons."""
        return {
            pair: self.reasons.get(pair, "not looked at yet")
            for pair, state in self._keys.items()
            if state.running or state.failures or state.timer is not None
        }

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    await self.resync()
                    await asyncio.sleep(self._resync_s)
        finally:
            self._group = None  # a timer that is still to come wakes nobody

    async def resync(self) -> None:
        """Wake every key of every controller."""
        for controller in self._controllers.values():
            try:
                keys = await controller.keys()
            except Exception:
                log.exception("keys of %s cannot be listed", controller.kind)
                continue
            self._forget_reasons(controller.kind, keys)
            for number, key in enumerate(sorted(keys), start=1):
                self.wake(controller.kind, key)
                if number % IN_A_ROW == 0:
                    await asyncio.sleep(0)  # however many there are: requests are answered in between

    def _forget_reasons(self, kind: str, keys: set[str]) -> None:
        """Of what is no more: there is always something new, and it would be remembered for ever."""
        for pair in [one for one in self.reasons if one[0] == kind and one[1] not in keys and one not in self._keys]:
            del self.reasons[pair]

    async def _look(self, kind: str, key: str, state: _Key) -> None:
        try:
            while state.woken:
                state.woken = False
                async with self._turns.of(kind):
                    await asyncio.sleep(0)  # however many keys there are: requests are answered in between
                    again_s = await self._reconcile(kind, key, state)
                if again_s is not None and not state.woken:
                    state.timer = asyncio.get_running_loop().call_later(again_s, self.wake, kind, key)
        finally:
            state.running = False
        if state.timer is None:
            self._keys.pop((kind, key), None)

    async def _reconcile(self, kind: str, key: str, state: _Key) -> float | None:
        """Look once; return when to look again by the clock, if at all."""
        try:
            outcome = await self._controllers[kind].reconcile(key)
        except Exception as error:
            state.failures += 1
            # An engine's error is a reason like any other, and so is a disk that has no room for a record; anything
            # else is a bug, and is shown whole.
            expected = hasattr(error, "retryable") or isinstance(error, sqlite3.OperationalError)
            self._say(kind, key, str(error) or repr(error), level=logging.WARNING)
            if not expected:
                log.exception("%s %s failed", kind, key)
            return backoff_s(state.failures)
        state.failures = 0
        self._say(kind, key, outcome.reason)
        return outcome.after_s if isinstance(outcome, Again) else None

    def _say(self, kind: str, key: str, reason: str, *, level: int = logging.INFO) -> None:
        if self.reasons.get((kind, key)) != reason:
            self.reasons[kind, key] = reason
            log.log(level, "%s %s: %s", kind, key, reason)
