"""What tests of balancer nodes share: a network, servers that say what they were asked, and a client."""

import asyncio
import base64
import contextlib
import hashlib
import http.client
import itertools
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aftershock.engines.balancer import Backend, Balancers, Check, Forward, Listener, NodeSpec, Place, Server, Share
from tests.engines.lab import CACHE, STATE, eventually, sh

_numbers = itertools.count(1)
HERE = "10.88.0.1"  # our own end of every node's link
KEY = "0123456789abcdef0123456789abcdef"


def check(**changes):
    """A health check that a test need not wait long for."""
    return Check(**{"interval_s": 0.1, "timeout_s": 1.0, "healthy_threshold": 3, "unhealthy_threshold": 2} | changes)


class Target(ThreadingHTTPServer):
    """A server that answers with its name, and does as it is told."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name, tls=None):
        self.name, self.healthy, self.status = name, True, 200
        self.checks, self.requests, self.headers = [], [], {}  # what it was asked, and headers that it answers with
        self.hold = threading.Event()  # what asks for /slow waits for it
        target = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                if self.headers["User-Agent"] == "ELB-HealthChecker/2.0":
                    target.checks.append(dict(self.headers) | {"path": self.path, "healthy": target.healthy})
                    self.answer(200 if target.healthy else 500, b"")
                    return
                target.requests.append((self.path, self.headers))
                if self.headers["Upgrade"]:
                    self.echo()
                    return
                if self.path.startswith("/slow"):
                    target.hold.wait(30)
                self.answer(target.status, target.name.encode())

            def do_POST(self):
                self.do_GET()

            def answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                for header, value in target.headers.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(text)

            def echo(self):
                self.send_response(101)
                self.send_header("Upgrade", "websocket")
                self.send_header("Connection", "Upgrade")
                both = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
                accept = base64.b64encode(hashlib.sha1(both.encode()).digest()).decode()
                self.send_header("Sec-WebSocket-Accept", accept)
                self.end_headers()
                while text := self.connection.recv(4096):
                    self.connection.sendall(text)
                self.close_connection = True

            def log_message(self, *args):
                pass

        super().__init__((HERE, 0), Handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.port = self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def server(self, **changes):
        return Server(HERE, self.port, **changes)

    def handle_error(self, *args):
        pass

    def die(self):
        """Nobody listens any more."""
        self.hold.set()
        self.shutdown()
        self.server_close()


class Answer:
    def __init__(self, response, body):
        self.status, self.reason, self.body = response.status, response.reason, body
        self.headers = response.headers

    def cookie(self, name):
        found = [text for text in self.headers.get_all("Set-Cookie", []) if text.startswith(f"{name}=")]
        return found[0] if found else None


class World:
    def __init__(self):
        self.number = next(_numbers)
        self.state = STATE / f"balancers{self.number}"
        self.state.mkdir()
        self.runtime_root = Path(f"/run/balancers{self.number}")
        self.balancers = self.another()
        self.targets, self.networks = [], []
        self.address = self.network(f"node{self.number}", 2)

    def another(self):
        return Balancers(self.state, CACHE, runtime_root=self.runtime_root)

    def network(self, name, host):
        bridge = "balanced"
        if not sh("ip", "link", "show", bridge, check=False):
            sh("ip", "link", "add", bridge, "type", "bridge")
            sh("ip", "addr", "add", f"{HERE}/24", "dev", bridge)
            sh("ip", "link", "set", bridge, "up")
        sh("ip", "netns", "add", name)
        sh("ip", "link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        sh("ip", "link", "set", f"v{name}", "master", bridge, "up")
        for words in (f"addr add 10.88.0.{host}/24 dev eth0", "link set eth0 up", "link set lo up"):
            sh("ip", "-n", name, *words.split())
        sh("ip", "-n", name, "route", "add", "default", "via", HERE)
        self.networks.append(name)
        return f"10.88.0.{host}"

    def target(self, name, **changes):
        self.targets.append(Target(name, **changes))
        return self.targets[-1]

    def spec(self, *targets, **changes):
        """A node with a listener on port 80 that forwards to these targets; `backend` changes their backend."""
        servers = tuple(target.server() for target in targets)
        backend = Backend(**{"name": "all", "servers": servers, "check": check()} | changes.pop("backend", {}))
        listener = Listener(80, "http", Forward((Share("all"),)))
        return NodeSpec(
            **{
                "name": f"lb-{self.number}",
                "place": Place(f"node{self.number}", "balancer", 2.0),
                "key": KEY,
                "listeners": (listener,),
                "backends": (backend,),
            }
            | changes
        )

    def ensure(self, spec, *, settled=True):
        asyncio.run(self.balancers.ensure(spec))
        if settled:
            self.settled(spec)
        return spec

    def settled(self, spec):
        """Wait until every server has been judged."""

        def check():
            seen = self.observe(spec)
            assert all(target.state != "initial" for target in seen.targets), seen

        eventually(check)

    def observe(self, spec):
        return asyncio.run(self.balancers.observe(spec.name))

    def states(self, spec):
        return {target.server: target.state for target in self.observe(spec).targets}

    def get(self, path="/", *, method="GET", port=80, headers=None, body=None):
        connection = http.client.HTTPConnection(self.address, port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def raw(self, text, port=80):
        """What comes back for these bytes, until the connection is closed."""
        with socket.create_connection((self.address, port), timeout=20) as connection:
            connection.sendall(text)
            answer = b""
            while more := connection.recv(65536):
                answer += more
            return answer

    def close(self):
        for name in asyncio.run(self.balancers.list()):
            asyncio.run(self.balancers.remove(name))
        for target in self.targets:
            with contextlib.suppress(OSError):
                target.die()
        for name in self.networks:
            sh("ip", "netns", "del", name)
        left = [str(path) for path in self.state.rglob("*") if path.is_file() and path.name != "lock"]
        sh("rm", "-rf", str(self.state), str(self.runtime_root))
        assert not left


class Load:
    """Clients that ask again and again until told to stop; what went wrong."""

    def __init__(self, world, clients=4, *, keep_alive=True, path="/"):
        self.world, self.keep_alive, self.path = world, keep_alive, path
        self.failed, self.served, self.stopping = [], [], False
        self.threads = [threading.Thread(target=self.ask, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping = True
        for thread in self.threads:
            thread.join(30)

    def more(self, count):
        """Wait until so many more requests have been answered."""
        wanted = len(self.served) + count

        def check():
            assert len(self.served) >= wanted or self.failed, len(self.served)

        eventually(check)

    def ask(self):
        connection = None
        while not self.stopping:
            try:
                connection = connection or http.client.HTTPConnection(self.world.address, 80, timeout=20)
                connection.request("GET", self.path)
                response = connection.getresponse()
                body = response.read()
                (self.served if response.status == 200 else self.failed).append((response.status, body))
                if not self.keep_alive or response.will_close:
                    connection.close()
                    connection = None
            except OSError as error:
                self.failed.append((time.monotonic(), repr(error)))
                connection = None
            except http.client.HTTPException as error:
                self.failed.append((time.monotonic(), repr(error)))
                connection = None


def processes(name):
    """The pids of a program's processes in this region."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_text().split("\0")[0] == name:
                found.append(int(entry.name))
        except OSError:
            continue
    return sorted(found)


def with_servers(spec, *servers):
    return replace(spec, backends=(replace(spec.backends[0], servers=servers), *spec.backends[1:]))
