"""What becomes of a request: headers, rules, and the answers that the balancer makes itself."""

import re
import socket
from collections import Counter
from dataclasses import replace

from aftershock.engines.balancer import (
    Backend,
    Fixed,
    Forward,
    Header,
    Host,
    Http,
    Listener,
    Method,
    Path,
    Query,
    Redirect,
    Rule,
    Server,
    Share,
    Source,
    Sticky,
)
from tests.engines.lab import eventually

from .world import HERE, check


def own(answer, status, length):
    assert answer.status == status and len(answer.body) == length
    assert answer.headers["Server"] == "awselb/2.0" and answer.headers["Content-Type"] == "text/html"


def test_a_target_is_told_who_asks_and_how(world):
    target = world.target("a")
    world.ensure(world.spec(target))
    world.get("/x?y=1")
    path, headers = target.requests[-1]
    assert path == "/x?y=1" and headers["Host"] == world.address
    assert headers["X-Forwarded-For"] == HERE
    assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-Port"]) == ("http", "80")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["X-Amzn-Trace-Id"])
    world.get(headers={"X-Forwarded-For": "1.2.3.4, 5.6.7.8", "X-Amzn-Trace-Id": "Root=1-67891233-abc;CalledFrom=app"})
    headers = target.requests[-1][1]
    assert headers["X-Forwarded-For"] == f"1.2.3.4, 5.6.7.8, {HERE}"
    assert re.fullmatch(
        r"Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abc;CalledFrom=app", headers["X-Amzn-Trace-Id"]
    )
    assert target.checks[-1]["Host"] == f"{HERE}:{target.port}"


def test_the_settings_of_headers_are_honoured(world):
    target = world.target("a")
    spec = world.spec(target)
    sent = {"X-Forwarded-For": "1.2.3.4", "Bad_Name": "1", "Host": "name"}

    def seen(port=80, **changes):
        world.ensure(replace(spec, http=Http(**changes), listeners=(replace(spec.listeners[0], port=port),)))
        world.get(headers=sent, port=port)
        return target.requests[-1][1]

    assert re.fullmatch(rf"1\.2\.3\.4, {HERE}:\d+", seen(client_port=True)["X-Forwarded-For"])
    assert seen(forwarded_for="preserve")["X-Forwarded-For"] == "1.2.3.4"
    assert seen(forwarded_for="remove")["X-Forwarded-For"] is None
    assert seen()["Bad_Name"] == "1" and seen(drop_invalid_headers=True)["Bad_Name"] is None
    assert seen(port=8080)["Host"] == "name:8080"
    assert seen(port=8080, preserve_host=True)["Host"] == "name"


def test_the_first_rule_that_holds_counts(world):
    def said(text):
        return Fixed(200, "text/plain", text)

    hostile = '/it\'s "$HOME" \\ %[src] \u20ac #!'
    rules = (
        Rule((Path(("/api/*",)), Method(("POST",))), said("post")),
        Rule((Path(("/api/?", "/exact.html")),), said("one")),
        Rule((Path(("/api/*",)),), said("api")),
        Rule((Host(("*.example.com", "shop.test")),), said("host")),
        Rule((Header("X-Kind", ("*mobile*",)), Query((("v", "1*"),))), said("both")),
        Rule((Query(((None, "any"), ("k", "b?"))),), said("query")),
        Rule((Path((hostile,)),), said(hostile)),
        Rule((Path(("/away",)),), Redirect(302, "https", port="443", path="/new/#{path}", query="#{query}")),
        Rule((Path(("/quiet",)),), Fixed(204)),
        Rule((Path(("/mine",)), Source((f"{HERE}/32",))), said("mine")),
        Rule((Path(("/mine",)),), said("not mine")),
        Rule((Path(("/to",)),), Forward((Share("all"),))),
    )
    target = world.target("a")
    spec = world.spec(target)
    world.ensure(replace(spec, listeners=(Listener(80, "http", Fixed(404, "text/plain", "default"), rules),)))

    def body(*words, **more):
        answer = world.get(*words, **more)
        assert answer.headers["Server"] == "awselb/2.0"
        return answer.body.decode()

    assert body("/api/x", method="POST") == "post" and body("/api/x") == "one" and body("/api/xy") == "api"
    assert body("/exact.html") == "one" and body("/exactxhtml") == "default" and body("/API/x") == "default"
    assert body(headers={"Host": "WWW.Example.COM:80"}) == "host" == body(headers={"Host": "shop.test"})
    assert body(headers={"Host": "example.com"}) == "default"
    assert body("/?v=123", headers={"X-Kind": "A Mobile one"}) == "both"
    assert body("/?v=2", headers={"X-Kind": "mobile"}) == "default"
    assert body("/?a=1&K=bX") == "query" == body("/?z=any") and body("/?k=bXY") == "default"
    raw = world.raw(f"GET {hostile} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 400")  # no such path can be asked for, and none was taken for another
    assert body("/mine") == "mine"
    moved = world.get("/away?q=1", headers={"Host": "h:80"})
    assert (moved.status, moved.headers["Location"]) == (302, "https://h:443/new/away?q=1")
    assert world.get("/away").headers["Location"] == f"https://{world.address}:443/new/away"
    assert world.get("/quiet").status == 204 and world.get("/default").status == 404
    assert world.get("/to").body == b"a"


