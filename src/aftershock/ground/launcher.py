"""Starts, finds and stops a region from the host: `start`, `find`, `stop`.

The process that then stays beside the region is `parent`; this module is what the command line calls.
"""

import contextlib
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import cgroups, identity, namespaces, paths, record, requirements, slirp
from .errors import GroundError, explain
from .record import Running

LOOPBACK = "127.0.0.1"
ENDPOINTS = "198.18.0.2"  # where the API answers inside the region; as in wiring.py
PASSED_ON = ("USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # systemd-run finds the user's manager by them
SETTINGS = ("AFTERSHOCK_MIRROR",)  # what a user may tell the control plane by the environment
BACKLOG = 1024  # who connects before the control plane is up waits in this queue
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
LAST_WORDS = 500  # characters
KILL_TIMEOUT_S = 10.0

__all__ = ["GroundError", "Program", "Running", "Settings", "find", "start", "stop"]


@dataclass(frozen=True, slots=True)
class Program:
    """A process that the keeper keeps running; an argument `{api}` stands for the descriptor of that door."""

    name: str
    argv: tuple[str, ...]
    doors: tuple[str, ...] = ()  # whose listening sockets it inherits


@dataclass(frozen=True, slots=True)
class Settings:
    state: Path
    cache: Path = field(default_factory=paths.cache_home)
    api_port: int = 4566  # 0: any free one
    socks_port: int = 1080
    dns_port: int = 1053
    console_port: int = 4567
    doors: Mapping[str, int] = field(default_factory=dict)  # more doors of the control plane, by name
    egress: bool = True
    pace: float = 1.0
    programs: tuple[Program, ...] | None = None  # None: the real ones

    def ports(self) -> dict[str, int]:
        own = {"api": self.api_port, "socks": self.socks_port, "dns": self.dns_port, "console": self.console_port}
        return {**own, **self.doors}


def programs(settings: Settings) -> tuple[Program, ...]:
    """What runs in a region: the control plane, its resolver of names, the door into its network, and the console."""
    python = (sys.executable, "-m")
    places = ("--state", str(paths.INSIDE_STATE), "--cache", str(paths.INSIDE_CACHE))
    own_doors = ("api", *settings.doors)
    door_arguments = [argument for door in own_doors for argument in (f"--{door}-fd", f"{{{door}}}")]
    return (
        Program("control", (*python, "aftershock.region", *door_arguments, *places), own_doors),
        Program(
            "resolver", (*python, "aftershock.engines.resolver", *_resolver_arguments(settings)), ("dns", "dns-udp")
        ),
        Program("doors", (*python, "aftershock.ground.socks", "--fd", "{socks}"), ("socks",)),
        Program("console", (*python, "aftershock.console", *_console_arguments(settings)), ("console",)),
    )


def _console_arguments(settings: Settings) -> tuple[str, ...]:
    # It asks where code on an instance asks, over HTTP: the API's door is on the host, and not in here.
    asked = ("--endpoint", f"http://{ENDPOINTS}", "--pace", str(settings.pace))
    places = ("--state", str(paths.INSIDE_STATE), "--place", str(settings.state.resolve()))
    return "--fd", "{console}", *places, *asked


def _resolver_arguments(settings: Settings) -> tuple[str, ...]:
    snapshot = str(paths.INSIDE_STATE / "resolver" / "snapshot.json")
    upstream = ("--upstream", slirp.NAMESERVER) if settings.egress else ()
    return "--snapshot", snapshot, "--own-address", "--tcp-fd", "{dns}", "--udp-fd", "{dns-udp}", *upstream


def start(settings: Settings) -> Running:
    """Have a region running; the one that runs on this state already is as good.  On return its programs are started.

    Raises:
        GroundError: it cannot be; the message says what to do, and nothing is left behind.
    """
    state, cache = settings.state.resolve(), settings.cache.resolve()
    try:
        with _locked(state) as lock:
            if isinstance(lock, Running):
                return lock
            _clean(state)
            missing = requirements.check(state, egress=settings.egress)
            if missing:
                raise GroundError("\n".join(str(one) for one in missing))
            return _launch(settings, state, cache, lock)
    except OSError as error:
        raise GroundError(explain(error, state)) from error


def find(state: Path) -> Running | None:
    """The region that runs on this state, or None."""
    running = record.read(state.resolve())
    return running if running is not None and running.lives else None


def stop(state: Path) -> None:
    """Have no region running on this state, and nothing left of it on the host.  Any number of calls end there.

    Raises:
        GroundError: something of it cannot be removed; the message says what.
    """
    state = state.resolve()
    if not record.run_directory(state).is_dir():
        return
    with _locked(state) as lock:  # whoever is just starting it gets the time to say who it is
        running = lock
    if not isinstance(running, Running):
        _clean(state)
        return
    running.launcher.kill(signal.SIGTERM)
    if not running.launcher.wait_gone(STOP_TIMEOUT_S):
        running.launcher.kill(signal.SIGKILL)
        running.launcher.wait_gone(KILL_TIMEOUT_S)
    _clean(state)


def _clean(state: Path) -> None:
    """Remove what a launcher that was killed has left; the caller knows that none lives."""
    running = record.read(state)
    if running is not None:
        running.keeper.kill(signal.SIGKILL)
        if not running.keeper.wait_gone(KILL_TIMEOUT_S):
            raise GroundError(f"process {running.keeper.pid}, the region's keeper, survives SIGKILL")
    if lent := record.read_cgroups(state):
        namespaces.remove_cgroups(lent, identity.of_caller(state))
    record.forget(state)


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[int | Running]:
    """The lock of a state directory, as a descriptor; or the region that holds it, once that is up."""
    run = record.run_directory(state)
    run.mkdir(parents=True, exist_ok=True)
    if not record.is_ours(state):
        raise GroundError(f"{run} is not a directory of your own: start the region as its owner, or remove {run}")
    lock = os.open(record.lock_file(state), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if (running := find(state)) is not None:
                    yield running
                    return
            else:
                yield lock
                return
            if time.monotonic() > deadline:
                raise GroundError(f"{state} is in use by a region that neither comes up nor ends: see {run}")
            time.sleep(0.01)
    finally:
        os.close(lock)


def _launch(settings: Settings, state: Path, cache: Path, lock: int) -> Running:
    with contextlib.ExitStack() as held:
        doors = {name: held.enter_context(listen(name, port)) for name, port in settings.ports().items()}
        doors["dns-udp"] = held.enter_context(receive("dns", doors["dns"].getsockname()[1]))
        read, write = os.pipe()
        held.callback(os.close, read)
        orders = held.enter_context(tempfile.TemporaryFile())
        fds = {name: door.fileno() for name, door in doors.items()}
        orders.write(json.dumps(_orders(settings, state, cache, fds=fds, lock=lock, report_fd=write)).encode())
        orders.seek(0)
        env = {
            **paths.keeper_env(),
            **{name: os.environ[name] for name in (*PASSED_ON, *SETTINGS) if name in os.environ},
        }
        argv = [*_scope(state), sys.executable, "-S", "-m", "aftershock.ground.parent", str(orders.fileno())]
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(record.run_directory(state) / "launcher.log", flags, 0o644)
        held.callback(os.close, log)
        before = os.fstat(log).st_size
        process = subprocess.Popen(
            argv,
            cwd="/",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[orders.fileno(), lock, write, *fds.values()],
        )
        os.close(write)
        said = _listen_to(read)
        if said != "started":
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)
            if process.poll() is None:
                process.kill()
                process.wait()
                _clean(state)
            raise GroundError(said or f"the launcher has ended ({process.returncode}): {_last_words(state, before)}")
    running = find(state)
    if running is None:
        raise GroundError(f"the region has ended already: see {state}/logs and {state}/run")
    process.returncode = 0  # it stays; nobody here waits for it
    return running


def _orders(
    settings: Settings, state: Path, cache: Path, *, fds: dict[str, int], lock: int, report_fd: int
) -> dict[str, object]:
    placeholders = {f"{{{name}}}": str(fd) for name, fd in fds.items()}
    table = settings.programs if settings.programs is not None else programs(settings)
    return {
        "state": str(state),
        "cache": str(cache),
        "egress": settings.egress,
        "pace": settings.pace,
        "doors": {name: {"fd": fd, "port": _port(fd)} for name, fd in fds.items()},
        "programs": [
            {
                "name": program.name,
                "argv": [placeholders.get(argument, argument) for argument in program.argv],
                "fds": [fds[door] for door in program.doors],
            }
            for program in table
        ],
        "lock_fd": lock,
        "report_fd": report_fd,
    }


def listen(name: str, port: int) -> socket.socket:
    """A listening socket on the host's loopback.

    Raises:
        GroundError: the port is taken, or may not be had.
    """
    listener = _bound(name, port, socket.SOCK_STREAM)
    listener.listen(BACKLOG)
    return listener


def receive(name: str, port: int) -> socket.socket:
    """A socket for datagrams on the host's loopback.

    Raises:
        GroundError: the port is taken, or may not be had.
    """
    return _bound(name, port, socket.SOCK_DGRAM)


def _bound(name: str, port: int, kind: socket.SocketKind) -> socket.socket:
    door = socket.socket(socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            # Of datagrams it would let two programs have the same port.
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((LOOPBACK, port))
    except OSError as error:
        door.close()
        if error.errno == errno.EADDRINUSE:
            shown = "ss -ltnp" if kind == socket.SOCK_STREAM else "ss -lunp"
            raise GroundError(
                f"port {port} of {LOOPBACK}, for the {name} door, is taken by another program: "
                f"end that program ({shown} 'sport = {port}' shows it), or choose another port with --{name}-port"
            ) from error
        raise GroundError(f"port {port} of {LOOPBACK}, for the {name} door: {error.strerror}") from error
    return door


def _port(fd: int) -> int:
    with socket.socket(fileno=os.dup(fd)) as door:
        port: int = door.getsockname()[1]
        return port


def _listen_to(fd: int) -> str:
    """What the new parent says of how it went: "started", or why not; nothing if it has died."""
    said = b""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not said.endswith(b"\n"):
        readable, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            return f"the region did not come up within {START_TIMEOUT_S:.0f} s"
        more = os.read(fd, 65536)
        if not more:
            break
        said += more
    return said.decode(errors="replace").strip()


def _last_words(state: Path, before: int) -> str:
    """What was written to the launcher's log since it had this size."""
    with (record.run_directory(state) / "launcher.log").open("rb") as log:
        log.seek(before)
        return log.read().decode(errors="replace").strip()[-LAST_WORDS:]


def _scope(state: Path) -> list[str]:
    """How a user gets a cgroup of its own from systemd, where the user has one."""
    manager = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "systemd/private")
    if os.geteuid() == 0 or not manager.exists() or not shutil.which("systemd-run"):
        return []
    unit = cgroups.scope_name(state, os.getpid())
    return ["systemd-run", "--user", "--scope", "--quiet", "--collect", "-p", "Delegate=yes", f"--unit={unit}", "--"]
