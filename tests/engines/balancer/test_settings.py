"""What a node can be told beside its rules and servers, asked of it from outside."""

import datetime
import socket
import ssl
import subprocess
import threading
from dataclasses import replace

import pytest

from aftershock.engines.balancer import (
    Backend,
    Fixed,
    Forward,
    Header,
    Host,
    Http,
    Listener,
    Path,
    Rule,
    Server,
    Share,
    Sticky,
    Tls,
)
from aftershock.engines.certificates import CertificateAuthority
from tests.engines.lab import eventually

from .world import HERE, check, with_servers

ALL = Forward((Share("all"),))


@pytest.fixture
def authority(tmp_path):
    authority = CertificateAuthority(tmp_path / "authority")
    authority.ensure(datetime.datetime.now(datetime.UTC))
    return authority


def bundle(authority, host):
    issued = authority.issue(host, [host], datetime.datetime.now(datetime.UTC))
    return issued.chain.read_text() + issued.key.read_text()


def agreed(world, authority, *, versions=None, ciphers=None):
    """The version and cipher that a client and the balancer agree on; None if they do not."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if versions:
        context.minimum_version, context.maximum_version = versions
    context.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0")
    with socket.create_connection((world.address, 443), timeout=20) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="one.test") as connection:
                return connection.version(), connection.cipher()[0]
        except (ssl.SSLError, ConnectionError):
            return None


def test_clients_are_offered_the_versions_and_ciphers_that_were_named(world, authority):
    target, v = world.target("a"), ssl.TLSVersion
    listener = Listener(443, "tls-http", ALL, certificates=(bundle(authority, "one.test"),))
    spec = world.spec(target, http=Http(tls_headers=True))

    def offer(*protocols, ciphers=()):
        world.ensure(replace(spec, listeners=(replace(listener, tls=Tls(protocols, ciphers)),)))

    cipher = ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384")
    offer("TLSv1.2", ciphers=cipher)
    assert agreed(world, authority) in [("TLSv1.2", one) for one in cipher]
    assert agreed(world, authority, versions=(v.TLSv1_3, v.TLSv1_3)) is None
    assert agreed(world, authority, versions=(v.TLSv1_2, v.TLSv1_2), ciphers="ECDHE+AES128") is None
    offer("TLSv1.3", ciphers=("TLS_AES_128_GCM_SHA256",))
    assert agreed(world, authority) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert agreed(world, authority, versions=(v.TLSv1_2, v.TLSv1_2)) is None
    where = ("--cacert", str(authority.certificate), "--resolve", f"one.test:443:{world.address}")
    subprocess.run(["curl", "-sS", *where, "https://one.test/"], check=True, timeout=30, capture_output=True)
    headers = target.requests[-1][1]
    assert headers["X-Amzn-Tls-Version"] == "TLSv1.3"
    assert headers["X-Amzn-Tls-Cipher-Suite"] == "TLS_AES_128_GCM_SHA256"
    sha1 = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA")
    offer("TLSv1", "TLSv1.1", "TLSv1.2", ciphers=sha1)
    assert agreed(world, authority, versions=(v.TLSv1, v.TLSv1)) in [("TLSv1", one) for one in sha1]


def test_a_handshake_that_fails_is_counted(world, authority):
    listener = Listener(443, "tls-http", ALL, certificates=(bundle(authority, "one.test"),), tls=Tls(("TLSv1.3",)))
    spec = world.ensure(world.spec(world.target("a"), listeners=(listener,)))
    v = ssl.TLSVersion
    assert agreed(world, authority, versions=(v.TLSv1_2, v.TLSv1_2)) is None

    def counted():
        assert world.observe(spec).counters["listener/443"]["tls_failures"] == 1

    eventually(counted)


@pytest.mark.parametrize("names", [("AWSALB",), ("AWSALBCORS",), ("AWSALB", "AWSALBCORS")])
def test_either_of_the_two_cookies_keeps_a_client_with_its_target(world, names):
    world.ensure(world.spec(*(world.target(name) for name in "abc"), backend={"sticky": Sticky("AWSALB", 60)}))
    first = world.get()
    one, twin = first.cookie("AWSALB"), first.cookie("AWSALBCORS")
    assert twin == one.replace("AWSALB=", "AWSALBCORS=") + "; SameSite=None"
    assert one.endswith("; Path=/")
    sent = "; ".join(first.cookie(name).split(";")[0] for name in names)
    again = [world.get(headers={"Cookie": f"mine=1; {sent}"}) for _ in range(9)]
    assert {answer.body for answer in again} == {first.body}


def test_a_group_is_kept_by_its_second_cookie_alone(world):
    targets = [world.target(name) for name in ("one", "two")]
    backends = tuple(Backend(target.name, (target.server(),), check=check()) for target in targets)
    default = Forward((Share("one"), Share("two")), sticky_s=60)
    world.ensure(world.spec(listeners=(Listener(80, "http", default),), backends=backends))
    first = world.get()
    twin = first.cookie("AWSALBTGCORS")
    assert twin.endswith("; Path=/; SameSite=None")
    sent = {"Cookie": twin.split(";")[0]}
    assert {world.get(headers=sent).body for _ in range(20)} == {first.body}


def test_a_connection_that_has_lasted_its_time_is_closed_after_its_next_answer(world):
    spec = world.spec(world.target("a"), listeners=(Listener(80, "http", Fixed(200)), Listener(81, "http", ALL)))
    world.ensure(replace(spec, http=Http(keep_alive_s=1)))
    for port in (80, 81):
        with socket.create_connection((world.address, port), timeout=20) as connection:

            def closes(connection=connection):
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200")
                assert b"connection: close\r\n" in answer.lower()

            eventually(closes, every_s=0.1)


def test_an_address_that_is_too_long_is_refused_and_many_headers_are_not(world):
    world.ensure(world.spec(world.target("a")))
    assert world.get("/" + "x" * 16383).status == 200
    assert world.get("/" + "x" * 16384).status == 414
    many = {f"X-{number}": "x" * 8000 for number in range(7)}
    assert world.get(headers=many).status == 200
    assert world.get(headers=many | {"X-More": "x" * 16000}).status == 400


def test_values_are_found_as_they_were_written(world):
    def said(text):
        return Fixed(200, "text/plain", text)

    rules = (
        Rule((Path((), ("^/user/[0-9]+$", "^-f")),), said("regex")),
        Rule((Host((), ("^(www|shop)[.]a[.]test$",)), Path(("/x",))), said("host")),
        Rule((Header("X-A", ("-f",), ('it\'s "(so|not)"',)),), said("header")),
        Rule((Path(("/beg*", "*.end", "/one")),), said("plain")),
    )
    world.ensure(world.spec(world.target("a"), listeners=(Listener(80, "http", said("none"), rules),)))

    def body(path, **headers):
        return world.get(path, headers=headers).body.decode()

    assert body("/user/12") == "regex" and body("/user/a") == "none" and body("/a/user/12") == "none"
    assert body("/x", Host="shop.a.test") == "host" and body("/x", Host="shopxa.test") == "none"
    assert body("/", **{"X-A": 'well, it\'s "not"'}) == "header" == body("/", **{"X-A": "-F"})
    assert body("/begin") == "plain" == body("/a.end") == body("/one") and body("/One") == body("/a.ends") == "none"


def test_all_are_asked_when_a_smaller_part_than_wanted_is_healthy(world):
    targets = [world.target(name) for name in "abc"]
    spec = world.ensure(world.spec(*targets, backend={"minimum_healthy_percent": 50}))
    for target, serving in ((targets[0], {b"b", b"c"}), (targets[1], {b"a", b"b", b"c"})):
        target.healthy = False

        def unhealthy(target=target):
            assert world.states(spec)[target.server().id] == "unhealthy"

        eventually(unhealthy)
        assert {world.get().body for _ in range(9)} == serving


class Echo:
    """A server of connections: what it was told first, and an echo of all that follows."""

    def __init__(self):
        self.socket = socket.create_server((HERE, 0))
        self.port, self.told = self.socket.getsockname()[1], []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    def echo(self, connection):
        with connection:
            try:
                self.told.append(connection.recv(4096))
                connection.sendall(b"hello")
                while text := connection.recv(4096):
                    connection.sendall(text)
            except OSError:
                return

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def echo():
    echo = Echo()
    yield echo
    echo.close()


def connections(world, echo, target=None, **changes):
    """A node that forwards connections to the echo; its health is the target's, whose word can be changed."""
    health = check(port=target.port) if target else None
    backend = Backend("all", (Server(HERE, echo.port),), **{"check": health} | changes)
    return world.ensure(world.spec(listeners=(Listener(9000, "tcp", ALL),), backends=(backend,)))