def test_a_pattern_of_any_signs_matches_just_these(world):
    spec = world.spec(world.target("a"))
    text = "'\"$x%[src]\\{}!(a|b)+[c]"
    rules = (Rule((Path((f"/{text}",)),), Fixed(200, "text/plain", text)),)
    world.ensure(replace(spec, listeners=(Listener(80, "http", Fixed(404), rules),)))
    assert world.get(f"/{text}").body.decode() == text
    assert world.get("/'\"$x%[src]\\{}!a+c").status == 404


def test_shares_of_a_weighted_forward_are_as_their_weights(world):
    one, two = world.target("one"), world.target("two")
    backends = tuple(Backend(target.name, (target.server(),), check=check()) for target in (one, two))
    default = Forward((Share("one", 20), Share("two", 80)))
    spec = world.spec(listeners=(Listener(80, "http", default),), backends=backends)
    world.ensure(spec)
    count = Counter(world.get().body for _ in range(400))
    assert set(count) == {b"one", b"two"}
    assert 80 - 5 * 8 < count[b"one"] < 80 + 5 * 8  # five standard deviations: sqrt(400 * 0.2 * 0.8) = 8
    world.ensure(replace(spec, listeners=(Listener(80, "http", Forward((Share("one", 0), Share("two", 1)))),)))
    assert {world.get().body for _ in range(20)} == {b"two"}


def test_a_client_stays_with_its_group_as_long_as_it_was_told(world):
    targets = [world.target(name) for name in ("one", "two")]
    backends = tuple(Backend(target.name, (target.server(),), check=check()) for target in targets)
    default = Forward((Share("one"), Share("two")), sticky_s=2)
    world.ensure(world.spec(listeners=(Listener(80, "http", default),), backends=backends))
    first = world.get()
    cookie = first.cookie("AWSALBTG")
    assert "Expires=" in cookie and "one" not in cookie and "two" not in cookie
    sent = {"Cookie": cookie.split(";")[0]}
    assert {world.get(headers=sent).body for _ in range(20)} == {first.body}
    old = {"Cookie": f"AWSALBTG={cookie.split('=')[1].split('-')[0]}-1000000000"}
    assert {world.get(headers=old).body for _ in range(40)} == {b"one", b"two"}
    assert {world.get(headers={"Cookie": "AWSALBTG=x'%[src]"}).body for _ in range(40)} == {b"one", b"two"}


