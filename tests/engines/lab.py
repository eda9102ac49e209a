"""What tests of machines share: the base image, networks of their own, and a stand-in for the metadata service."""

import asyncio
import contextlib
import itertools
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aftershock.engines.images import Images
from aftershock.engines.machines import Machines, MachineSpec, cgroups
from aftershock.engines.machines.machines import GROUND
from aftershock.engines.volumes import Volumes

STATE, CACHE = Path("/run/aftershock/state"), Path("/run/aftershock/cache")
METADATA = "169.254.169.254"
_numbers = itertools.count(1)


def eventually(check, *, within_s=30.0, every_s=0.02):
    """Call `check` until it returns without an AssertionError; after `within_s`, let the last one out."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(every_s)


def sh(*argv, check=True):
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, f"{argv}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


class Lab:
    """One directory with its images, volumes and machines, and what the tests do with them."""

    def __init__(self):
        self.number = next(_numbers)
        self.state = STATE / f"lab{self.number}"
        self.state.mkdir()
        self.runtime_root = Path(f"/run/lab{self.number}")
        self.images = Images(self.state, CACHE)
        self.base = asyncio.run(self.images.ensure_base()).name
        self.volumes = Volumes(self.state, self.images)
        self.machines = self.another()
        self.networks = {}

    def another(self):
        return Machines(self.state, self.images, self.volumes, runtime_root=self.runtime_root)

    def spec(self, name, **changes):
        """A machine's spec with a volume and a network that are there."""
        name = f"{name}-{self.number}"
        asyncio.run(self.volumes.ensure(changes.get("volume", name), source=None))
        self.network(name)
        return MachineSpec(
            **{
                "name": name,
                "hostname": name,
                "layers": (self.base,),
                "volume": name,
                "netns": name,
                "nameserver": "10.0.2.3",
                "search": "",
                "cpus": 1.0,
                "memory_mib": 512,
            }
            | changes
        )

    def network(self, name):
        """A network namespace with a link to ours; returns the address at the machine's end."""
        if name not in self.networks:
            number = next(_numbers)
            here, there = f"10.77.{number}.1", f"10.77.{number}.2"
            sh("ip", "netns", "add", name)
            sh("ip", "link", "add", f"lab{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            sh("ip", "addr", "add", f"{here}/30", "dev", f"lab{number}")
            sh("ip", "link", "set", f"lab{number}", "up")
            for words in (f"addr add {there}/30 dev eth0", "link set eth0 up", "link set lo up"):
                sh("ip", "-n", name, *words.split())
            sh("ip", "-n", name, "route", "add", "default", "via", here)
            self.networks[name] = there
        return self.networks[name]

    def ensure(self, spec):
        asyncio.run(self.machines.ensure(spec))
        return self.observe(spec)

    def observe(self, spec):
        return asyncio.run(self.machines.observe(spec.name))

    def run(self, spec, script, *, check=True):
        """Run a line of shell in a running machine, as its root."""
        return sh(*self.machines.entering(spec.name, ["/bin/sh", "-c", script]), check=check)

    def booted(self, spec):
        """Wait until the machine's systemd has finished its boot."""

        def check():
            assert self.run(spec, "systemctl is-active multi-user.target", check=False) == "active\n"

        eventually(check)

    def close(self):
        for name in asyncio.run(self.machines.names()):
            asyncio.run(self.machines.remove(name))
        for name in self.networks:
            sh("ip", "netns", "del", name)
        sh("rm", "-rf", str(self.state), str(self.runtime_root))
        assert not leftovers(self.number)


def leftovers(number):
    """What of a lab's machines is still on this host: cgroups, mounts, processes."""
    mounted = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"/lab{number}/" in line]
    ours = [one.path for one in cgroups.parse(GROUND.read_text())]  # others of the host have machines too
    lent = [str(path) for root in ours for path in root.glob(f"**/machine-*-{number}")]
    running = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
            if f"/lab{number}/".encode() in words:
                running.append(words)
    return mounted + lent + running


class Metadata:
    """Serves what it is told at the metadata service's address, version 2 only: no token, no answer."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                self.answer(200, b"the-token")

            def do_GET(self):
                service.asked.append(self.path)
                if self.headers["X-aws-ec2-metadata-token"] != "the-token":
                    return self.answer(401, b"")
                text = service.answers.get(self.path.removeprefix("/latest/"))
                return self.answer(404, b"<html>") if text is None else self.answer(200, text)

            def answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        sh("ip", "addr", "replace", f"{METADATA}/32", "dev", "lo")
        self.server = ThreadingHTTPServer((METADATA, 80), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def describe(self, instance_id, user_data=None, **more):
        self.answers = {"meta-data/instance-id": instance_id.encode(), **more}
        if user_data is not None:
            self.answers["user-data"] = user_data

    def close(self):
        self.server.shutdown()
        self.server.server_close()
