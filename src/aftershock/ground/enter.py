"""Runs one program in a region's namespaces without a region: `python -m aftershock.ground.enter --state DIR -- CMD`.

For tests of engines and for looking around.  There is no control plane, no door and no resolver; everything else is
as in a region.  What the program leaves running ends with it.
"""

import argparse
import contextlib
import os
import select
import signal
import sys
from pathlib import Path

from . import cgroups, identity, namespaces, slirp
from .errors import GroundError
from .paths import INSIDE_CACHE, INSIDE_STATE, SBIN, cache_home, needed, source_root
from .signals import Signals
from .supervise import Child


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m aftershock.ground.enter", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the region's directory; made if it is not there")
    parser.add_argument("--cache", type=Path, default=cache_home(), help="what regions share (default: %(default)s)")
    parser.add_argument("--egress", action="store_true", help="connect it to the outside, through slirp4netns")
    parser.add_argument("command", nargs="+", metavar="CMD", help="the program and its arguments, after --")
    options = parser.parse_args(arguments)
    try:
        return enter(options.command, options.state.resolve(), options.cache.resolve(), egress=options.egress)
    except GroundError as error:
        print(f"aftershock: {error}", file=sys.stderr)
        return 125  # as env(1) and docker run say: the fault is ours, not the program's


def enter(command: list[str], state: Path, cache: Path, *, egress: bool) -> int:
    """Run a program to its end, with our own standard streams, and return its exit status as a shell would.

    Raises:
        GroundError: the host does not allow it; nothing is left behind.
    """
    signals = Signals(signal.SIGTERM, signal.SIGHUP)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program gets it too, being of our process group
    ids = identity.of_caller(state, cache)
    identity.make_own([state, cache, state / "tmp", state / "home"], ids)
    lent = cgroups.lend(state, ids)
    init = slirp_process = None
    try:
        init, status = _start_keeper(command, state, cache, ids, lent, egress=egress)
        with os.fdopen(status) as said:
            namespaces.expect(said, "prepared")
            if egress:
                slirp_process = slirp.start(init.pid, log=state / "slirp4netns.log")
            os.write(init.lifeline, b"\n")
            namespaces.expect(said, "started")
        return _wait(init.pid, signals)
    except BaseException:
        if init is not None:
            os.kill(init.pid, signal.SIGKILL)
            os.waitpid(init.pid, 0)
        raise
    finally:
        if slirp_process:
            slirp_process.end()
        namespaces.remove_cgroups(lent, ids)


def _wait(keeper: int, signals: Signals) -> int:
    """The keeper's exit status; who asks us to end asks it."""
    told = False
    while True:
        signals.clear()
        pid, status = os.waitpid(keeper, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if signals.ending and not told:
            os.kill(keeper, signal.SIGTERM)
            told = True
        select.select([signals.fd], [], [])


def _start_keeper(
    command: list[str],
    state: Path,
    cache: Path,
    ids: identity.Identity,
    lent: list[cgroups.Lent],
    *,
    egress: bool,
) -> tuple[namespaces.Init, int]:
    inside = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:{SBIN}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(source_root()), os.environ.get("PYTHONPATH")])),
        "HOME": str(INSIDE_STATE / "home"),
        "TMPDIR": str(INSIDE_STATE / "tmp"),
        "AFTERSHOCK_CACHE": str(INSIDE_CACHE),
        "AFTERSHOCK_INSIDE": "1",
    }
    status, status_fd = os.pipe()
    orders = {
        "state": str(state),
        "cache": str(cache),
        "nameserver": slirp.NAMESERVER,
        "status_fd": status_fd,
        "private_tmp": False,  # the program may well have been given files there
        "needed": [],
        "ground": {"cgroups": [one.json() for one in lent], "egress": egress, "pace": 1.0, "doors": {}},
        "children": [Child("command", tuple(command), inside, essential=True).json()],
    }
    try:
        init = namespaces.start_keeper(
            orders,
            ids=ids,
            lent=lent,
            needed=[state, cache, Path.cwd(), *needed()],
            keep_fds=[status_fd],
            cwd=Path.cwd(),
        )
    except BaseException:
        os.close(status)
        raise
    finally:
        os.close(status_fd)
    return init, status


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
