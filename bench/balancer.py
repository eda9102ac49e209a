"""A balancer node beside a hand-written HAProxy on the same machine, and how soon it heeds its targets.

Both forward to the same nginx, from the same client, in turns; nginx, the client and both balancers are machines.  The
load comes from wrk, which is in the client's own image: the host needs nothing.
"""

import asyncio
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from aftershock.engines.balancer import Backend, Balancers, Check, Forward, Listener, NodeSpec, Place, Server, Share
from aftershock.engines.balancer.balancers import LAYER
from aftershock.engines.images import Images, LayerRecipe
from aftershock.engines.machines import Machines, MachineSpec
from aftershock.engines.volumes import Volumes
from bench.figures import Figure, median_ms, spread

STATE, CACHE = Path("/run/aftershock/state"), Path("/run/aftershock/cache")
TOOLS = LayerRecipe("bench-balancer", ("nginx-light", "wrk"))
PROMISED = 0.95
ROUNDS, SECONDS, CONNECTIONS = 31, 1, 32  # short ones, so that both meet what else the machine does
TIMES = 10  # that a target comes, and falls ill
CHECK = Check(interval_s=0.5, timeout_s=0.5, healthy_threshold=2, unhealthy_threshold=2)
CPUS = 2.0
HERE = "10.99.0.1"
FIGURES = STATE / "figures.json"
LIMIT_S = 30.0
ADDRESSES = {
    "client": "10.99.0.2",
    "server": "10.99.0.3",
    "node": "10.99.0.4",
    "hand": "10.99.0.5",
    "bare": "10.99.0.6",
}
BODY = "x" * 1024

NGINX = f"""
daemon off;
worker_processes 1;
error_log stderr;
pid /run/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  server {{ listen 80; location / {{ return 200 "{BODY}"; }} }}
}}
"""

# What somebody writes who has read HAProxy's manual once: the same threads, the client's address, checks.
BARE = f"""
global
  nbthread {round(CPUS)}
  user haproxy
  group haproxy
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend front
  bind :80
  default_backend back
backend back
  balance roundrobin
  option httpchk GET /
  server one {ADDRESSES["server"]}:80 check inter 5s
"""
# The same, and each request has the headers that servers behind a load balancer of AWS's are given.
BY_HAND = BARE.replace(
    "  default_backend back\n",
    """  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port %[dst_port]
  unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Amzn-Trace-Id
  default_backend back
""",
)


def sh(*argv: str) -> None:
    subprocess.run(argv, check=True)


