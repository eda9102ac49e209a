"""Bringing a region up: start the ground, then wait until the control plane says that it is ready."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from aftershock.doors.access import Access
from aftershock.doors.own import Health, health
from aftershock.ground import launcher
from aftershock.ground.errors import GroundError

from .errors import Failure
from .place import access_to
from .progress import Progress

ANSWER_TIMEOUT_S = 30.0  # the control plane takes well under a second, unless the machine is very busy
STALLED_TIMEOUT_S = 600.0  # the slowest step, packages over a slow line, shows progress more often than this
SILENCE_S = 1.0  # longer than it takes; from here on say what is waited for
POLL_S = 0.02
SLOW_POLL_S = 0.2  # for what takes longer than a warm start
WARM_S = 3.0
LAST_LINES = 15


def bring_up(settings: launcher.Settings) -> tuple[launcher.Running, Access]:
    """Have a region running and ready, showing what it is at.

    Raises:
        Failure: it did not come up.  A region that was already running is left as it is; one that was started here
            is stopped again, as it is at an interrupt, and its logs stay.
    """
    before = launcher.find(settings.state)
    try:
        region = before or launcher.start(settings)
        wait_ready(region)
        return region, access_to(region)
    except GroundError as error:
        raise Failure(str(error)) from error
    except (Failure, KeyboardInterrupt):
        if before is None:
            stop(settings.state)
        raise


def stop(state: Path) -> None:
    try:
        launcher.stop(state)
    except GroundError as error:
        raise Failure(str(error)) from error


def wait_ready(region: launcher.Running, ask: Callable[[int], Health | None] = health) -> None:
    """Wait until the control plane is ready, as long as it goes on.

    Raises:
        Failure: the region ended, the control plane does not answer, or it has been at the same point for too long.
    """
    began = moved_at = time.monotonic()
    seen: Health | None = None
    with Progress() as progress:
        while True:
            now = ask(region.ports["api"])
            if now is not None and now.ready:
                return
            if now is not None and now != seen:
                seen, moved_at = now, time.monotonic()
                progress.show(now.phase or "starting", now.fraction)
            elif seen is None and time.monotonic() - moved_at > SILENCE_S:
                progress.show("waiting for the control plane to answer", 0.0)
            if not region.lives:
                raise Failure(f"the region ended while it was coming up.\n{last_words(region.state, 'launcher')}")
            limit_s = ANSWER_TIMEOUT_S if seen is None else STALLED_TIMEOUT_S
            if time.monotonic() - moved_at > limit_s:
                at = f"has been at {seen.phase!r} for {limit_s:.0f} s" if seen else f"is silent after {limit_s:.0f} s"
                raise Failure(f"the control plane {at}.\n{last_words(region.state, 'control')}")
            time.sleep(POLL_S if time.monotonic() - began < WARM_S else SLOW_POLL_S)


def last_words(state: Path, name: str) -> str:
    file = state / "logs" / f"{name}.log"
    try:
        with file.open(errors="replace") as lines:
            return f"The end of {file}:\n{''.join(deque(lines, LAST_LINES))}".rstrip()
    except OSError as error:
        return f"{file} does not say why: {error.strerror}"
