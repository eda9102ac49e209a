"""What a node counts, and for whom."""

import socket
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.balancer import Fixed, Listener, Path, Redirect, Rule, Server
from aftershock.engines.balancer.node.counts import Counts, added
from aftershock.engines.balancer.node.requests import Requests, named, rounded, server_id
from tests.engines.lab import eventually

from .world import HERE, Load, with_servers


def row(proxy, who, **values):
    return {"pxname": proxy, "svname": who, **values}


def test_counters_go_on_over_reloads_and_deleted_servers():
    counts = Counts()
    one, two = named("10.0.0.1:80"), named("10.0.0.2:80")
    counts.add(7, [row("b_all", one, stot="5", hrsp_2xx="4", scur="2"), row("p80", "FRONTEND", req_tot="7")])
    counts.add(7, [row("b_all", one, stot="6", hrsp_2xx="6", scur="1"), row("b_all", "BACKEND", stot="100")])
    assert counts.open == {"backend/all": 1, "server/all/10.0.0.1:80": 1}
    counts.add(8, [row("b_all", one, stot="1", hrsp_2xx=""), row("b_all", two, stot="1")])
    counts.add(8, [row("b_all", two, stot="0")])
    assert counts.totals["backend/all"] == {"connections": 8, "answers_2xx": 6}
    assert counts.totals["server/all/10.0.0.1:80"] == {"connections": 7, "answers_2xx": 6}
    assert counts.totals["listener/80"] == {"requests": 7}
    assert added({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {"a": 1, "b": 5, "c": 4}


def test_requests_of_workers_that_are_ending_are_counted_by_what_they_tell():
    requests = Requests()
    requests.worker = 8
    server = named("10.0.0.1:80")
    requests.feed(
        f"7 p80 b_all {server} 200 3 -- 16\n8 p80 b_all {server} 200 3 -- -\n7 p80 p80 - 404 -1 LR -\n".encode()
    )
    assert requests.totals["backend/all"] == {"timed": 17, "response_ms": 51, "requests": 16, "answers_2xx": 16}
    assert requests.totals["listener/80"] == {
        "requests": 17, "answers_2xx": 16, "answers_4xx": 1, "own_4xx": 1, "own_404": 1
    }  # fmt: skip


def told(*lines):
    requests = Requests()
    requests.feed("".join(f"0 {line}\n" for line in lines).encode())
    return requests


def test_an_answer_of_a_server_is_timed_and_one_of_ours_is_counted_by_its_status():
    server = named("10.0.0.1:80")
    requests = told(
        *[f"p80 b_all {server} 200 3 -- -"] * 2,
        f"p80 b_all {server} 503 250 -- 16",
        "p80 b_all <NOSRV> 503 -1 LR -",
        "p80 p80 <NOSRV> 404 -1 LR fixed",
        "p80 p80 <NOSRV> 301 -1 LR redirect",
        f"p80 b_all {server} 503 -1 SC =502",
        f"p80 b_all {server} 504 -1 sH -",
        f"p80 b_all {server} 400 -1 CH -",
        "p80 p80 <NOSRV> 400 -1 CR -",
        "p80 p80 <NOSRV> 400 -1 PR -",
        "p80 p80 <NOSRV> 0 -1 cR -",
        "what is no line of this kind, for it has too many words",
    )
    assert requests.times == {"backend/all": {3: 2, 250: 16}, f"server/all/{server_id(server)}": {3: 2, 250: 16}}
    assert requests.totals["backend/all"] == {"timed": 18, "response_ms": 4006}
    assert requests.totals["listener/80"] == {
        "own_5xx": 3, "own_503": 1, "own_502": 1, "own_504": 1, "own_4xx": 3, "own_404": 1, "own_460": 1, "own_400": 1,
        "own_3xx": 1, "own_301": 1, "fixed": 1, "redirect": 1,
    }  # fmt: skip


@given(st.lists(st.sampled_from([b"0 p80 p80 <NOSRV> 404 -1 LR fixed", b"0 p81 b_a s1-2-3-4_5 200 7 -- -"])), st.data())
def test_lines_may_come_in_pieces(lines, data):
    whole, pieces = Requests(), Requests()
    text = b"".join(line + b"\n" for line in lines)
    whole.feed(text)
    while text:
        size = data.draw(st.integers(1, len(text)))
        pieces.feed(text[:size])
        text = text[size:]
    assert (pieces.totals, pieces.times) == (whole.totals, whole.times)


@given(st.integers(0, 10**8))
def test_times_are_kept_to_two_digits(ms):
    assert abs(rounded(ms) - ms) * 20 <= ms if ms >= 100 else rounded(ms) == ms
    assert len(str(rounded(ms)).rstrip("0")) <= 2


@pytest.mark.parametrize("server", ["10.0.0.1:80", "198.18.255.254:65535"])
def test_a_server_is_known_by_haproxy_s_name_of_it(server):
    assert server_id(named(server)) == server


def test_requests_are_counted_over_reloads_and_over_servers_that_went(world):
    first, second = world.target("a"), world.target("b")
    spec = world.ensure(world.spec(first))
    for _ in range(5):
        world.get()
    world.ensure(with_servers(spec, second.server()))
    second.status = 404
    world.get()
    rule = Rule((Path(("/x",)),), Fixed(503))
    world.ensure(with_servers(replace(spec, listeners=(replace(spec.listeners[0], rules=(rule,)),)), second.server()))
    world.get()
    world.get("/x")

    def counted():  # HAProxy counts when it has done with a request, a moment after its client has
        seen = world.observe(spec)
        counters = seen.counters
        assert (counters["backend/all"]["answers_2xx"], counters["backend/all"]["answers_4xx"]) == (5, 2)
        assert (counters["listener/80"]["requests"], counters["listener/80"]["answers_5xx"]) == (8, 1)
        assert counters[f"server/all/{first.server().id}"]["answers_2xx"] == 5
        assert (counters["listener/80"]["own_503"], counters["listener/80"]["fixed"]) == (1, 1)
        assert counters["backend/all"]["timed"] == sum(seen.times["backend/all"].values()) == 7
        assert seen.since > 0 and seen.open["listener/80"] == 0

    eventually(counted)


def test_nothing_that_clients_asked_is_lost_or_counted_twice_by_reloads_under_load(world):
    target = world.target("a")
    spec = world.ensure(world.spec(target))
    asked, steps = 0, []
    with Load(world, 3) as load:
        for number in range(4):
            load.more(40)
            listener = replace(spec.listeners[0], rules=(Rule((Path((f"/{number}",)),), Fixed(404)),))
            world.ensure(replace(spec, listeners=(listener,)))
            steps.append(world.observe(spec).counters["backend/all"]["requests"])
        load.more(40)
    asked = len(load.served)
    assert load.failed == [] and steps == sorted(steps)

    def counted():
        # One for each client may be counted on neither side of a reload; a busy listener tells only of some, so that
        # what is told by a worker that is ending is right on the average.
        counters = world.observe(spec).counters["backend/all"]
        assert 0.9 * asked <= counters["requests"] <= 1.1 * asked
        assert 0.8 * asked <= counters["timed"] <= 1.2 * asked

    eventually(counted)


def test_answers_of_the_balancer_s_own_are_told_from_those_of_servers(world):
    slow = world.target("slow")
    rules = (Rule((Path(("/away",)),), Redirect(301, port="8080")),)
    spec = world.spec(slow, connect_retries=0)
    spec = world.ensure(replace(spec, listeners=(replace(spec.listeners[0], rules=rules),)))
    slow.status = 503
    world.get()
    world.get("/away")
    with socket.create_connection((world.address, 80)) as hasty:
        hasty.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: asked(slow, "/slow"))
    with socket.create_server((HERE, 0)) as taken:
        nobody = Server(HERE, taken.getsockname()[1])

    def counted():
        ours = world.observe(spec).counters["listener/80"]
        assert {key: value for key, value in ours.items() if key.startswith(("own_", "redirect"))} == expected

    expected = {"own_3xx": 1, "own_301": 1, "redirect": 1, "own_4xx": 1, "own_460": 1}
    eventually(counted)
    unchecked = replace(spec.backends[0], servers=(nobody,), check=None)
    world.ensure(replace(spec, backends=(unchecked,)))
    assert world.get().status == 502
    expected |= {"own_5xx": 1, "own_502": 1}
    eventually(counted)
    assert world.observe(spec).counters["backend/all"]["answers_5xx"] == 1
    assert world.observe(spec).counters["backend/all"]["connect_errors"] >= 1
    slow.hold.set()


def asked(target, path):
    assert path in [each[0] for each in target.requests]


def test_connections_are_counted_as_they_come_and_are_open(world):
    spec = world.ensure(world.spec(world.target("a"), listeners=(Listener(80, "http", Fixed(200)),)))
    with socket.create_connection((world.address, 80)) as one, socket.create_connection((world.address, 80)) as two:
        for each in (one, two):
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert each.recv(4096).startswith(b"HTTP/1.1 200")
        seen = world.observe(spec)
        assert seen.open["listener/80"] == 2
        assert seen.counters["listener/80"]["connections"] == 2
        assert seen.counters["listener/80"]["bytes_out"] > 0
