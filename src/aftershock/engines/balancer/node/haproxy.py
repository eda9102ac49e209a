"""HAProxy: started, reloaded without losing a connection, started again when it dies, and asked.

It runs as master and worker; a reload starts a new worker, which takes the listening sockets over, and the old one
finishes what it has.  Each worker is addressed through the master, the old ones too.
"""

import asyncio
import contextlib
import csv
import fcntl
import io
import os
import re
import signal
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

RUN = Path("/run/haproxy")
CONFIG = RUN / "haproxy.cfg"
MASTER = RUN / "master.sock"
START_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 5.0
CHECK_TIMEOUT_S = 30.0
ANEW_AFTER_S = 0.2  # between two starts that both fail at once
LAST_WORDS = 600
PIPE_BYTES = 1 << 20  # of lines on requests, until they are read; HAProxy drops what does not fit
# mallopt(3): large buffers that are freed go back to the kernel at once, and cost page faults when they come again.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(64 << 20), "MALLOC_TOP_PAD_": str(4 << 20)}


class HaproxyError(Exception):
    """HAProxy refused something; in its own last words."""


class Haproxy:
    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._generation = 0
        self.worker = 0  # the pid of the newest
        self._said: deque[str] = deque(maxlen=20)
        self._listening: asyncio.Task[None] | None = None
        # Both ends stay open, so that what is said outlives who said it.
        self.told, self._tell = os.pipe()
        os.set_blocking(self.told, False)
        with contextlib.suppress(OSError):  # the user has as much in pipes as the kernel lets him have
            fcntl.fcntl(self._tell, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def check(self, config: str) -> None:
        """
        Raises:
            HaproxyError: HAProxy's own checker refuses it.
        """
        draft = RUN / "haproxy.cfg.new"
        _write(draft, config)
        checker = await asyncio.create_subprocess_exec(
            *("haproxy", "-c", "-f", str(draft)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            said, _ = await checker.communicate()
        if checker.returncode != 0:
            raise HaproxyError(last_words(said.decode(errors="replace").splitlines()))

    async def load(self, config: str) -> None:
        """Have a worker with this configuration, which has been checked.  On return it answers.

        Raises:
            HaproxyError: it did not come; the old one, if any, goes on.
        """
        before = CONFIG.read_text() if self.pid else None
        self._generation += 1
        _write(CONFIG, self._head() + config)
        if self.pid is None:
            await self._start()
        else:
            os.kill(self.pid, signal.SIGUSR2)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                self.worker = int(dict(_pairs(await self.ask("show info")))["Pid"])
                return
            if time.monotonic() > deadline or self.pid is None:
                if before is not None:  # the master goes on with the worker that it had
                    self._generation -= 1
                    _write(CONFIG, before)
                raise HaproxyError(f"no worker came up: {last_words(self._said)}")
            await asyncio.sleep(0.005)

    def _head(self) -> str:
        # Each worker has a socket of its own name: who answers there runs this very configuration.
        return f"global\n  stats socket {self._socket()} mode 600 level admin expose-fd listeners\n"

    def _socket(self) -> Path:
        return RUN / f"worker-{self._generation}.sock"

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *("haproxy", "-W", "-db", "-S", f"{MASTER},mode,600", "-f", str(CONFIG)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._tell,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **KEEP_MEMORY},
        )
        self._listening = asyncio.create_task(self._listen(self._process), name="HAProxy's words")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr
        async for line in process.stderr:
            self._said.append(line.decode(errors="replace").strip())
            print(self._said[-1], flush=True)  # the node's console

    async def ended(self) -> None:
        """Return when HAProxy does not run; at once if it was never started."""
        if self._process:
            await self._process.wait()

    def sweep(self) -> None:
        """Kill what a dead HAProxy left: a worker whose master was killed may still hold the ports."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # we are init: this is everybody but us

    def reap(self) -> None:
        """Take away the dead whose parents died before them; init is the only one who can."""
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None or self._process is None or dead.si_pid == self._process.pid:
                return
            with contextlib.suppress(ChildProcessError):
                os.waitpid(dead.si_pid, os.WNOHANG)

    async def ask(self, command: str) -> str:
        """A command's answer, of the newest worker.

        Raises:
            OSError: it does not listen.
        """
        return await _ask(self._socket(), command)

    async def cut_off(self, backend: str, server: str) -> None:
        """End what is open to a server, in all workers.

        One that only finishes what it has does not know its own backends any more; its sessions it does.
        """
        await self.ask(f"shutdown sessions server {backend}/{server}")
        for worker in await self._old_workers():
            for line in (await _ask(MASTER, f"@!{worker} show sess")).splitlines():
                if {f"be={backend}", f"srv={server}"} <= set(line.split()):
                    await _ask(MASTER, f"@!{worker} shutdown session {line.partition(':')[0]}")

    async def _old_workers(self) -> list[int]:
        """The pids of those that only finish what they have."""
        deadline = time.monotonic() + COMMAND_TIMEOUT_S
        while True:
            with contextlib.suppress(OSError):
                now, _, old = (await _ask(MASTER, "show proc")).partition("# old workers")
                if re.search(rf"^{self.worker}\s+worker\s", now, re.MULTILINE):
                    return [int(pid) for pid in re.findall(r"^(\d+)\s+worker\s", old, re.MULTILINE)]
            if time.monotonic() > deadline:
                raise ConnectionError("HAProxy's master does not say what it has")
            await asyncio.sleep(0.005)  # it has just been started, or starts itself anew for a reload

    async def statistics(self) -> list[dict[str, str]]:
        """What the newest worker counts."""
        text = await self.ask("show stat -1 7 -1")
        return list(csv.DictReader(io.StringIO(text.removeprefix("# "))))

    async def listening(self) -> list[int]:
        """The ports on which the newest worker says that it listens."""
        ports = []
        for line in (await self.ask("show stat -1 1 -1")).splitlines():
            fields = line.split(",")
            if len(fields) > 17 and fields[1] == "FRONTEND" and fields[17] == "OPEN" and fields[0].startswith("p"):
                ports.append(int(fields[0][1:]))
        return ports


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in text.splitlines())]


def last_words(lines: Iterable[str]) -> str:
    return " ".join(line.strip() for line in lines if "[NOTICE]" not in line)[:LAST_WORDS]


async def _ask(socket: Path, command: str) -> str:
    async with asyncio.timeout(COMMAND_TIMEOUT_S):
        reader, writer = await asyncio.open_unix_connection(str(socket), limit=1 << 24)
        try:
            writer.write(command.encode() + b"\n")
            await writer.drain()
            writer.write_eof()  # the master would wait for more
            return (await reader.read(-1)).decode(errors="replace")
        finally:
            writer.close()


def _write(path: Path, text: str) -> None:
    beside = path.with_name(path.name + "~")
    beside.write_text(text)
    beside.rename(path)
