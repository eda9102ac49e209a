"""Waking oneself by the clock, for what goes on as long as the region does.

To ask the loop for it (`Again`) would say that something is not settled yet, and nobody could ever wait until all is.
"""

import asyncio
from collections.abc import Callable

Wake = Callable[[str, str], None]  # the control loop's: a controller's kind, and a key


class Later:
    def __init__(self, wake: Wake, kind: str) -> None:
        self._wake, self._kind = wake, kind
        self._timer: asyncio.TimerHandle | None = None

    def look(self, key: str, *, after_s: float) -> None:
        """Have the key looked at after a while; there is one such while at a time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_s, self._wake, self._kind, key)
