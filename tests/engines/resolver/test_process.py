"""The process itself: what it survives, what it takes for a snapshot, and what the driver says of it."""

import asyncio
import json
import os
import signal
import socket
import sys
import textwrap
import time

import pytest

from aftershock.engines.errors import EngineError
from aftershock.engines.resolver import Resolver, decode, encode
from aftershock.ground.supervise import Child, Supervisor
from tests.conftest import eventually

from .running import Running, records, snapshot, zone


def one(value, serial):
    return snapshot(serial, zone("example.com.", records("www.example.com.", "A", value)))


@pytest.fixture
def running(tmp_path):
    running = Running(tmp_path)
    yield running
    if running.process.poll() is None:
        running.stop()


def www(running):
    return running.dig("www.example.com")[1]


def test_before_the_first_snapshot_nothing_is_known(running):
    assert running.observe() == 0
    assert running.dig("www.example.com")[0] == "SERVFAIL"


def test_ensure_returns_when_the_snapshot_is_served_and_twice_is_once(running):
    for serial in range(1, 30):
        wanted = one(f"198.18.0.{serial}", serial)
        running.ensure(wanted)
        assert www(running) == [f"www.example.com. 198.18.0.{serial}"]
        assert running.observe() == serial
        before = running.path.stat()
        running.ensure(wanted)
        assert running.path.stat() == before


def test_killed_and_started_again_it_answers_the_same(running):
    running.ensure(one("198.18.0.1", 5))
    running.kill()
    assert running.observe() is None
    running.start()
    assert (running.observe(), www(running)) == (5, ["www.example.com. 198.18.0.1"])


def test_the_keepers_supervisor_has_it_back_after_a_kill(tmp_path):
    path = tmp_path / "snapshot.json"
    path.write_bytes(encode(one("198.18.0.1", 3)))
    argv = (sys.executable, "-m", "aftershock.engines.resolver", "--snapshot", str(path), "--own-address")
    supervisor = Supervisor([Child("resolver", argv, dict(os.environ), log=str(tmp_path / "log"))])
    resolver = Resolver(path)

    def serves():
        supervisor.bury()
        supervisor.start_due(time.monotonic())
        supervisor.drain(supervisor.outputs)
        observed = asyncio.run(resolver.observe())
        assert observed is not None and observed.serial == 3

    try:
        for _ in range(2):
            eventually(serves)
            assert resolver.ask("www.example.com", "A").values == ("198.18.0.1",)
            os.kill(supervisor._kept[0].pid, signal.SIGKILL)
    finally:
        eventually(serves)
        supervisor.end()


def test_whoever_wrote_the_snapshot_may_die(running):
    program = f"""
        import asyncio, os, signal
        from pathlib import Path
        from aftershock.engines.resolver import Resolver, decode
        wanted = decode({encode(one("198.18.0.1", 9))!r})
        asyncio.run(Resolver(Path({str(running.path)!r}), address={running.address!r}).ensure(wanted))
        os.kill(os.getpid(), signal.SIGKILL)
    """

    async def write_and_die():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", textwrap.dedent(program))
        return await process.wait()

    assert asyncio.run(write_and_die()) == -signal.SIGKILL
    assert (running.observe(), www(running)) == (9, ["www.example.com. 198.18.0.1"])


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b'{"serial": "x"}',
        b'{"serial": 2, "views": [], "zones": []}',
        json.dumps(
            {
                "serial": 2,
                "views": [{"name": "a", "zones": ["z"]}],
                "zones": [{"id": "z", "name": "a..b.", "records": []}],
            }
        ).encode(),
        json.dumps(
            {
                "serial": 2,
                "views": [{"name": "a", "zones": ["z"]}],
                "zones": [{"id": "z", "name": "b.", "records": [{"name": "b.", "type": "NOTATYPE", "sets": []}]}],
            }
        ).encode(),
    ],
)
def test_a_broken_snapshot_changes_nothing(running, broken):
    running.ensure(one("198.18.0.1", 1))
    running.path.write_bytes(broken)
    assert (running.observe(), www(running)) == (1, ["www.example.com. 198.18.0.1"])
    eventually(lambda: _contains(running.log(), "cannot be used"))
    running.ensure(one("198.18.0.2", 3))
    assert www(running) == ["www.example.com. 198.18.0.2"]


def test_a_value_that_is_none_is_a_failure_of_that_name_only(running):
    running.ensure(
        snapshot(
            1,
            zone("example.com.", records("bad.example.com.", "A", "x"), records("www.example.com.", "A", "198.18.0.1")),
        )
    )
    assert running.dig("bad.example.com")[0] == "SERVFAIL"
    assert www(running) == ["www.example.com. 198.18.0.1"]


def test_a_snapshot_that_nobody_serves_is_an_error_that_says_so(tmp_path):
    resolver = Resolver(tmp_path / "snapshot.json", address="127.0.0.77")
    with pytest.raises(EngineError, match=r"127\.0\.0\.77 does not answer, and not snapshot 4"):
        asyncio.run(resolver.ensure(one("198.18.0.1", 4)))
    assert decode((tmp_path / "snapshot.json").read_bytes()).serial == 4
    with pytest.raises(EngineError, match=r"did not answer for www\.example\.com A"):
        resolver.ask("www.example.com", "A")


def test_it_answers_on_sockets_that_were_handed_to_it(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        os.set_inheritable(udp.fileno(), True)
        os.set_inheritable(tcp.fileno(), True)

        class Handed(Running):
            def start(self):
                argv = [sys.executable, "-m", "aftershock.engines.resolver", "--snapshot", str(self.path)]
                argv += ["--address", self.address, *self.options]
                pid = os.posix_spawn(argv[0], argv, os.environ)
                self.pid = pid

        running = Handed(tmp_path, "127.0.0.54", "--udp-fd", str(udp.fileno()), "--tcp-fd", str(tcp.fileno()))
        try:
            for port, over in ((udp.getsockname()[1], False), (tcp.getsockname()[1], True)):
                at_door = Resolver(running.path, address="127.0.0.1", port=port)
                if not over:
                    eventually(lambda at_door=at_door: _some(asyncio.run(at_door.observe())))
                    asyncio.run(at_door.ensure(one("198.18.0.1", 1)))
                    assert at_door.ask("www.example.com", "A").values == ("198.18.0.1",)
                else:
                    import dns.message
                    import dns.query

                    query = dns.message.make_query("www.example.com", "A")
                    assert dns.query.tcp(query, "127.0.0.1", port=port, timeout=5).answer
        finally:
            os.kill(running.pid, signal.SIGTERM)
            assert os.waitpid(running.pid, 0)[1] == 0


def _contains(text, part):
    assert part in text


def _some(found):
    assert found is not None
