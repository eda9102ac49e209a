"""The process that stays on the host beside a region, as its parent: `python -m aftershock.ground.parent FD`.

It holds what the region cannot hold itself: the lock of the state directory, the region's lifeline, its cgroups and
its way out.  When the region ends, for whatever reason, it removes what is left and ends too; when it is killed, the
region dies, and the next `start` or `stop` removes what is left.
"""

import json
import math
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from . import cgroups, identity, namespaces, paths, record, slirp
from .errors import GroundError, explain
from .logs import BoundedLog
from .processes import Process
from .signals import Signals
from .supervise import Child

RESOLVER = "169.254.169.253"  # AWS: "the Route 53 Resolver … is located at 169.254.169.253"
KEEPER_END_TIMEOUT_S = 8.0
LOOK_EVERY_S = 2.0


class Parent:
    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders = orders
        self.state, self.cache = Path(orders["state"]), Path(orders["cache"])
        self.logs = self.state / "logs"
        # Not among the region's own logs: there the region's root decides what a name means, and we may be root.
        self.run = record.run_directory(self.state)
        self.log = BoundedLog(self.run / "launcher.log")
        self.ids: identity.Identity | None = None
        self.lent: list[cgroups.Lent] = []
        self.aside: Path | None = None
        self.init: namespaces.Init | None = None
        self.way_out: slirp.WayOut | None = None
        # Whoever ends us while the region still comes up is heard when it has.
        self.signals = Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        self.kill_at: float | None = None
        self.abandoned = False

    def start(self) -> None:
        """Bring the region up, as far as its programs being started."""
        ids = self.ids = identity.of_caller(self.state, self.cache)
        identity.make_own([self.state, self.cache, self.logs], ids)
        self.aside = cgroups.step_aside(self.state, ids)
        self.lent = cgroups.lend(self.state, ids)
        record.write_cgroups(self.state, self.lent)
        status, status_fd = os.pipe()
        with os.fdopen(status) as said:
            try:
                self.init = self._enter(ids, status_fd)
            finally:
                os.close(status_fd)
            namespaces.expect(said, "prepared")
            if self.orders["egress"]:
                self.way_out = slirp.WayOut(self.init.pid, self.run / "slirp4netns.log")
            os.write(self.init.lifeline, b"\n")
            namespaces.expect(said, "started")
        record.write(self._running(self.init.pid))

    def stay(self) -> None:
        """Wait until the region ends, or until told to end it; keep its way out open meanwhile."""
        while True:
            self.signals.clear()
            now = time.monotonic()
            self._bury(now)
            if self.init is None:
                return
            if self.signals.ending or self._state_has_gone():
                wait_s = self._press(self.init.pid, now)
            else:
                wait_s = min(self._keep_connected(now), LOOK_EVERY_S)
            select.select([self.signals.fd], [], [], wait_s)

    def leave_nothing(self) -> None:
        """Remove all of the region from the host but its state; any number of calls end in the same place."""
        if self.init is not None:
            os.kill(self.init.pid, signal.SIGKILL)
            os.waitpid(self.init.pid, 0)
            self.init = None
        if self.way_out is not None:
            self.way_out.end()
        if self.ids is not None:
            namespaces.remove_cgroups(self.lent, self.ids)
        cgroups.step_back(self.aside)
        if not self.abandoned:  # another region may be there by now
            record.forget(self.state)

    def _bury(self, now: float) -> None:
        """Reap who has died, and take note of it."""
        while self.init is not None:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.init.pid:
                self._say(f"the keeper has ended ({os.waitstatus_to_exitcode(status)})")
                self.init = None
            elif self.way_out is not None and (said := self.way_out.died(pid, now)) is not None:
                self._say(said)

    def _press(self, keeper: int, now: float) -> float:
        """Ask the keeper to end, and kill it when its time is up; the seconds to wait for that."""
        if self.kill_at is None:
            os.kill(keeper, signal.SIGTERM)
            self.kill_at = now + KEEPER_END_TIMEOUT_S
        if now >= self.kill_at:
            os.kill(keeper, signal.SIGKILL)
            self.kill_at = now + KEEPER_END_TIMEOUT_S
        return self.kill_at - now

    def _state_has_gone(self) -> bool:
        """Whether the state directory was removed or moved: no command would ever find this region again."""
        if not self.abandoned and not record.locked_by(self.state, self.orders["lock_fd"]):
            self.abandoned = True
            self._say(f"{self.state} is not there any more: the region ends")
        return self.abandoned

    def _keep_connected(self, now: float) -> float:
        """The seconds until there may be something to do for the way out."""
        if self.way_out is None:
            return math.inf
        wait_s, said = self.way_out.start_due(now)
        if said is not None:
            self._say(said)
        return math.inf if wait_s is None else wait_s

    def _enter(self, ids: identity.Identity, status_fd: int) -> namespaces.Init:
        doors = {name: door["fd"] for name, door in self.orders["doors"].items()}
        orders = {
            "state": str(self.state),
            "cache": str(self.cache),
            "nameserver": RESOLVER,
            "status_fd": status_fd,
            "private_tmp": True,
            "needed": [str(path) for path in paths.needed()],
            "ground": {
                "cgroups": [one.json() for one in self.lent],
                "egress": self.orders["egress"],
                "pace": self.orders["pace"],
                "doors": doors,
            },
            "children": [self._child(program).json() for program in self.orders["programs"]],
        }
        return namespaces.start_keeper(
            orders,
            ids=ids,
            lent=self.lent,
            needed=[self.state, self.cache, *paths.needed()],
            keep_fds=[status_fd, *doors.values()],
            cwd=Path("/"),
        )

    def _child(self, program: dict[str, Any]) -> Child:
        env = {
            "PATH": paths.PATH,
            "LANG": "C.UTF-8",
            "HOME": "/root",
            "PYTHONPATH": str(paths.source_root()),
            # Compiled once: our own source can be written by nobody in the region, and often by nobody at all.
            "PYTHONPYCACHEPREFIX": str(paths.INSIDE_BYTECODE),
            "PYTHONUNBUFFERED": "1",
            **{name: value for name, value in os.environ.items() if name.startswith("AFTERSHOCK_")},
        }
        log = str(paths.INSIDE_STATE / "logs" / f"{program['name']}.log")
        return Child(program["name"], tuple(program["argv"]), env, tuple(program["fds"]), log)

    def _running(self, keeper: int) -> record.Running:
        return record.Running(
            state=self.state,
            cache=self.cache,
            launcher=Process.of(os.getpid()),
            keeper=Process.of(keeper),
            egress=self.orders["egress"],
            pace=self.orders["pace"],
            ports={name: door["port"] for name, door in self.orders["doors"].items()},
            cgroups=tuple(self.lent),
        )

    def _say(self, text: str) -> None:
        self.log.write(f"{time.strftime('%FT%TZ', time.gmtime())} {text}\n".encode())


def main(orders_fd: int) -> int:
    with os.fdopen(orders_fd) as file:
        orders = json.load(file)
    os.set_inheritable(orders["lock_fd"], False)  # held open, and so locked, until we end
    os.set_inheritable(orders["report_fd"], False)
    os.umask(0o022)
    parent = Parent(orders)
    try:
        parent.start()
    except (GroundError, OSError) as error:
        reason = explain(error, parent.state) if isinstance(error, OSError) else str(error)
        parent.leave_nothing()
        os.write(orders["report_fd"], f"{reason}\n".encode())
        return 1
    os.write(orders["report_fd"], b"started\n")
    os.close(orders["report_fd"])
    for door in orders["doors"].values():
        os.close(door["fd"])  # the region's own programs have them; when it ends, so do the doors
    parent.stay()
    parent.leave_nothing()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
