"""A balancer node beside a hand-written HAProxy on the same machine: `python -m bench.balancer`.

Both forward to the same nginx, from the same client, in turns; nginx, the client and both balancers are machines.
The exit status is 1 if the node does not reach its promised share of the other's requests per second.
"""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from aftershock.engines.balancer import Backend, Balancers, Check, Forward, Listener, NodeSpec, Place, Server, Share
from aftershock.engines.balancer.balancers import LAYER
from aftershock.engines.images import Images, LayerRecipe
from aftershock.engines.machines import Machines, MachineSpec
from aftershock.engines.volumes import Volumes

STATE, CACHE = Path("/run/aftershock/state"), Path("/run/aftershock/cache")
TOOLS = LayerRecipe("bench-balancer", ("nginx-light", "wrk"))
PROMISED = 0.95
ROUNDS, SECONDS, CONNECTIONS = 5, 4, 32
CPUS = 2.0
ADDRESSES = {"client": "10.99.0.2", "server": "10.99.0.3", "node": "10.99.0.4", "hand": "10.99.0.5"}
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

# What somebody writes who has read HAProxy's manual once: the same threads, the header that servers ask for, checks.
BY_HAND = f"""
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


def sh(*argv: str) -> None:
    subprocess.run(argv, check=True)


def connect() -> None:
    """A network of its own for each machine, all on one bridge."""
    sh("ip", "link", "add", "bench", "type", "bridge")
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
        await self.machine("hand", LAYER, ("/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/bench/cfg"), cfg=BY_HAND)
        backend = Backend("all", (Server(ADDRESSES["server"], 80),), check=Check(interval_s=5))
        listener = Listener(80, "http", Forward((Share("all"),)))
        place = Place("node", "node", CPUS)
        await self.balancers.ensure(NodeSpec("bench-node", place, "0" * 32, (listener,), (backend,)))
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

    def ask(self, name: str) -> tuple[float, float, float]:
        """Requests per second, the 99th percentile of their latency in ms, and µs of the balancer's cpu for each.

        The last does not depend on what else the host does.
        """
        before = self.cpu_s(name)
        wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", f"http://{ADDRESSES[name]}/"]
        command = self.machines.entering("client", wrk)
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        if "Non-2xx" in said or "Socket errors" in said:
            raise RuntimeError(said)
        late = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
        asked = re.search(r"(\d+) requests in", said)
        assert late and rate and asked, said
        used_us = (self.cpu_s(name) - before) / int(asked[1]) * 1e6
        return float(rate[1]), float(late[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[late[2]], used_us


def measure() -> int:
    connect()
    bench = Bench()
    try:
        asyncio.run(bench.start())
        rounds = [(bench.ask("node"), bench.ask("hand")) for _ in range(ROUNDS)]
    finally:
        asyncio.run(bench.stop())
    share = statistics.median(node[0] / hand[0] for node, hand in rounds)
    for index, name in enumerate(("node", "by hand")):
        rates = statistics.median(pair[index][0] for pair in rounds)
        late = statistics.median(pair[index][1] for pair in rounds)
        used = statistics.median(pair[index][2] for pair in rounds)
        print(
            f"{name:8} {rates:8.0f} requests/s, p99 {late:6.2f} ms, {used:5.1f} µs of cpu each "
            f"(medians of {ROUNDS} rounds of {SECONDS} s)"
        )
    print(f"share    {share:8.3f} of the requests per second; promised {PROMISED}")
    return 0 if share >= PROMISED else 1


def main() -> int:
    if "AFTERSHOCK_INSIDE" in os.environ:
        return measure()
    with tempfile.TemporaryDirectory(prefix="aftershock-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as state:
        enter = [sys.executable, "-m", "aftershock.ground.enter", "--state", state, "--egress", "--"]
        return subprocess.run([*enter, sys.executable, "-m", "bench.balancer"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