def test_pages_of_the_balancer_s_own(world):
    target = world.target("a")
    spec = world.spec(target, connect_retries=0)
    world.ensure(replace(spec, backends=(replace(spec.backends[0], servers=()),)))
    nobody = world.get()
    own(nobody, 503, 162)
    assert nobody.reason == "Service Temporarily Unavailable"
    own(world.get(method="TRACE"), 405, len(world.get(method="TRACE").body))
    assert world.get(headers={"X-Forwarded-For": ", ".join(["1.1.1.1"] * 31)}).status == 463
    assert world.get(headers={"X-Forwarded-For": ", ".join(["1.1.1.1"] * 30)}).status == 503
    assert world.raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert world.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 503 ")
    # HAProxy's parser answers with a page of its own, which no setting of 2.6 changes.
    assert world.raw(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 Bad ")


def test_a_target_that_cannot_be_reached_is_told_from_one_that_is_slow(world):
    spec = world.spec(connect_retries=0, connect_timeout_s=0.5, http=Http(idle_timeout_s=1))
    unchecked = {"check": None}
    with socket.create_server((HERE, 0)) as taken:
        free = taken.getsockname()[1]  # nobody's by the time it is asked
    refused = Backend("all", (Server(HERE, free),), **unchecked)
    world.ensure(replace(spec, backends=(refused,)))
    own(world.get(), 502, 122)
    # A listener whose queue is full lets no connection come about, and does not say no.
    with socket.create_server((HERE, 0), backlog=0) as deaf:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
            fillers.append(filler)
        world.ensure(replace(spec, backends=(Backend("all", (Server(*deaf.getsockname()),), **unchecked),)))
        own(world.get(), 504, len("504 Gateway Time-out") * 2 + 122 - 2 * len("502 Bad Gateway"))
        for filler in fillers:
            filler.close()
    slow = world.target("slow")
    world.ensure(replace(spec, backends=(Backend("all", (slow.server(),), **unchecked),)))
    own(world.get("/slow"), 504, len("504 Gateway Time-out") * 2 + 122 - 2 * len("502 Bad Gateway"))
    slow.status = 503
    assert world.get().body == b"slow" and world.get().headers["Server"] != "awselb/2.0"


def test_a_client_that_says_nothing_is_told_so(world):
    world.ensure(world.spec(world.target("a"), http=Http(idle_timeout_s=1)))
    assert world.raw(b"GET / HTTP/1.1\r\n").startswith(b"HTTP/1.1 408 Request Time")


def test_a_websocket_passes(world):
    target = world.target("a")
    world.ensure(world.spec(target))
    with socket.create_connection((world.address, 80), timeout=20) as connection:
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")
        for text in (b"one", b"two" * 1000):
            connection.sendall(text)
            back = b""
            while len(back) < len(text):
                back += connection.recv(65536)
            assert back == text


def test_clients_stay_with_their_target_until_it_is_gone(world):
    targets = [world.target(name) for name in "abc"]
    spec = world.spec(*targets, backend={"sticky": Sticky("AWSALB", 60)})
    world.ensure(spec)
    first = world.get()
    cookie = first.cookie("AWSALB")
    assert re.search(r"Expires=\w{3}, \d\d \w{3} \d{4} ", cookie) and "10.88" not in cookie
    sent = {"Cookie": cookie.split(";")[0]}
    assert {world.get(headers=sent).body for _ in range(12)} == {first.body}
    own_target = next(target for target in targets if target.name.encode() == first.body)
    own_target.healthy = False

    def unhealthy():
        assert world.states(spec)[own_target.server().id] == "unhealthy"

    eventually(unhealthy)
    moved = world.get(headers=sent)
    assert moved.body != first.body and moved.cookie("AWSALB").split(";")[0] != sent["Cookie"]
    anew = {"Cookie": moved.cookie("AWSALB").split(";")[0]}
    assert {world.get(headers=anew).body for _ in range(12)} == {moved.body}
    assert len({world.get(headers={"Cookie": "AWSALB=nonsense"}).body for _ in range(12)}) == 2
    # A target that came at run time has its cookie as well, and one by one they are all different.
    late = world.target("late")
    more = replace(spec.backends[0], servers=(*spec.backends[0].servers, late.server()))
    world.ensure(replace(spec, backends=(more,)))
    cookies = {answer.body: answer.cookie("AWSALB").split(";")[0] for answer in (world.get() for _ in range(12))}
    assert len(set(cookies.values())) == len(cookies) == 3 and b"late" in cookies
    assert {world.get(headers={"Cookie": cookies[b"late"]}).body for _ in range(8)} == {b"late"}


def test_an_application_s_cookie_decides_whether_a_client_stays(world):
    targets = [world.target(name) for name in "ab"]
    world.ensure(world.spec(*targets, backend={"sticky": Sticky("AWSALBAPP-0", 60, "session")}))
    assert (world.get().cookie("AWSALBAPP-0") or "AWSALBAPP-0=_remove_").startswith("AWSALBAPP-0=_remove_")
    for target in targets:
        target.headers = {"Set-Cookie": "session=1"}
    first = world.get()
    cookie = first.cookie("AWSALBAPP-0")
    assert "Expires=" in cookie
    assert {world.get(headers={"Cookie": cookie.split(";")[0]}).body for _ in range(10)} == {first.body}
