"""Servers that come, go, fall ill and drain, and what their clients see of it: nothing."""

import http.client
import socket
import threading
import time
from collections import Counter
from dataclasses import replace

from aftershock.engines.balancer import Backend, Fixed, Forward, Listener, Path, Rule, Server, Share, Sticky
from tests.engines.lab import eventually

from .world import HERE, Load, check, processes, with_servers

DRAINS = 4_000_000_000.0  # a time that no test sees the end of


def until(world, spec, target, state):
    def so():
        assert world.states(spec)[target.server().id] == state

    eventually(so)


def test_one_passed_check_brings_a_new_server_in_and_later_it_takes_the_threshold(world):
    target, other = world.target("a"), world.target("b")
    target.healthy = False
    spec = world.ensure(world.spec(target, other), settled=False)
    until(world, spec, target, "unhealthy")
    seen = next(each for each in world.observe(spec).targets if each.server == target.server().id)
    assert (seen.fault, seen.code) == ("code", 500)
    target.healthy = True
    until(world, spec, target, "healthy")
    target.healthy = False
    until(world, spec, target, "unhealthy")
    asked = [each["healthy"] for each in target.checks]
    # What it was asked is the whole story: two failed, three passed, and two failed at the least.
    assert asked[:2] == [False, False] and asked.count(True) >= 3 and asked[-2:] == [False, False]
    assert other.checks and len(other.checks) >= 1
    assert world.states(spec)[other.server().id] == "healthy"


def test_a_server_that_has_not_passed_a_check_gets_no_request(world):
    new, good = world.target("new"), world.target("good")
    new.healthy = False
    backend = {"check": check(interval_s=5, unhealthy_threshold=10)}
    spec = world.ensure(world.spec(good, new, backend=backend), settled=False)
    until(world, spec, good, "healthy")
    assert {world.get().body for _ in range(10)} == {b"good"}
    assert world.states(spec)[new.server().id] == "initial" and not new.requests
    # With nobody but new ones there is nobody to ask.
    world.ensure(with_servers(spec, new.server()), settled=False)
    assert world.get().status == 503


def test_reasons_of_failure_are_told_apart(world):
    with socket.create_server((HERE, 0)) as taken:
        free = taken.getsockname()[1]
    with socket.create_server((HERE, 0)) as silent:
        servers = (Server(HERE, free), Server(*silent.getsockname()))
        spec = world.spec(backend={"servers": servers, "check": check(timeout_s=0.3)})
        world.ensure(spec)
        faults = {each.server: each.fault for each in world.observe(spec).targets}
    assert faults == {servers[0].id: "failed", servers[1].id: "timeout"}


def test_when_all_are_unhealthy_all_are_asked(world):
    targets = [world.target(name) for name in "ab"]
    spec = world.ensure(world.spec(*targets))
    for target in targets:
        target.healthy = False
        until(world, spec, target, "unhealthy")
    assert {world.get().body for _ in range(6)} == {b"a", b"b"}
    targets[0].healthy = True
    until(world, spec, targets[0], "healthy")
    assert {world.get().body for _ in range(6)} == {b"a"}


def test_servers_come_and_go_under_load_without_a_failed_request_or_a_reload(world):
    first, second, third = (world.target(name) for name in "abc")
    spec = world.ensure(world.spec(first, backend={"check": check(interval_s=1)}))
    before = processes("haproxy")
    with Load(world) as load:
        load.more(100)
        world.ensure(with_servers(spec, first.server(), second.server(), third.server()))
        load.more(300)
        world.ensure(with_servers(spec, first.server(drain_until=DRAINS), second.server(), third.server()))
        load.more(100)
        after_drain = len(first.requests)
        load.more(200)
        world.ensure(with_servers(spec, second.server(), third.server()))
        load.more(200)
    assert load.failed == []
    assert {body for _, body in load.served} == {b"a", b"b", b"c"}
    assert len(first.requests) <= after_drain + 4  # one for each client that had been sent there by then
    assert processes("haproxy") == before


def test_listeners_and_rules_change_under_load_without_a_failed_request(world):
    target = world.target("a")
    spec = world.ensure(world.spec(target))
    with Load(world) as load, Load(world, 2, keep_alive=False) as anew:
        for number in range(4):
            anew.more(40)
            rules = (Rule((Path((f"/{number}",)),), Fixed(200, "text/plain", str(number))),)
            listener = replace(spec.listeners[0], rules=rules)
            world.ensure(replace(spec, listeners=(listener, Listener(8000 + number, "http", Fixed(404)))))
            assert world.get(f"/{number}").body == str(number).encode()
            assert world.observe(spec).ports == {80, 8000 + number}
        load.more(100)
    assert load.failed == [] and anew.failed == []


