"""One at a time for each machine, between controllers of the same control plane."""

import asyncio
from weakref import WeakValueDictionary


class Locks:
    """A lock for each name, for as long as anybody holds or awaits it.

    Starting or stopping a machine and capturing its disk must not meet.  It orders what we do ourselves; what was
    under way in a control plane that died is found, not remembered.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock
