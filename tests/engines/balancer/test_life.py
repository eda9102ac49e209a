"""A node's life: deaths, second owners, wrong wishes, certificates."""

import asyncio
import datetime
import os
import signal
import ssl
import subprocess
from dataclasses import replace

import pytest

from aftershock.engines.balancer import Backend, Fixed, Forward, Listener, Share
from aftershock.engines.certificates import CertificateAuthority
from aftershock.engines.errors import EngineError
from tests.engines.lab import eventually

from .world import HERE, Load, check, processes, with_servers


def gone(name):
    assert processes(name) == []


def ended(world, spec):
    assert world.observe(spec) is None


def served(world, text=b"a"):
    def so():
        try:
            assert world.get().body == text
        except OSError as error:
            raise AssertionError(error) from error

    eventually(so)


def test_ensuring_twice_changes_nothing_and_another_owner_finds_it(world):
    spec = world.ensure(world.spec(world.target("a")))
    before, pids = world.observe(spec), processes("haproxy")
    world.ensure(spec)
    asyncio.run(world.another().ensure(spec))
    assert processes("haproxy") == pids
    assert asyncio.run(world.another().observe(spec.name)).applied == before.applied
    assert asyncio.run(world.another().list()) == {spec.name}


@pytest.mark.parametrize("which", [0, -1], ids=["master", "worker"])
def test_a_killed_haproxy_is_back_by_itself(world, which):
    spec = world.ensure(world.spec(world.target("a")))
    before = processes("haproxy")
    os.kill(before[which], signal.SIGKILL)

    def back():
        now = processes("haproxy")
        assert len(now) == 2 and not set(now) & set(before)

    eventually(back)
    served(world)
    assert world.states(spec) == dict.fromkeys(world.states(spec), "healthy")
    assert world.observe(spec).ports == {80}


def test_a_killed_node_comes_back_with_its_servers_and_what_it_knew_of_them(world):
    good, bad = world.target("a"), world.target("bad")
    bad.healthy = False
    spec = world.ensure(world.spec(good, bad, backend={"check": check(interval_s=60, unhealthy_threshold=1)}))
    assert world.states(spec)[bad.server().id] == "unhealthy"
    machine = asyncio.run(world.balancers.machines.list())[spec.name]
    os.kill(machine.pid, signal.SIGKILL)
    eventually(lambda: ended(world, spec))
    eventually(lambda: gone("haproxy"))
    world.ensure(spec, settled=False)
    assert {world.get().body for _ in range(6)} == {b"a"}
    assert set(world.states(spec).values()) == {"healthy", "unhealthy"}


def test_what_haproxy_refuses_changes_nothing(world):
    spec = world.ensure(world.spec(world.target("a")))
    listener = Listener(443, "tls-http", Forward((Share("all"),)), certificates=("no certificate\n",))
    with Load(world, 2) as load:
        load.more(20)
        with pytest.raises(EngineError, match=r"goes on as before: .*unable to load certificate"):
            world.ensure(replace(spec, listeners=(*spec.listeners, listener)))
        load.more(50)
    assert load.failed == []
    seen = world.observe(spec)
    assert seen.ports == {80} and seen.problem
    # Not even to a node that starts again while it is still wanted.
    os.kill(asyncio.run(world.balancers.machines.list())[spec.name].pid, signal.SIGKILL)
    eventually(lambda: ended(world, spec))
    with pytest.raises(EngineError, match="unable to load"):
        world.ensure(replace(spec, listeners=(*spec.listeners, listener)))
    served(world)
    world.ensure(spec)
    assert world.observe(spec).problem == ""


def test_a_wish_that_cannot_be_meant_never_reaches_the_node(world):
    with pytest.raises(EngineError) as refused:
        world.ensure(world.spec(backend={"name": "all\n  server x"}))
    assert not refused.value.retryable and asyncio.run(world.balancers.list()) == set()


def test_a_removed_node_leaves_nothing(world):
    spec = world.ensure(world.spec(world.target("a")))
    asyncio.run(world.balancers.remove(spec.name))
    asyncio.run(world.balancers.remove(spec.name))
    assert processes("haproxy") == [] and world.observe(spec) is None
    assert asyncio.run(world.balancers.list()) == set()
    world.ensure(spec)
    served(world)


def certificate(authority, *hosts):
    issued = authority.issue(hosts[0], hosts, datetime.datetime.now(datetime.UTC))
    return issued.chain.read_text() + issued.key.read_text()


def test_certificates_are_chosen_by_name_and_clients_can_verify_them(world, tmp_path):
    authority = CertificateAuthority(tmp_path / "authority")
    authority.ensure(datetime.datetime.now(datetime.UTC))
    target = world.target("a")
    bundles = (certificate(authority, "one.test"), certificate(authority, "two.test", "*.two.test"))
    listener = Listener(443, "tls-http", Forward((Share("all"),)), certificates=bundles)
    spec = world.spec(target, listeners=(listener,))
    world.ensure(spec)

    def curl(host, *more):
        where = f"{host}:443:{world.address}"
        command = ["curl", "-sS", "--cacert", str(authority.certificate), "--resolve", where, *more]
        done = subprocess.run([*command, f"https://{host}/"], check=False, capture_output=True, text=True, timeout=30)
        return done.stdout or done.stderr

    assert curl("one.test") == "a" and curl("www.two.test") == "a"
    assert "X-Forwarded-Proto" in target.requests[-1][1] and target.requests[-1][1]["X-Forwarded-Proto"] == "https"
    assert curl("one.test", "-o", "/dev/null", "-w", "%{http_version}") == "2"
    assert "SSL" in curl("three.test")  # the default certificate, which is not its own
    # A new certificate is there at once, and a connection that was open stays so.
    context = ssl.create_default_context(cafile=str(authority.certificate))
    third = certificate(authority, "three.test")
    world.ensure(replace(spec, listeners=(replace(listener, certificates=(*bundles, third)),)))
    assert curl("three.test") == "a" and context.verify_mode == ssl.CERT_REQUIRED


def test_targets_may_speak_tls_themselves(world, tmp_path):
    authority = CertificateAuthority(tmp_path / "authority")
    authority.ensure(datetime.datetime.now(datetime.UTC))
    issued = authority.issue("x", ["x"], datetime.datetime.now(datetime.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain, issued.key)
    target = world.target("a", tls=context)
    plain = Backend("all", (target.server(),), check=check(protocol="tcp"))
    spec = world.ensure(world.spec(backends=(plain,)))
    assert world.get().status == 502
    world.ensure(replace(spec, backends=(replace(plain, tls=True, check=check(protocol="https")),)))
    assert world.get().body == b"a"
    spec = replace(spec, backends=(replace(plain, tls=True, check=check(protocol="https")),))
    assert target.checks[-1]["Host"] == f"{HERE}:{target.port}"
    late = world.target("late", tls=context)
    world.ensure(with_servers(spec, late.server()))
    assert world.get().body == b"late"


def test_a_node_without_listeners_runs(world):
    spec = world.ensure(world.spec(listeners=(Listener(81, "http", Fixed(200)),), backends=()))
    assert world.observe(spec).ports == {81}
    world.ensure(replace(spec, listeners=()))
    assert world.observe(spec).ports == frozenset()