def opened(world):
    connection = socket.create_connection((world.address, 9000), timeout=20)
    connection.sendall(b"first")
    assert connection.recv(5) == b"hello"
    return connection


def goes_on(connection):
    connection.sendall(b"ping")
    return connection.recv(4) == b"ping"


def test_a_server_is_told_whose_connection_it_is(world, echo):
    connections(world, echo, proxy_protocol=True, check=check(protocol="tcp"))
    with opened(world) as connection:
        here, there = connection.getsockname(), connection.getpeername()
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    told = next(text for text in echo.told if text[12:13] == b"\x21")
    assert told.startswith(signature + b"\x21\x11")
    parts = [socket.inet_aton(here[0]), socket.inet_aton(there[0]), *(n.to_bytes(2, "big") for n in (here[1], 9000))]
    assert told[16:28] == b"".join(parts)
    assert signature + b"\x20\0\0\0" in echo.told  # a check is nobody's


@pytest.mark.parametrize("cut", [True, False])
def test_connections_to_a_server_that_falls_ill_end_or_go_on_as_was_wanted(world, echo, cut):
    target = world.target("health")
    spec = connections(world, echo, target, cut_unhealthy=cut)
    with opened(world) as connection:
        target.healthy = False

        def unhealthy():
            assert set(world.states(spec).values()) == {"unhealthy"}

        eventually(unhealthy)
        if cut:
            assert connection.recv(4) == b""
        else:
            assert goes_on(connection)


@pytest.mark.parametrize("cut", [True, False])
def test_connections_to_a_server_that_is_gone_end_or_go_on_as_was_wanted(world, echo, cut):
    spec = connections(world, echo, cut_drained=cut)
    with opened(world) as connection:
        world.ensure(with_servers(spec, Server(HERE, echo.port, drain_until=1.0)))
        if not cut:
            assert goes_on(connection)
        world.ensure(with_servers(spec))
        if cut:
            assert connection.recv(4) == b""
        else:
            assert goes_on(connection)
        assert world.observe(spec).targets == ()
    world.ensure(spec)
    with opened(world) as connection:
        assert goes_on(connection)


def test_a_connection_that_says_nothing_for_long_is_closed(world, echo):
    backend = Backend("all", (Server(HERE, echo.port),), check=None)
    world.ensure(world.spec(listeners=(Listener(9000, "tcp", ALL, idle_timeout_s=0.5),), backends=(backend,)))
    with opened(world) as connection:
        assert connection.recv(4) == b""
