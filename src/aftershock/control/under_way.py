"""Work that takes its time, beside the loop: whoever does not answer keeps nobody else waiting."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any


def _nobody(key: str) -> None:
    pass


class UnderWay:
    """At most one task for each key."""

    def __init__(self, ended: Callable[[str], None] = _nobody) -> None:
        """`ended` is called with the key whenever its task has come to an end of its own, good or bad."""
        self._ended = ended
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, BaseException] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._tasks

    def begin(self, key: str, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Have the work done; while there is some for this key, there is no other."""
        if key not in self._tasks:
            self._failures.pop(key, None)
            task = asyncio.create_task(work(), name=f"{name} {key}")
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._end(key, done))

    def raise_failure(self, key: str) -> None:
        """Raise, once, what the last task of this key failed with."""
        error = self._failures.pop(key, None)
        if error is not None:
            raise error

    async def close(self) -> None:
        """End what is under way.  It is not asked to finish: whatever comes next finds things as they are."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    def _end(self, key: str, task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._failures[key] = error
        self._ended(key)
