"""Signals as something to wait for beside other things, instead of something that interrupts."""

import contextlib
import os
import signal

READ = 4096


class Signals:
    """From its making on, the signals that end a process only set `ending`, and those and dead children wake `fd`."""

    def __init__(self, *to_end: signal.Signals) -> None:
        self.ending = False
        self.fd, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in to_end:
            signal.signal(number, self._end)

    def clear(self) -> None:
        """To be called before looking at what may have happened, so that nothing after the look goes unnoticed."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, READ)

    def _end(self, *_: object) -> None:
        self.ending = True
