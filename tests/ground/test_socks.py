"""The SOCKS5 door over a real socket, into a region in which a host answers at public addresses."""

import asyncio
import socket
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.ground import launcher
from aftershock.ground.launcher import Program, Settings
from aftershock.ground.socks import Door, Reply, allowed
from tests.conftest import eventually
from tests.ground.conftest import SOCKS, children_of, command_of, inside, status_of

ADDRESS = "198.18.0.5"
ECHO = """
import http.server, socketserver, threading
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
class Late(socketserver.BaseRequestHandler):
    def handle(self):
        size = 0
        while data := self.request.recv(65536):
            size += len(data)
        self.request.sendall(b"%d bytes" % size)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a page")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 1024
for port, handler in ((7, Echo), (8, Late), (80, Page)):
    threading.Thread(target=Server(("198.18.0.5", port), handler).serve_forever).start()
"""
NETWORK = """
set -e
ip addr replace 198.18.0.5/32 dev lo
ip addr replace 169.254.169.253/32 dev lo
ip route replace unreachable 198.19.0.0/16
exec dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --user=root --pid-file= \
    --bind-interfaces --listen-address=169.254.169.253 --address=/site.test/198.18.0.5 --address=/outside.test/192.0.2.1
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    home = tmp_path_factory.mktemp("socks")
    programs = (Program("network", ("sh", "-c", NETWORK)), Program("echo", ("/usr/bin/python3", "-c", ECHO)), SOCKS)
    region = launcher.start(
        Settings(
            home / "state",
            home / "cache",
            api_port=0,
            socks_port=0,
            dns_port=0,
            console_port=0,
            egress=False,
            programs=programs,
        )
    )
    try:

        def ready():
            for port in ("7", "8", "80"):
                assert inside(region, "bash", "-c", f"exec 3<>/dev/tcp/{ADDRESS}/{port}").returncode == 0
            assert ADDRESS in inside(region, "getent", "ahostsv4", "site.test").stdout

        eventually(ready)
        yield region
    finally:
        launcher.stop(home / "state")


@pytest.fixture
def client(running):
    with socket.create_connection(("127.0.0.1", running.ports["socks"]), timeout=20) as connection:
        yield connection


def request(host, port, command=1):
    if host.replace(".", "").isdecimal():
        return struct.pack("!BBBB4sH", 5, command, 0, 1, socket.inet_aton(host), port)
    return struct.pack("!BBBBB", 5, command, 0, 3, len(host)) + host.encode() + struct.pack("!H", port)


def exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        assert more, f"the door closed after {data!r}"
        data += more
    return data


def to_end(connection):
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def connect(connection, host, port, command=1):
    connection.sendall(b"\x05\x01\x00")
    assert exactly(connection, 2) == b"\x05\x00"
    connection.sendall(request(host, port, command))
    answer = exactly(connection, 10)
    assert answer[0] == 5 and answer[2:4] == b"\x00\x01"
    return Reply(answer[1])


@pytest.mark.parametrize("host", [ADDRESS, "site.test", "www.site.test"])
def test_addresses_and_names_of_the_region_are_reached(client, host):
    assert connect(client, host, 7) is Reply.SUCCEEDED
    client.sendall(b"hello")
    assert exactly(client, 5) == b"hello"


@pytest.mark.parametrize(
    "host, port, code",
    [
        (ADDRESS, 9, Reply.CONNECTION_REFUSED),
        ("198.19.0.1", 80, Reply.HOST_UNREACHABLE),
        ("198.18.9.9", 80, Reply.NETWORK_UNREACHABLE),  # no route at all
        ("absent.invalid", 80, Reply.HOST_UNREACHABLE),
        ("a..b", 80, Reply.HOST_UNREACHABLE),
        ("x" * 255, 80, Reply.HOST_UNREACHABLE),
        ("", 80, Reply.HOST_UNREACHABLE),
        ("with space.test", 80, Reply.HOST_UNREACHABLE),
        ("192.0.2.1", 80, Reply.NOT_ALLOWED),
        ("outside.test", 80, Reply.NOT_ALLOWED),
        ("127.0.0.1", 80, Reply.NOT_ALLOWED),
        ("localhost", 80, Reply.NOT_ALLOWED),
        ("169.254.169.253", 53, Reply.NOT_ALLOWED),
        ("10.0.2.2", 80, Reply.NOT_ALLOWED),
        ("0.0.0.0", 7, Reply.NOT_ALLOWED),
    ],
)
def test_what_cannot_be_reached_has_its_own_reply(client, host, port, code):
    assert connect(client, host, port) is code
    assert to_end(client) == b""


@pytest.mark.parametrize("command", [0, 2, 3, 255])
def test_only_connect_is_served(client, command):
    assert connect(client, ADDRESS, 7, command) is Reply.COMMAND_NOT_SUPPORTED


def test_an_ipv6_address_is_refused_as_such(client):
    client.sendall(b"\x05\x01\x00" + b"\x05\x01\x00\x04" + bytes(16) + b"\x00\x50")
    assert to_end(client)[:4] == b"\x05\x00" + b"\x05\x08"


def test_a_client_that_insists_on_a_password_is_told(client):
    client.sendall(b"\x05\x01\x02")
    assert to_end(client) == b"\x05\xff"


def test_a_socks4_client_is_turned_away(client):
    client.sendall(b"\x04\x01\x00\x50\xc6\x12\x00\x05\x00")
    assert to_end(client) == b""


def test_a_request_may_come_in_pieces(client):
    for byte in b"\x05\x02\x00\x02" + request("site.test", 7):
        client.sendall(bytes([byte]))
    assert exactly(client, 12)[:4] == b"\x05\x00\x05\x00"


def test_what_is_sent_with_the_request_is_not_lost(client):
    client.sendall(b"\x05\x01\x00" + request(ADDRESS, 7) + b"early")
    assert exactly(client, 12 + 5)[12:] == b"early"


def test_one_direction_may_end_before_the_other(client):
    assert connect(client, ADDRESS, 8) is Reply.SUCCEEDED
    client.sendall(b"x" * 100_000)
    client.shutdown(socket.SHUT_WR)
    assert to_end(client) == b"100000 bytes"


def test_much_data_passes_both_ways_and_the_door_does_not_hold_it(running, client):
    assert connect(client, ADDRESS, 7) is Reply.SUCCEEDED
    size, sent, received = 200_000_000, 0, 0
    client.settimeout(0.5)
    chunk = b"x" * 65536
    try:
        while sent < size:  # nobody reads: the door has to stop reading as well
            sent += client.send(chunk)
    except TimeoutError:
        pass
    assert sent < 64_000_000
    (door,) = [pid for pid in children_of(running.keeper.pid) if b"aftershock.ground.socks" in command_of(pid)]
    (kib,) = [int(line.split()[1]) for line in status_of(door).splitlines() if line.startswith("VmRSS")]
    assert kib < 100_000
    client.settimeout(20)
    while received < sent:
        received += len(client.recv(1 << 20))
    assert received == sent


def test_many_clients_at_once_and_idle_ones(running):
    with_all = []
    try:
        for _ in range(200):
            with_all.append(socket.create_connection(("127.0.0.1", running.ports["socks"]), timeout=20))
        for connection in with_all:
            assert connect(connection, ADDRESS, 7) is Reply.SUCCEEDED
        for connection in reversed(with_all):
            connection.sendall(b"here")
            assert exactly(connection, 4) == b"here"
    finally:
        for connection in with_all:
            connection.close()


def test_curl_reaches_a_name_through_it(running):
    def curl(url):
        proxy = f"socks5h://127.0.0.1:{running.ports['socks']}"
        command = ["curl", "-sS", "-m", "10", "-x", proxy, url]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert curl("http://site.test/").stdout == "a page"
    refused = curl("http://outside.test/")
    assert refused.returncode == 97 and "(2)" in refused.stderr


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda tail: b"\x05\x01\x00" + tail),
        st.binary(max_size=300).map(lambda tail: b"\x05\x01\x00\x05\x01\x00" + tail),
        st.binary(max_size=255).map(
            lambda name: b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x00\x07"
        ),
    )
)
def test_whatever_is_sent_it_answers_in_the_protocol_or_not_at_all(running, data):
    with socket.create_connection(("127.0.0.1", running.ports["socks"]), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = to_end(connection)
    assert answer in (b"", b"\x05\xff", b"\x05\x00") or (answer[:3] == b"\x05\x00\x05" and answer[3] in set(Reply))


def test_after_all_that_it_has_logged_no_traceback(running):
    log = running.state / "logs/doors.log"
    assert not log.exists() or "Traceback" not in log.read_text()


def test_who_comes_above_the_limit_is_turned_away_at_once():
    async def three_clients():
        server = await asyncio.start_server(Door(most_connections=2).serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            for _, writer in clients:
                writer.write(b"\x05\x01\x00")
            answers = []
            for reader, writer in clients:
                try:
                    answers.append(await reader.read(2))
                except ConnectionResetError:
                    answers.append(b"")
                writer.close()
            return answers

    assert asyncio.run(three_clients()) == [b"\x05\x00", b"\x05\x00", b""]


@given(st.ip_addresses(v=4).map(str))
def test_only_the_public_range_is_allowed(address):
    assert bool(allowed([address])) == address.startswith(("198.18.", "198.19."))
