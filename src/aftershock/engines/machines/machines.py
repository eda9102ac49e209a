"""Brings machines to their specs, says what runs, and ends it."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import resource
import shlex
import shutil
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

from aftershock.engines.errors import EngineError
from aftershock.engines.images import Images, tree
from aftershock.engines.machines import cgroups, console, mounts, processes, spec, watches
from aftershock.engines.machines.cgroups import Cgroup, Limits, Usage
from aftershock.engines.machines.spec import Ended, Exit, MachineSpec, Observed, Running
from aftershock.engines.process import run
from aftershock.engines.volumes import Volumes

log = logging.getLogger(__name__)

GROUND = Path("/run/aftershock/ground.json")
RUNTIME_ROOT = Path("/run/aftershock/runc")  # on a tmpfs of the region's: a power cut empties it

STARTING = "starting"  # a file that is there as long as a start has not come to its end
START_TIMEOUT_S = 30.0
KILL_TIMEOUT_S = 10.0
EXIT_FILE_TIMEOUT_S = 5.0  # conmon drains the console before it writes how the machine ended
ASK_EVERY_S = 1.0
# systemd(1): "SIGRTMIN+4: powers off the machine".
POWEROFF = signal.SIGRTMIN + 4


class Machines:
    """All machines of one region.

    It remembers nothing between calls: what runs is read from the runtime's state and /proc each time, without
    starting a program.  A machine outlives us; a later one of us finds it.
    """

    def __init__(
        self,
        state: Path,
        images: Images,
        volumes: Volumes,
        *,
        ground: Path = GROUND,
        runtime_root: Path = RUNTIME_ROOT,
    ) -> None:
        self._directory = state / "machines"
        self._images = images
        self._volumes = volumes
        self._ground = ground
        self._runtime_root = runtime_root

    def limits(self) -> Limits:
        """Which limits of a spec the host lets us enforce.  (/proc/meminfo and nproc in a machine show the host's.)"""
        return cgroups.limits(self._hierarchies())

    async def list(self) -> dict[str, Observed]:
        """Every machine that runs now."""
        if not self._runtime_root.is_dir():
            return {}
        found = (self._running(entry.name) for entry in self._runtime_root.iterdir())
        return {observed.name: observed for observed in found if observed}

    async def names(self) -> set[str]:
        """Every machine that was ever begun and not removed, running or not."""
        if not self._directory.is_dir():
            return set()
        return {entry.name for entry in self._directory.iterdir()}

    async def observe(self, name: str) -> Observed | Ended | None:
        """The machine as it runs, or how it ended; None if it never ran since it was last removed."""
        tree.require_name(name)
        if observed := self._running(name):
            return observed
        await self._exit_written(name)
        return self._ended(name)

    async def ensure(self, wanted: MachineSpec) -> None:
        """Have this machine running.  Any number of calls end in the same place.

        On return its first process runs.  A machine that runs is left as it is, with whatever spec it was started:
        nobody's server is restarted for a setting; `Observed.spec_hash` tells.

        Raises:
            EngineError: it did not start, and nothing of it is left running; or the spec cannot be meant.
        """
        spec.check(wanted)
        home = self._directory / wanted.name
        home.mkdir(mode=0o711, parents=True, exist_ok=True)
        async with _alone(home / "lock", what=f"machine {wanted.name}"):
            if self._running(wanted.name):
                return
            await self._clear(wanted.name)
            try:
                self._prepare(wanted)
                await self._start(wanted.name)
            except OSError as error:
                await self._clear(wanted.name)
                raise EngineError(f"machine {wanted.name} cannot be prepared: {error}") from error
            except EngineError:
                await self._clear(wanted.name)
                raise
            finally:
                # The machine has its root in its own mount namespace by now; there it ends with the machine.
                mounts.unmount(home / "rootfs")
            console.keep(home / "console.log")

    async def stop(self, name: str, grace_s: float) -> None:
        """Ask the machine to shut down, and after `grace_s` switch it off.  On return it is gone.

        Stopping what does not run is no error.
        """
        if observed := self._running(name):
            self._cgroup(name).thaw()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await self._ask_until_ended(observed)
        await self.kill(name)

    async def kill(self, name: str) -> None:
        """Switch the machine off, as by its power cord.  On return it is gone."""
        if running := self._runtime_state(name):
            self._cgroup(name).thaw()
            if processes.send(running.pid, running.start_ticks, signal.SIGKILL):
                try:
                    async with asyncio.timeout(KILL_TIMEOUT_S):
                        await processes.ended(running.pid)
                except TimeoutError:
                    raise EngineError(f"machine {name} survived SIGKILL for {KILL_TIMEOUT_S} s") from None
        await self._exit_written(name)
        await self._clear(name)

    def powered(self, name: str) -> Running | None:
        """Whatever has an init that lives, also one without its conmon, and ready to hear a signal."""
        running = self._runtime_state(name)
        if running is None or not processes.lives(running.pid, running.start_ticks):
            return None
        self._cgroup(name).thaw()  # a signal reaches nobody who is held still
        return running

    async def remove(self, name: str) -> None:
        """Leave nothing of the machine but its volume.  Removing what is not there is no error."""
        tree.require_name(name)
        await self.kill(name)
        await tree.remove(self._directory / name)

    def console(self, name: str) -> bytes:
        """The last 64 KiB that the machine's console showed, of this boot and those before it."""
        return console.read(self._directory / tree.require_name(name) / "console.log")

    @contextlib.asynccontextmanager
    async def frozen(self, name: str) -> AsyncIterator[None]:
        """Hold the machine still for as long as the block runs, so that its volume does not change."""
        await self.freeze(name)
        try:
            yield
        finally:
            self.thaw(name)

    async def freeze(self, name: str) -> None:
        """Stop all of the machine's processes where they stand; on return none runs.  One not running is no error."""
        if self._running(name):
            await self._cgroup(name).freeze()

    def thaw(self, name: str) -> None:
        """Let a frozen machine run on."""
        self._cgroup(tree.require_name(name)).thaw()

    async def watch(self, pid: int) -> None:
        """Return when the machine whose init this is has ended.  `observe` then says how."""
        await processes.ended(pid)

    def usage(self, name: str) -> Usage:
        """What the machine has used of cpu and memory; all zero if it does not run."""
        return self._cgroup(tree.require_name(name)).usage()

    def entering(self, name: str, argv: Sequence[str], *, terminal: bool = False) -> Sequence[str]:
        """The command line that runs a program inside a running machine, as its root and within its limits."""
        runtime = self._directory / tree.require_name(name) / "runtime"
        return [str(runtime), "exec", *(["--tty"] if terminal else []), name, *argv]

    async def run_inside(self, name: str, argv: Sequence[str], *, timeout_s: float) -> str:
        """Run a program inside a running machine to its end, and return what it printed.

        Raises:
            EngineError: the machine does not run, or the program failed or took longer.
        """
        return await run(self.entering(name, argv), timeout_s=timeout_s)

    # What is known of a machine

    def _runtime_state(self, name: str) -> Running | None:
        try:
            return spec.parse_state((self._runtime_root / tree.require_name(name) / "state.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def _running(self, name: str) -> Observed | None:
        running = self._runtime_state(name)
        if running is None or not processes.lives(running.pid, running.start_ticks):
            return None
        if self._starting(name):
            return None  # a start cut short takes its conmon along, as soon as that finds nobody to answer to
        if (self._runtime_root / name / "exec.fifo").exists():
            return None  # created, but its init has not been executed yet
        if self._conmon(name) is None:
            # Its start was cut short, or somebody killed its conmon: it has no console any more, and nobody would
            # see how it ends.  It counts as down, and what is left of it is swept up by the next start or stop.
            return None
        console.keep(self._directory / name / "console.log")
        return Observed(name, running.pid, processes.unix_time(running.start_ticks), running.spec_hash)

    def _ended(self, name: str) -> Ended | None:
        file = self._exit_file(name)
        try:
            return Ended(name, spec.parse_exit(int(file.read_text()), file.stat().st_mtime))
        except (FileNotFoundError, ValueError):
            # It was started, and nobody was left to see its end.
            started = (self._directory / name / "init.pid").exists() and not self._starting(name)
            return Ended(name, Exit("killed", None, None)) if started else None

    def _starting(self, name: str) -> bool:
        """Whether it is being started, or its last start was cut short and nobody has swept that up."""
        return (self._directory / name / STARTING).exists()

    def _exit_file(self, name: str) -> Path:
        return self._directory / name / "exit" / name

    def _conmon(self, name: str) -> int | None:
        """The pid of the machine's conmon, if it lives: the process of that number must say that it is that."""
        try:
            pid = int((self._directory / name / "conmon.pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        bundle = os.fsencode(self._directory / name)
        return pid if words[0].endswith(b"conmon") and bundle in words else None

    async def _exit_written(self, name: str) -> None:
        """Give a conmon whose machine has just ended the time to write down how."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_FILE_TIMEOUT_S):
                while not self._exit_file(name).exists() and self._conmon(name) and not self._running(name):
                    await asyncio.sleep(0.002)

    # What is done about it

    def _prepare(self, wanted: MachineSpec) -> None:
        """All that has to be there before the first process: the disk, the limits, the runtime's own files."""
        watches.require_room()
        home = self._directory / wanted.name
        rootfs = home / "rootfs"
        upper, work = self._volumes.upper(wanted.volume), self._volumes.work(wanted.volume)
        if not (upper.is_dir() and work.is_dir()):
            raise EngineError(f"there is no volume {wanted.volume} for machine {wanted.name}")
        for directory in (rootfs, home / "exit"):
            directory.mkdir(exist_ok=True)
        lower = [self._images.path(layer) for layer in wanted.layers]
        mounts.mount_overlay(rootfs, spec.overlay_options(lower, upper, work))
        for path, content in spec.files(wanted).items():
            mounts.lay(rootfs, path, content)
        cgroup = self._cgroup(wanted.name)
        cgroup.create(wanted.cpus, wanted.memory_mib, wanted.pids_max)
        nofile_max = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        config = spec.render(wanted, rootfs, nofile_max=nofile_max)
        (home / "config.json").write_text(json.dumps(config))
        runtime = home / "runtime"
        runtime.write_text(_runtime_script(cgroup.joined(), self._runtime_root, home / "runtime.log"))
        runtime.chmod(0o700)

    async def _start(self, name: str) -> None:
        home = self._directory / name
        (home / STARTING).touch()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                await run(
                    _conmon_command(name, home),
                    timeout_s=START_TIMEOUT_S,
                    # Where conmon puts the socket on which it is given the console, and leaves it.
                    env={"_OCI_SYNCPIPE": str(writing), "TMPDIR": str(home)},
                    pass_fds=(writing,),
                )
            finally:
                os.close(writing)
            answer = await _read_answer(reading)
        finally:
            os.close(reading)
        (home / STARTING).unlink()
        _remove_sockets(home)
        if int(answer.get("pid", -1)) <= 0:
            last_words = _last_words(home / "runtime.log") or answer.get("message") or "without a word"
            raise EngineError(f"machine {name} was not started: {last_words}")

    async def _ask_until_ended(self, observed: Observed) -> None:
        """Asking once is not enough: a systemd that has just been executed does not listen yet."""
        while running := self._runtime_state(observed.name):
            if not processes.send(running.pid, running.start_ticks, POWEROFF):
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_EVERY_S):
                    await processes.ended(running.pid)
                    return

    async def _clear(self, name: str) -> None:
        """Leave no process, mount, cgroup or runtime state of a machine; its log, and how it ended, stay.

        Nothing is asked of the runtime: it needs what an interrupted start may not have written.  What belongs to a
        machine is what is in its cgroups.  A start that was cut short may not have got there yet, and would go on
        beside the next one: it is ended first.
        """
        if self._starting(name):
            await self._end_start(name)
        if (conmon := self._conmon(name)) and not self._exit_file(name).exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(conmon, signal.SIGKILL)
            await processes.ended(conmon)
        await self._cgroup(name).remove()
        mounts.unmount(self._directory / name / "rootfs")
        shutil.rmtree(self._runtime_root / name, ignore_errors=True)

    async def _end_start(self, name: str) -> None:
        runtime = self._directory / name / "runtime"
        try:
            async with asyncio.timeout(KILL_TIMEOUT_S):
                while starting := processes.started_for(runtime):
                    for pid in starting:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise EngineError(f"an interrupted start of machine {name} survived SIGKILL: {starting}") from None
        (self._directory / name / STARTING).unlink(missing_ok=True)

    def _cgroup(self, name: str) -> Cgroup:
        return Cgroup(tree.require_name(name), self._hierarchies())

    def _hierarchies(self) -> tuple[cgroups.Hierarchy, ...]:
        return cgroups.parse(self._ground.read_text())


async def strike(doomed: Iterable[tuple[Machines, str]]) -> tuple[frozenset[str], float]:
    """Take the power from all of these machines at once: every init is killed in one stroke.  On return none runs.

    What they leave is swept up by `kill`, as always.  Those that do not run are passed over.

    Returns:
        the names of those that ran, and how long the stroke took, in seconds.
    """
    found = {name: running for machines, name in doomed if (running := machines.powered(name))}
    spread_s = processes.send_together([(one.pid, one.start_ticks) for one in found.values()], signal.SIGKILL)
    try:
        async with asyncio.timeout(KILL_TIMEOUT_S):
            for one in found.values():
                while processes.lives(one.pid, one.start_ticks):
                    await processes.ended(one.pid)
    except TimeoutError:
        raise EngineError(f"machines {', '.join(found)} survived SIGKILL for {KILL_TIMEOUT_S} s") from None
    return frozenset(found), spread_s


def _runtime_script(joined: list[Path], runtime_root: Path, log_file: Path) -> str:
    """runc for one machine: it goes into the machine's cgroups before it becomes runc.

    conmon asks for `create`, and would leave `start` to another process; `run --detach` does both, and saves one.
    A session keyring of its own is of no use to a machine, whose programs may not use keys, and a user has only 200.
    Who enters later finds the machine's own level divided by its systemd, and joins init there: a version 2 cgroup
    that offers controllers to others takes no process itself.  Without its limits nothing is started; only an operator
    comes in without them (`enter`), where a user's login session and the region share no cgroup of the user's.
    """
    into = "".join(
        f"d={shlex.quote(str(directory))}\n"
        "case $1 in exec | enter) [ -d $d/init.scope ] && d=$d/init.scope ;; esac\n"
        "case $1 in\n"
        "enter) { echo $$ > $d/cgroup.procs; } 2>/dev/null ;;\n"
        "*) echo $$ > $d/cgroup.procs || exit 1 ;;\n"
        "esac\n"
        for directory in joined
    )
    return (
        "#!/bin/sh\n"
        f"{into}"
        "case $1 in\n"
        'create) shift; set -- run --detach --no-new-keyring "$@" ;;\n'
        'enter) shift; set -- exec "$@" ;;\n'
        "esac\n"
        f'exec runc --root {shlex.quote(str(runtime_root))} --log {shlex.quote(str(log_file))} "$@"\n'
    )


def _conmon_command(name: str, home: Path) -> list[str | Path]:
    # ".init.pid": runc writes there first and renames; one that was killed between the two leaves it.
    for_this_boot = ("init.pid", ".init.pid", "conmon.pid", "runtime.log", f"exit/{name}", "attach", "ctl", "winsz")
    for file in for_this_boot:
        (home / file).unlink(missing_ok=True)
    _remove_sockets(home)
    return [
        "conmon",
        "--cid",
        name,
        "--cuuid",
        name,
        "--name",
        name,
        "--runtime",
        home / "runtime",
        "--bundle",
        home,
        "--container-pidfile",
        home / "init.pid",
        "--conmon-pidfile",
        home / "conmon.pid",
        "--exit-dir",
        home / "exit",
        "--log-path",
        f"k8s-file:{home / 'console.log'}",
        "--log-size-max",
        str(console.LOG_BYTES_MAX),
        "--terminal",
        "--full-attach",
        "--no-sync-log",
    ]


def _remove_sockets(home: Path) -> None:
    for socket in home.glob("conmon-term.*"):
        socket.unlink()


async def _read_answer(fd: int) -> dict[str, int | str]:
    """conmon's word on how the start went: {"pid": 1234}, or a negative one with a message."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(fd, readable.set)
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            await readable.wait()
        return dict(json.loads(os.read(fd, 65536) or "{}"))
    except (TimeoutError, ValueError):
        return {}
    finally:
        loop.remove_reader(fd)


def _last_words(log_file: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return log_file.read_text(errors="replace").strip()[-500:]
    return ""


@contextlib.asynccontextmanager
async def _alone(lock: Path, *, what: str) -> AsyncIterator[None]:
    """One at a time, over all processes.  The kernel gives the lock back when its holder dies."""
    with lock.open("w") as held:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while True:
                    try:
                        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except BlockingIOError:
                        await asyncio.sleep(0.01)
        except TimeoutError:
            raise EngineError(f"{what}: somebody else has been at work on it for {START_TIMEOUT_S} s") from None
        yield