def connect() -> None:
    """A network of its own for each machine, all on one bridge."""
    sh("ip", "link", "add", "bench", "type", "bridge")
    sh("ip", "addr", "add", f"{HERE}/24", "dev", "bench")
    sh("ip", "link", "set", "bench", "up")
    for name, address in ADDRESSES.items():
        sh("ip", "netns", "add", name)
        sh("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        sh("ip", "link", "set", f"v-{name}", "master", "bench", "up")
        sh("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        sh("ip", "-n", name, "link", "set", "eth0", "up")
        sh("ip", "-n", name, "link", "set", "lo", "up")


class Bench:
    def __init__(self) -> None:
        self.images = Images(STATE, CACHE)
        self.volumes = Volumes(STATE, self.images)
        self.machines = Machines(STATE, self.images, self.volumes)
        self.balancers = Balancers(STATE, CACHE)

    async def machine(self, name: str, recipe: LayerRecipe, init: tuple[str, ...], **files: str) -> None:
        layer = await self.images.ensure_layer(recipe)
        await self.volumes.ensure(name, source=None)
        await self.machines.ensure(
            MachineSpec(
                name=name,
                hostname=name,
                layers=(self.images.base_name(), layer.name),
                volume=name,
                netns=name,
                nameserver="127.0.0.1",
                search="",
                cpus=CPUS,
                memory_mib=512,
                files={f"/etc/bench/{file}": text.encode() for file, text in files.items()},
                init=init,
            )
        )

    async def start(self) -> None:
        await self.machine("client", TOOLS, ("/usr/bin/sleep", "infinity"))
        await self.machine("server", TOOLS, ("/usr/sbin/nginx", "-c", "/etc/bench/nginx"), nginx=NGINX)
        for name, config in (("hand", BY_HAND), ("bare", BARE)):
            await self.machine(name, LAYER, ("/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/bench/cfg"), cfg=config)
        backend = Backend("all", (Server(ADDRESSES["server"], 80),), check=Check(interval_s=5))
        listener = Listener(80, "http", Forward((Share("all"),)))
        place = Place("node", "node", CPUS)
        self.spec = NodeSpec("bench-node", place, "0" * 32, (listener,), (backend,))
        await self.balancers.ensure(self.spec)
        while (await self.healthy()) != ["healthy"]:
            await asyncio.sleep(0.05)

    async def healthy(self) -> list[str]:
        seen = await self.balancers.observe("bench-node")
        return [target.state for target in seen.targets] if seen else []

    async def stop(self) -> None:
        await self.balancers.remove("bench-node")
        for name in await self.machines.names():
            await self.machines.remove(name)

    def cpu_s(self, name: str) -> float:
        usage = self.balancers.machines.usage("bench-node") if name == "node" else self.machines.usage(name)
        return usage.cpu_s

    def ask(self, name: str) -> "Asked":
        before = self.cpu_s(name)
        wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", f"http://{ADDRESSES[name]}/"]
        command = self.machines.entering("client", wrk)
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        if "Non-2xx" in said or "Socket errors" in said:
            raise RuntimeError(said)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
        asked = re.search(r"(\d+) requests in", said)
        assert rate and asked, said
        used_us = (self.cpu_s(name) - before) / int(asked[1]) * 1e6
        return Asked(float(rate[1]), _late_ms(said, 50), _late_ms(said, 99), used_us)


class Asked(NamedTuple):
    rate: float  # requests per second
    half_ms: float
    late_ms: float  # the 99th percentile
    cpu_us: float  # of the balancer, for each request: what does not depend on what else the host does


def _late_ms(said: str, percentile: int) -> float:
    found = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)", said)
    assert found, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


class Target(ThreadingHTTPServer):
    """A target that says who it is, and is ill when told so."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        self.ill, self.checked = False, list[tuple[float, bool]]()
        target = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                is_check = self.headers["User-Agent"] == "ELB-HealthChecker/2.0"
                ill = target.ill
                self.send_response(500 if is_check and ill else 200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())
                if is_check:
                    target.checked.append((time.monotonic(), not ill))

            def log_message(self, *args: object) -> None:
                pass

        super().__init__((HERE, 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *args: object) -> None:
        """A connection that the balancer has closed is no news."""

    def decided(self, count: int, passed: bool, since: float) -> float | None:
        """When the check came that was the last of so many after a time; None if it has not come."""
        times = [at for at, result in self.checked if at >= since and result == passed]
        return times[count - 1] if len(times) >= count else None


class Watch:
    """One request after the other, until one is answered by whom it is waited for."""

    def __init__(self) -> None:
        self.connection = http.client.HTTPConnection(ADDRESSES["node"], 80, timeout=LIMIT_S)

    def ask(self) -> str:
        self.connection.request("GET", "/")
        return self.connection.getresponse().read().decode()

    def until(self, name: str) -> float:
        """The time at which it answered."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if self.ask() == name:
                return time.monotonic()
        raise RuntimeError(f"{name} has not answered within {LIMIT_S} s")

    def until_without(self, name: str, decided: Callable[[], float | None]) -> tuple[float, float]:
        """When it was decided that a server is ill, and when it answered for the last time."""
        last, deadline = time.monotonic(), time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if self.ask() == name:
                last = time.monotonic()
            at = decided()
            if at is not None and time.monotonic() > max(at, last) + CHECK.interval_s / 2:
                return at, last
        raise RuntimeError(f"{name} still answers after {LIMIT_S} s")


def heed(bench: Bench) -> list[Figure]:
    """How long a new target waits for its first request, and one that is ill for its last."""
    old, new = Target("old"), Target("new")
    servers = tuple(Server(HERE, target.server_address[1]) for target in (old, new))
    alone = replace(bench.spec, backends=(Backend("all", servers[:1], check=CHECK),))
    both = replace(bench.spec, backends=(Backend("all", servers, check=CHECK),))
    watch, joined, checked, left, implied = Watch(), [], [], [], []
    for _ in range(TIMES):
        asyncio.run(bench.balancers.ensure(alone))
        watch.until("old")
        began = time.monotonic()
        asyncio.run(bench.balancers.ensure(both))
        joined.append(watch.until("new") - began)
        passed = new.decided(1, True, began)
        assert passed is not None
        checked.append(passed - began)
        fell, new.ill = time.monotonic(), True
        at, last = watch.until_without("new", lambda since=fell: new.decided(2, False, since))  # type: ignore[misc]
        left.append(max(0.0, last - at))
        implied.append(at - fell)
        new.ill = False
    return [
        Figure("target registered → first request served", median_ms(joined), "ms", spread(joined)),
        Figure("  of it, until its first check had passed", median_ms(checked), "ms", spread(checked)),
        Figure(
            "target ill → failed by its settings", median_ms(implied), "ms", f"2 checks, {CHECK.interval_s} s apart"
        ),
        Figure("  and then → its last request", median_ms(left), "ms", spread(left)),
    ]


NAMED = {
    "node": "balancer node",
    "hand": "hand-written HAProxy, the same headers",
    "bare": "hand-written HAProxy, the client's address only",
}


def throughput(bench: Bench) -> list[Figure]:
    rounds = []
    for number in range(ROUNDS):
        turn = number % len(NAMED)  # whoever is asked first has no advantage
        names = [*NAMED][turn:] + [*NAMED][:turn]
        rounds.append({name: bench.ask(name) for name in names})
    figures = []
    for name, said in NAMED.items():
        rates, halves, lates, used = (
            statistics.median(column) for column in zip(*(one[name] for one in rounds), strict=True)
        )
        figures += [
            Figure(f"{said}, {CONNECTIONS} connections", rates, "1/s", f"{used:.1f} µs of its cpu each"),
            Figure("  latency, median", halves, "ms"),
            Figure("  latency, 99th percentile", lates, "ms"),
        ]
    return [
        *figures,
        share("balancer node's share of the hand-written", rounds, "hand", at_least=PROMISED),
        share("  and of the one that sets fewer headers", rounds, "bare"),
    ]


def share(said: str, rounds: list[dict[str, Asked]], other: str, *, at_least: float | None = None) -> Figure:
    shares = [one["node"].rate / one[other].rate for one in rounds]
    note = f"n={ROUNDS}, {min(shares):.3f} to {max(shares):.3f}, load average {os.getloadavg()[0]:.1f}"
    return Figure(said, statistics.median(shares), "×", note, at_least=at_least)


def inside() -> None:
    connect()
    bench = Bench()
    try:
        asyncio.run(bench.start())
        figures = [*throughput(bench), *heed(bench)]
    finally:
        asyncio.run(bench.stop())
    FIGURES.write_text(json.dumps([asdict(figure) for figure in figures]))


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="aftershock-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as state:
        enter = [sys.executable, "-m", "aftershock.ground.enter", "--state", state, "--egress", "--"]
        subprocess.run([*enter, sys.executable, "-m", "bench.balancer"], check=True, cwd=Path(__file__).parents[1])
        return [Figure(**figure) for figure in json.loads((Path(state) / FIGURES.name).read_text())]


if __name__ == "__main__":
    inside()
