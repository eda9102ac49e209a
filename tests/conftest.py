"""What every kind of test uses."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, within_s: float = 20.0, every_s: float = 0.02) -> T:
    """Call `check` until it returns without an AssertionError; after `within_s`, let the last one out."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(every_s)
