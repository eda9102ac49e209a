"""Brings HAProxy and the checks to what is wanted, and keeps them there."""

import asyncio
import base64
import contextlib
import json
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from .counts import Counts, added
from .haproxy import RUN, Haproxy, HaproxyError
from .health import Result, Verdict, in_service, is_warming, judged, warming, weight
from .probe import probe
from .requests import Requests, named

SHARED = Path("/run/balancer")  # a directory that the node and the control plane both have
WANTED, APPLIED = SHARED / "wanted.json", SHARED / "applied.json"
HEALTH, CONTROL = SHARED / "health.json", SHARED / "control.sock"
FILES = RUN / "files"
BEGAN_DISABLED = 0x04  # management.txt, "srv_admin_state": so the configuration had it; it stays set ever after
AGAIN_S = 0.2  # while something is on its way: a server that drains, warms up, or cannot be deleted yet
REAP_EVERY_S = 1.0
HEAR_EVERY_S = 0.05
HEARD_BYTES = 1 << 20
REQUEST_BYTES = 64 << 10

Plan = dict[str, Any]
Key = tuple[str, str]  # backend and server


def say(text: str) -> None:
    print(text, flush=True)  # the node's console


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(path.name + "~")
    beside.touch(mode=0o600)
    beside.write_text(text)
    beside.rename(path)


def path_of(key: Key) -> str:
    """HAProxy's name of a server."""
    return f"b_{key[0]}/{named(key[1])}"


