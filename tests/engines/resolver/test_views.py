"""Who asks decides what is seen: machines behind routers, over the network as the kernel has it."""

import asyncio
import os
import socket
import subprocess
import sys

import dns.message
import dns.query
import pytest

from aftershock.engines.network import GroupSpec, Network, Outside, PortSpec, RouterSpec, open_in
from aftershock.engines.network.spec import router_device
from aftershock.engines.resolver import Numbered, Resolver, Snapshot, View
from tests.conftest import eventually

from .running import records, zone

ADDRESS = "169.254.169.253"
NUMBERED = (Numbered("ec2.internal.", "ip-", ("10.0.0.0/16",)),)
SNAPSHOT = Snapshot(
    1,
    (
        View("internet", ("public",)),
        View("one", ("private", "own"), (router_device("vpc-one"),)),
        View("two", ("public",), (router_device("vpc-two"),)),
        View("off", ("public",), (router_device("vpc-off"),), answers=False),
    ),
    (
        zone("example.com.", records("www.example.com.", "A", "198.18.0.1"), id="public"),
        zone("example.com.", records("www.example.com.", "A", "10.0.0.7"), id="private"),
        zone("ec2.internal.", id="own", numbered=NUMBERED),
    ),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = tmp_path_factory.mktemp("views")
    network = Network(Outside(device="far0"))
    ports = []
    for name in ("one", "two", "off"):
        router = f"vpc-{name}"
        asyncio.run(network.ensure_router(RouterSpec(router, ("10.0.0.0/16",), "10.0.0.2", gateway_attached=False)))
        asyncio.run(network.ensure_group(GroupSpec(f"shut-{name}", router)))
        mac = f"02:00:00:00:00:0{len(ports) + 1}"
        port = PortSpec(f"p-{name}", router, f"m-{name}", mac, "10.0.1.10", 24, "10.0.1.1", "zone-a", (f"shut-{name}",))
        asyncio.run(network.ensure_port(port))
        ports.append(port)
    path = directory / "snapshot.json"
    argv = [sys.executable, "-m", "aftershock.engines.resolver", "--snapshot", path, "--own-address"]
    process = subprocess.Popen(argv, env=os.environ)
    resolver = Resolver(path)

    eventually(lambda: _assert(asyncio.run(resolver.observe()) is not None))
    asyncio.run(resolver.ensure(SNAPSHOT))
    yield network
    process.terminate()
    process.wait(10)
    for port in ports:
        asyncio.run(network.remove_port(port.name))
        asyncio.run(network.remove_router(port.router))


def ask(machine, name, kind="A", *, server=ADDRESS, tcp=False):
    query = dns.message.make_query(name, kind)
    if machine is None:
        found = dns.query.udp(query, server, timeout=5)
    elif tcp:
        with open_in(machine, kind=socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect((server, 53))
            dns.query.send_tcp(connection, query)
            found, _ = dns.query.receive_tcp(connection)
    else:
        with open_in(machine, kind=socket.SOCK_DGRAM) as one:
            one.settimeout(5)
            one.connect((server, 53))
            one.send(query.to_wire())
            found = dns.message.from_wire(one.recv(4096))
    return found.rcode().name, [one.to_text() for rrset in found.answer for one in rrset]


@pytest.mark.parametrize("server", [ADDRESS, "10.0.0.2"])
@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize(
    "machine, found",
    [("m-one", ("NOERROR", ["10.0.0.7"])), ("m-two", ("NOERROR", ["198.18.0.1"])), ("m-off", ("REFUSED", []))],
)
def test_each_networks_machines_see_their_own_zones_on_both_addresses(world, machine, found, server, tcp):
    for _ in range(3):
        assert ask(machine, "www.example.com", server=server, tcp=tcp) == found


def test_the_internet_sees_the_public_zones(world):
    assert ask(None, "www.example.com") == ("NOERROR", ["198.18.0.1"])


def test_private_names_are_those_of_the_own_network(world):
    assert ask("m-one", "ip-10-0-3-4.ec2.internal") == ("NOERROR", ["10.0.3.4"])
    assert ask("m-two", "ip-10-0-3-4.ec2.internal") == ("NXDOMAIN", [])


def test_a_router_made_anew_is_told_apart_again(world):
    assert ask("m-two", "www.example.com") == ("NOERROR", ["198.18.0.1"])
    port = PortSpec(
        "p-new", "vpc-new", "m-new", "02:00:00:00:00:09", "10.0.1.10", 24, "10.0.1.1", "zone-a", ("shut-new",)
    )
    asyncio.run(world.ensure_router(RouterSpec("vpc-new", ("10.0.0.0/16",), "10.0.0.2", gateway_attached=False)))
    asyncio.run(world.ensure_group(GroupSpec("shut-new", "vpc-new")))
    asyncio.run(world.ensure_port(port))
    try:
        assert ask("m-new", "www.example.com") == ("NOERROR", ["198.18.0.1"])  # no view has it: the public one
    finally:
        asyncio.run(world.remove_port("p-new"))
        asyncio.run(world.remove_router("vpc-new"))


def _assert(condition):
    assert condition