def test_a_draining_server_finishes_what_it_has_and_gets_nothing_new(world):
    old, new = world.target("old"), world.target("new")
    backend = {"sticky": Sticky("AWSALB", 600)}
    spec = world.ensure(world.spec(old, backend=backend))
    cookie = world.get().cookie("AWSALB").split(";")[0]
    answers = []
    slow = threading.Thread(target=lambda: answers.append(world.get("/slow").body))
    slow.start()
    eventually(lambda: in_flight(world, spec, old, 1))
    spec = world.ensure(with_servers(spec, old.server(drain_until=DRAINS), new.server()))
    assert world.states(spec)[old.server().id] == "draining"
    assert {world.get(headers={"Cookie": cookie}).body for _ in range(6)} == {b"new"}
    in_flight(world, spec, old, 1)
    old.hold.set()
    slow.join(20)
    assert answers == [b"old"]
    eventually(lambda: in_flight(world, spec, old, 0))


def in_flight(world, spec, target, count):
    seen = {each.server: each.in_flight for each in world.observe(spec).targets}
    assert seen[target.server().id] == count, seen


def test_what_is_open_when_the_drain_is_over_is_cut_off_also_in_a_worker_of_before(world):
    old, new = world.target("old"), world.target("new")
    spec = world.ensure(world.spec(old, new))
    broken = []

    def ask():
        while True:  # until it is the old one's turn
            connection = http.client.HTTPConnection(world.address, 80, timeout=20)
            connection.request("GET", "/")
            if connection.getresponse().read() == b"new":
                break
        connection.request("GET", "/slow")
        try:
            broken.append(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            broken.append(error)

    slow = threading.Thread(target=ask)
    slow.start()
    eventually(lambda: in_flight(world, spec, old, 1))
    # A reload: the request is the old worker's from now on.
    rule = Rule((Path(("/x",)),), Fixed(404))
    spec = world.ensure(replace(spec, listeners=(replace(spec.listeners[0], rules=(rule,)),)))
    world.ensure(with_servers(spec, old.server(drain_until=time.time() + 0.5), new.server()))
    slow.join(10)
    assert broken and broken[0] not in (200,) and not old.hold.is_set()
    world.ensure(with_servers(spec, old.server(), new.server()))
    until(world, spec, old, "healthy")
    assert {world.get().body for _ in range(4)} == {b"old", b"new"}  # registered again


def test_a_server_warms_up_and_gets_its_full_share_in_the_end(world):
    hot, cold = world.target("hot"), world.target("cold")
    spec = world.ensure(world.spec(hot, backend={"slow_start_s": 6.0}))
    assert Counter(world.get().body for _ in range(10)) == {b"hot": 10}
    world.ensure(with_servers(spec, hot.server(), cold.server()))
    early = Counter(world.get().body for _ in range(60))
    assert early[b"cold"] < 20

    def even():
        late = Counter(world.get().body for _ in range(20))
        assert late == {b"hot": 10, b"cold": 10}

    eventually(even)


def test_the_least_busy_server_is_asked(world):
    busy, free = world.target("busy"), world.target("free")
    spec = world.ensure(world.spec(busy, backend={"algorithm": "leastconn"}))
    held = [threading.Thread(target=world.get, args=("/slow",)) for _ in range(3)]
    for thread in held:
        thread.start()
    eventually(lambda: in_flight(world, spec, busy, 3))
    world.ensure(with_servers(spec, busy.server(), free.server()))
    assert {world.get().body for _ in range(8)} == {b"free"}
    busy.hold.set()
    for thread in held:
        thread.join(20)


def test_connections_are_forwarded_as_they_are(world):
    target = world.target("a")
    backend = Backend("all", (target.server(),), check=check(protocol="tcp"))
    listeners = (Listener(9000, "tcp", Forward((Share("all"),))),)
    spec = world.ensure(world.spec(listeners=listeners, backends=(backend,)))
    assert world.get(port=9000).body == b"a"
    assert target.requests[-1][1]["X-Forwarded-For"] is None
    assert world.observe(spec).counters["listener/9000"]["connections"] >= 1