class Node:
    def __init__(self) -> None:
        self.haproxy = Haproxy()
        self.plan: Plan = {"hash": "", "parts": [], "files": {}, "backends": {}, "ports": []}
        self.problem = "nothing is wanted yet"
        self.verdicts: dict[Key, Verdict] = {}
        self.counts = Counts()
        self.requests = Requests()
        self.since = time.time()
        self._checks: dict[Key, tuple[str, asyncio.Task[None]]] = {}
        self._deaf = False
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._fallen: set[Key] = set()  # servers that have become unhealthy, and whose connections go with that
        self._cut: set[Key] = set()  # servers whose drain is over, and whose requests were cut off

    # What is wanted

    async def apply(self, wish: Path = WANTED) -> None:
        """Do as a file says.  What cannot be done changes nothing, and is the `problem`."""
        async with self._lock:
            text = _read(wish)
            if text is None:
                return
            plan = json.loads(text)
            if plan["hash"] == self.plan["hash"] and not self.problem:
                return
            before, known = self.plan, dict(self.verdicts)
            self.plan = plan
            try:
                self._keep_verdicts()
                if self.haproxy.pid is None or any(plan[part] != before[part] for part in ("parts", "files")):
                    await self._load(checked=False)
                self.problem = ""
                _replace(APPLIED, text)
            except (HaproxyError, OSError, TimeoutError) as error:
                self.plan, self.verdicts, self.problem = before, known, str(error) or type(error).__name__
                say(f"refused: {self.problem}")
            self._start_checks()
            with contextlib.suppress(OSError, TimeoutError):
                await self._settle()
        self._wake.set()

    async def begin(self) -> None:
        """Do as before, and then as was wanted since: a wish that is refused must not leave us with nothing."""
        await self.apply(APPLIED)
        await self.apply()

    def _keep_verdicts(self) -> None:
        """One verdict for each server that is wanted, the old one where there is one."""
        fresh = {}
        for backend, wanted in self.plan["backends"].items():
            for server in wanted["servers"]:
                key = (backend, server["id"])
                fresh[key] = self.verdicts.get(key, Verdict()) if wanted["check"] else Verdict("healthy")
        self.verdicts = fresh
        self._cut &= set(fresh)

    async def _load(self, *, checked: bool) -> None:
        self._lay_files()
        config = self._config()
        if not checked:
            await self.haproxy.check(config)
        self._deaf = True  # until it is known whose requests are still counted by HAProxy itself
        try:
            with contextlib.suppress(OSError, TimeoutError):
                await self._count()
            await self.haproxy.load(config)
        finally:
            self.requests.worker = self.haproxy.worker
            self._deaf = False
        for old in set(FILES.iterdir()) - {Path(path) for path in self.plan["files"]}:
            old.unlink()

    def _lay_files(self) -> None:
        FILES.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, text in self.plan["files"].items():
            Path(path).write_bytes(base64.b64decode(text))

    def _config(self) -> str:
        """The whole configuration, with the servers as they are now: a reload changes nothing about them."""
        return "".join(
            part if isinstance(part, str) else self._server_lines(part["servers_of"]) for part in self.plan["parts"]
        )

    def _server_lines(self, backend: str) -> str:
        wanted, serving = self.plan["backends"][backend], self._serving(backend)
        return "".join(
            f"  server {named(server['id'])} {self._parameters(backend, server)}"
            f"{'' if key[1] in serving else ' disabled'}\n"
            for server in wanted["servers"]
            for key in [(backend, server["id"])]
        )

    def _parameters(self, backend: str, server: Plan) -> str:
        plan = self.plan["backends"][backend]
        tls = " ssl verify none" if plan["tls"] else ""
        told = " send-proxy-v2" if plan["proxy_protocol"] else ""
        return f"{server['id']} weight {self._weight(backend, server)}{tls}{told}"

    def _weight(self, backend: str, server: Plan) -> int:
        verdict = self.verdicts[backend, server["id"]]
        return weight(verdict, slow_start_s=self.plan["backends"][backend]["slow_start_s"], now=time.time())

    def _active(self, backend: str) -> dict[str, Verdict]:
        """The verdicts on the servers that are registered and do not drain."""
        servers = self.plan["backends"][backend]["servers"]
        ids = (each["id"] for each in servers if each["drain_until"] is None)
        return {each: self.verdicts[backend, each] for each in ids}

    def _serving(self, backend: str) -> frozenset[str]:
        plan, active = self.plan["backends"][backend], self._active(backend)
        percent = math.ceil(plan["minimum_healthy_percent"] * len(active) / 100)
        return in_service(active, minimum_healthy=max(plan["minimum_healthy"], percent))

    # Servers

    async def keep_settled(self) -> None:
        again_s: float | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._wake.wait()
            try:
                async with self._lock:
                    again_s = AGAIN_S if self.haproxy.pid and await self._settle() else None
            except (OSError, TimeoutError) as error:
                say(f"HAProxy does not answer: {error!r}")
                again_s = AGAIN_S

    async def _settle(self) -> bool:
        """Have HAProxy's servers as they should be; whether this has to be looked at again soon."""
        self._wake.clear()
        now, found = time.time(), await self._found()
        first: list[str] = []  # somebody new comes into service before somebody else leaves it
        then: list[str] = []
        over: list[str] = []  # whose drain has come to its end
        unfinished = False
        for backend, wanted in self.plan["backends"].items():
            serving, added = self._serving(backend), False
            for server in wanted["servers"]:
                key = (backend, server["id"])
                path = path_of(key)
                admin, share = found.pop(path, (None, None))
                if admin is None:
                    first.append(f"add server {path} {self._parameters(backend, server)}")
                    admin, share, added = 1, self._weight(backend, server), True
                if share != self._weight(backend, server):
                    first.append(f"set server {path} weight {self._weight(backend, server)}")
                if (key[1] in serving) != (admin == 0):
                    (first if admin else then).append(f"set server {path} state {'ready' if admin else 'maint'}")
                unfinished |= is_warming(self.verdicts[key], slow_start_s=wanted["slow_start_s"], now=now)
                unfinished |= self._drains(key, path, server["drain_until"], now, over)
            if added and wanted["sticky"]:
                # A server that was added at run time has no cookie until all of them are made anew.
                first.append(f"enable dynamic-cookie backend b_{backend}")
        for command in (*first, *then):
            await self._tell(command)
        over += [path_of(key) for key in self._fallen if key in self.verdicts]
        self._fallen.clear()
        for path in over:
            await self.haproxy.cut_off(*path.split("/"))
        return await self._delete(found) or unfinished

    async def _found(self) -> dict[str, tuple[int, int]]:
        """What HAProxy says of its servers: whether they are out of service (0 is in it), and their weights."""
        rows = (line.split() for line in (await self.haproxy.ask("show servers state")).splitlines()[2:])
        return {f"{row[1]}/{row[3]}": (int(row[6]) & ~BEGAN_DISABLED, int(row[7])) for row in rows if row}

    def _drains(self, key: Key, path: str, until: float | None, now: float, over: list[str]) -> bool:
        if until is None:
            self._cut.discard(key)
            return False
        if now >= until and key not in self._cut:
            if self.plan["backends"][key[0]]["cut_drained"]:
                over.append(path)
            self._cut.add(key)
        return now < until

    async def _tell(self, command: str) -> None:
        answer = (await self.haproxy.ask(command)).strip()
        if answer and "New server registered" not in answer:
            say(f"{command}: {answer}")

    async def _delete(self, paths: dict[str, tuple[int, int]]) -> bool:
        """Delete servers that nobody wants; whether some could not be deleted yet."""
        if paths:
            await self._count()
        left = False
        for path in paths:
            await self._tell(f"set server {path} state maint")
            backend = path.split("/")[0].removeprefix("b_")
            if self.plan["backends"][backend]["cut_drained"]:
                await self.haproxy.cut_off(*path.split("/"))
            left |= "deleted" not in await self.haproxy.ask(f"del server {path}")
        return left

    # Checks

    def _start_checks(self) -> None:
        wanted = {}
        for backend, plan in self.plan["backends"].items():
            if plan["check"]:
                for server in plan["servers"]:
                    if server["drain_until"] is None:
                        key = (backend, server["id"])
                        wanted[key] = (json.dumps(plan["check"]), server)
        for key, (settings, task) in list(self._checks.items()):
            if key not in wanted or wanted[key][0] != settings:
                task.cancel()
                del self._checks[key]
        for key, (settings, server) in wanted.items():
            if key not in self._checks:
                task = asyncio.create_task(self._check_again_and_again(key, server, json.loads(settings)))
                self._checks[key] = (settings, task)

    async def _check_again_and_again(self, key: Key, server: Plan, check: Plan) -> None:
        while True:
            began = time.monotonic()
            result = await probe(server["address"], check["port"] or server["port"], check)
            self._judge(key, result, check)
            await asyncio.sleep(max(0.0, began + check["interval_s"] - time.monotonic()))

    def _judge(self, key: Key, result: Result, check: Plan) -> None:
        before = self.verdicts.get(key)
        if before is None:
            return
        after = judged(
            before,
            result,
            healthy_threshold=check["healthy_threshold"],
            unhealthy_threshold=check["unhealthy_threshold"],
        )
        if after.state == before.state:
            self.verdicts[key] = after
            return
        say(f"{key[0]} {key[1]}: {before.state} -> {after.state} {after.fault} {after.code or ''}")
        if after.state == "healthy":
            now, slow_start_s = time.time(), self.plan["backends"][key[0]]["slow_start_s"]
            since = warming(self._active(key[0]), key[1], slow_start_s=slow_start_s, now=now)
            after = Verdict("healthy", 0, after.fault, after.code, since)
        elif self.plan["backends"][key[0]]["cut_unhealthy"]:
            self._fallen.add(key)
        self.verdicts[key] = after
        self._remember()
        self._wake.set()

    def _remember(self) -> None:
        """For our next life: who was healthy, so that a node that starts again need not turn anybody away."""
        states = [[*key, verdict.state] for key, verdict in self.verdicts.items()]
        _replace(HEALTH, json.dumps(states))

    def recall(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            self.verdicts = {
                (backend, server): Verdict(state) for backend, server, state in json.loads(HEALTH.read_text())
            }

    # What is said about it

    async def observed(self) -> Plan:
        async with self._lock:
            listening: list[int] = []
            with contextlib.suppress(OSError, TimeoutError):
                if self._wake.is_set():  # a verdict is told when HAProxy goes by it
                    await self._settle()
                await self._count()
                listening = await self.haproxy.listening()
            return self._told(listening)

    async def _count(self) -> None:
        self.counts.add(self.haproxy.worker, await self.haproxy.statistics())
        self.hear()

    def _told(self, listening: list[int]) -> Plan:
        targets = []
        for backend, wanted in self.plan["backends"].items():
            for server in wanted["servers"]:
                verdict = self.verdicts[backend, server["id"]]
                targets.append(
                    {
                        "backend": backend,
                        "server": server["id"],
                        "state": verdict.state if server["drain_until"] is None else "draining",
                        "fault": verdict.fault,
                        "code": verdict.code,
                        "in_flight": self.counts.open.get(f"server/{backend}/{server['id']}", 0),
                    }
                )
        return {
            "applied": self.plan["hash"],
            "problem": self.problem,
            "ports": listening,
            "targets": targets,
            "counters": {
                key: added(self.counts.totals.get(key, {}), self.requests.totals.get(key, {}))
                for key in (*self.counts.totals, *self.requests.totals)
            },
            "times": self.requests.times,
            "open": self.counts.open,
            "since": self.since,
        }

    def hear(self) -> None:
        """Take in all that HAProxy has said of requests until now."""
        with contextlib.suppress(BlockingIOError):
            while said := os.read(self.haproxy.told, HEARD_BYTES):
                self.requests.feed(said)

    def listen(self) -> None:
        """Hear soon whenever there is something; at once would be once for each request."""
        loop, told = asyncio.get_running_loop(), self.haproxy.told

        def hear() -> None:
            loop.remove_reader(told)
            if not self._deaf:
                self.hear()
            loop.call_later(HEAR_EVERY_S, loop.add_reader, told, hear)

        loop.add_reader(told, hear)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if (await reader.readline()).strip() == b"apply":
                await self.apply()
            writer.write(json.dumps(await self.observed()).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    # HAProxy's life

    async def keep_running(self) -> None:
        while True:
            await self.haproxy.ended()
            async with self._lock:
                if self.haproxy.pid is None and self.plan["parts"]:
                    await self._start_again()
            await asyncio.sleep(AGAIN_S)

    async def _start_again(self) -> None:
        say("HAProxy has ended; it is started again")
        self.haproxy.sweep()
        try:
            await self._load(checked=True)
            self._wake.set()
        except (HaproxyError, OSError, TimeoutError) as error:
            self.problem = f"HAProxy does not start: {error}"
            say(self.problem)

    async def keep_reaping(self) -> None:
        while True:
            self.haproxy.reap()
            await asyncio.sleep(REAP_EVERY_S)


async def serve() -> None:
    RUN.mkdir(mode=0o755, exist_ok=True)
    node = Node()
    node.recall()
    loop = asyncio.get_running_loop()
    # As first process of a machine we are asked to power off as systemd is (systemd(1), SIGRTMIN+4).
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGRTMIN + 4):
        loop.add_signal_handler(number, os._exit, 0)
    node.listen()
    CONTROL.unlink(missing_ok=True)
    await asyncio.start_unix_server(node.answer, CONTROL, limit=REQUEST_BYTES)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(node.keep_settled(), name="servers")
        tasks.create_task(node.keep_running(), name="HAProxy")
        tasks.create_task(node.keep_reaping(), name="orphans")
        tasks.create_task(node.begin(), name="what was wanted before")


def main() -> None:
    try:
        asyncio.run(serve())
    except BaseException as error:
        print(f"the node ends: {error!r}", file=sys.stderr, flush=True)
        raise
