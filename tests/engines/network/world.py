"""Routers with machines that are no more than namespaces, and sockets in them; the tests themselves run outside."""

import asyncio
import contextlib
import socket
import subprocess
import threading
from dataclasses import replace

from aftershock.engines.network import Cidr, GroupSpec, Members, Network, PortSpec, RouterSpec, Rule, open_in
from aftershock.engines.network.echo import Echoes
from aftershock.engines.network.outside import Outside

ICMP, TCP, UDP = 1, 6, 17
ANY = Cidr("0.0.0.0/0")
ALL = Rule(ANY)
A1, A2, B1 = "10.0.1.10", "10.0.1.11", "10.0.2.10"  # of machines, two of them in one subnet
OUTSIDE_DEVICE = "far0"  # the real one is tap0, and may be there
SILENCE_S = 0.4  # how long nothing has to come before we call it blocked


class World:
    def __init__(self, name):
        self.name, self.network = name, Network(Outside(device=OUTSIDE_DEVICE))
        self.open_sockets = contextlib.ExitStack()

    def run(self, coroutine):
        return asyncio.run(coroutine)

    def router(self, name="vpc", cidr="10.0.0.0/16", *, attached=True):
        base = cidr.split(".")
        spec = RouterSpec(f"{self.name}-{name}", (cidr,), f"{base[0]}.{base[1]}.0.2", gateway_attached=attached)
        self.run(self.network.ensure_router(spec))
        return spec

    def group(self, name, ingress=(), egress=(ALL,), router="vpc"):
        spec = GroupSpec(name, f"{self.name}-{router}", tuple(ingress), tuple(egress))
        self.run(self.network.ensure_group(spec))
        return spec

    def machine(self, name, address, groups, *, router="vpc", zone="zone-a", public=None, internet=("0.0.0.0/0",)):
        name = f"{self.name}-{name}"
        octets = address.split(".")
        spec = PortSpec(
            name=name,
            router=f"{self.name}-{router}",
            netns=f"m-{name}",
            mac="02:00:" + ":".join(f"{int(octet):02x}" for octet in octets),
            address=address,
            prefix_len=24,
            gateway=".".join([*octets[:3], "1"]),
            zone=zone,
            groups=tuple(groups),
            public=public,
            internet=internet,
        )
        self.run(self.network.ensure_port(spec))
        return spec

    def change(self, port, **changes):
        changed = replace(port, **changes)
        self.run(self.network.ensure_port(changed))
        return changed

    def socket(self, where, kind=socket.SOCK_STREAM, protocol=0):
        """A socket in a machine, or outside where there is none; closed at the end."""
        made = socket.socket(socket.AF_INET, kind, protocol) if where is None else open_in(where.netns, kind=kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return self.open_sockets.enter_context(made)

    def serve(self, where, port, address="0.0.0.0"):
        """Tell everyone who connects which address they come from, and repeat what they say."""
        listener = self.socket(where)
        listener.bind((address, port))
        listener.listen()
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()

    def serve_udp(self, where, port, address="0.0.0.0"):
        listener = self.socket(where, socket.SOCK_DGRAM)
        listener.bind((address, port))
        threading.Thread(target=_serve_udp, args=(listener,), daemon=True).start()

    def flow(self, where, address, port, source_port=0):
        """A connection, and as whom the other end sees it.  Raises TimeoutError or ConnectionRefusedError."""
        connection = self.socket(where)
        connection.settimeout(SILENCE_S)
        connection.bind(("0.0.0.0", source_port))
        connection.connect((address, port))
        return connection, connection.recv(100).decode()

    def reach(self, where, address, port):
        """As whom the other end sees us; or "blocked", or "refused"."""
        try:
            connection, seen_as = self.flow(where, address, port)
        except TimeoutError:
            return "blocked"
        except ConnectionRefusedError:
            return "refused"
        connection.close()
        return seen_as

    def reach_udp(self, where, address, port):
        question = self.socket(where, socket.SOCK_DGRAM)
        question.settimeout(SILENCE_S)
        question.connect((address, port))
        question.send(b"?")
        try:
            return question.recv(100).decode()
        except TimeoutError:
            return "blocked"
        except ConnectionRefusedError:
            return "refused"

    def pings(self, where, address):
        return self.run(_ping(where.netns, address))

    def close(self):
        self.open_sockets.close()
        mine = [port.spec for port in self.run(self.network.list_ports()) if port.spec.name.startswith(f"{self.name}-")]
        for port in mine:
            self.run(self.network.remove_port(port.name))
        for router in self.run(self.network.list_routers()):
            if router.name.startswith(f"{self.name}-"):
                self.run(self.network.remove_router(router.name))


def allow(peer, protocol, port=None):
    peer = Members(peer) if isinstance(peer, str) and not peer[0].isdigit() else peer
    peer = Cidr(peer) if isinstance(peer, str) else peer
    return Rule(peer, protocol, (port, port) if port is not None else None)


def still_talks(connection, word=b"still there?"):
    connection.settimeout(SILENCE_S)
    try:
        connection.sendall(word)
        return connection.recv(100) == word
    except OSError:
        return False


def sh(*argv, netns=None, stdin=None):
    prefix = ["nsenter", f"--net=/run/netns/{netns}"] if netns else []
    return subprocess.run([*prefix, *argv], capture_output=True, text=True, check=True, timeout=20, input=stdin).stdout


async def _ping(netns, address):
    echoes = Echoes()
    try:
        return await echoes.ping(netns, address, SILENCE_S)
    finally:
        echoes.close()


def _serve(listener):
    with contextlib.suppress(OSError):
        while True:
            connection, (peer, _) = listener.accept()
            connection.sendall(peer.encode())
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection):
    with contextlib.suppress(OSError), connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def _serve_udp(listener):
    with contextlib.suppress(OSError, TypeError):  # closed while it waited
        while True:
            _, (peer, port) = listener.recvfrom(1 << 16)
            listener.sendto(peer.encode(), (peer, port))
