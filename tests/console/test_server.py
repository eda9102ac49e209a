"""The console's door over real HTTP: what it gives, to whom, and what it costs while nobody looks."""

import http.client
import json

import pytest

from aftershock.console import acts
from aftershock.console.server import MAX_BODY_BYTES
from tests.conftest import eventually

from .seen import site
from .served import TOKEN, a_console

OWN = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


@pytest.fixture
def console():
    with a_console(site()) as served:
        yield served


def ask(console, method, path, *, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


class Stream:
    """An open page's events."""

    def __init__(self, console, headers=OWN):
        self.connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=20)
        self.connection.request("GET", "/api/events", headers=headers)
        self.answer = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.answer.close()

    def next(self):
        while True:
            line = self.answer.readline()
            assert line, "the stream has ended"
            if line.startswith(b"data: "):
                return json.loads(line[6:])

    def until(self, wanted):
        while not wanted(event := self.next()):
            pass
        return event


def test_the_page_is_small_and_its_own(console):
    status, headers, body = ask(console, "GET", "/")
    assert status == 200 and b"<title>Aftershock" in body
    assert "script-src 'self'" in headers["content-security-policy"]
    names = ["/", "/app.js", "/map.js", "/model.js", "/panel.js", "/strip.js", "/acts.js", "/state.js", "/stream.js"]
    sizes = [
        len(ask(console, "GET", name)[2])
        for name in [*names, "/stacks.js", "/lab.js", "/dom.js", "/style.css", "/icon.svg"]
    ]
    assert min(sizes) > 100 and sum(sizes) < 300_000
    assert b"http://" not in body.replace(b"http://www.w3.org", b"") and b"https://" not in body


@pytest.mark.parametrize(
    "path", ["/nothing", "/../guard.py", "/%2e%2e/guard.py", "/files/app.js", "/app.js/", "//app.js", "/console.json"]
)
def test_nothing_but_the_pages_files_is_served(console, path):
    assert ask(console, "GET", path)[0] == 404


PRIVATE = [("GET", "/api/events", None), ("POST", "/api/plan", b"{}"), ("POST", "/api/do", b"{}")]
PRIVATE += [("POST", "/api/template", b"{}")]
PRIVATE += [("POST", "/api/details", b"{}"), ("GET", "/api/", None), ("DELETE", "/api/x", None)]
HOSTILE = [
    (401, {}),
    (401, {"Authorization": "Bearer guessed"}),
    (401, {"Cookie": f"token={TOKEN}"}),
    (403, {**OWN, "Origin": "https://evil.example"}),
    (403, {**OWN, "Origin": "null"}),
    (403, {**OWN, "Sec-Fetch-Site": "cross-site"}),
    (421, {**OWN, "Host": "evil.example"}),
]


@pytest.mark.parametrize("request_", PRIVATE, ids=str)
@pytest.mark.parametrize("status, headers", HOSTILE)
def test_a_hostile_page_gets_nothing(console, request_, status, headers):
    method, path, body = request_
    got, answered, said = ask(console, method, path, headers=headers, body=body)
    assert got == status
    assert b"i-0" not in said and "access-control-allow-origin" not in answered


def test_a_form_of_another_page_is_refused_whatever_it_carries(console):
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        body = b'{"act": "kill-instance"}'
        assert ask(console, "POST", "/api/do", headers={**OWN, "Content-Type": kind}, body=body)[0] == 405
    assert ask(console, "OPTIONS", "/api/do", headers={"Origin": "https://evil.example"})[0] == 403


@pytest.mark.parametrize(
    "status, path, body",
    [
        (400, "/api/plan", b"not json"),
        (400, "/api/plan", b"[]"),
        (400, "/api/plan", b"[" * 60000),
        (413, "/api/plan", b" " * (MAX_BODY_BYTES + 1)),
        (409, "/api/plan", b'{"act": 1}'),
        (409, "/api/plan", b'{"act": "run-experiment", "args": {"name": "../1"}}'),
        (409, "/api/do", b'{"act": "stop-run"}'),
        (409, "/api/plan", b'{"act": "deploy-stack", "args": {"stage": "../../stage-1"}}'),
        (409, "/api/template", b'{"args": {"template": 7, "file": "a"}}'),
        (409, "/api/template", b'{"args": {"template": "' + b"a" * 51201 + b'", "file": "a"}}'),
        (503, "/api/template", b'{"args": {"stage": "stage-1"}}'),
        (409, "/api/plan", b'{"act": "kill-instance", "args": []}'),
        (409, "/api/do", b'{"act": "kill-instance", "args": {"instance": {}}}'),
        (409, "/api/plan", b'{"act": "fail-zone", "args": {"zone": "us-east-1a", "kind": []}}'),
        (404, "/api/nothing", b"{}"),
        (404, "/api/details", b"{}"),
        (404, "/api/details", b'{"kind": "instance", "thing": "i-1", "part": "password"}'),
        (503, "/api/details", b'{"kind": "instance", "thing": "i-1", "part": "fields"}'),  # nobody is there to ask
    ],
)
def test_nonsense_is_refused_in_words(console, status, path, body):
    got, _, said = ask(console, "POST", path, headers=OWN, body=body)
    assert got == status and json.loads(said)["error"]


def test_an_error_of_our_own_is_said_in_words_too(console, monkeypatch):
    monkeypatch.setattr(acts, "plan", lambda *_: {}["nothing"])
    status, _, said = ask(console, "POST", "/api/plan", headers=OWN, body=b'{"act": "kill-instance"}')
    assert status == 500 and "error of its own" in json.loads(said)["error"]


def test_a_page_is_told_all_once_and_then_the_difference(console):
    with Stream(console) as page:
        whole = page.next()
        assert whole["whole"]
        event = whole if "region:" in whole["set"] else page.until(lambda one: "region:" in one.get("set", ()))
        assert "instance:i-00000000000000001" in event["set"]
        console.seen = site(running=3)
        event = page.until(lambda one: "instance:i-00000000000000004" in one.get("gone", ()))
        assert "instance:i-00000000000000001" not in event["set"]
        assert any("i-00000000000000004) is terminated" in one["says"] for one in event["happened"])


def test_an_act_is_planned_with_its_command_before_it_is_done(console):
    with Stream(console) as page:
        page.until(lambda one: "region:" in one.get("set", ()))
        body = json.dumps({"act": "kill-instance", "args": {"instance": "i-00000000000000001"}}).encode()
        status, _, said = ask(console, "POST", "/api/plan", headers=OWN, body=body)
    planned = json.loads(said)
    assert status == 200 and "is terminated" in planned["says"]
    assert planned["commands"] == ["aws ec2 terminate-instances --instance-ids i-00000000000000001"]


def test_nobody_there_nothing_asked(console):
    assert console.asked == 0
    with Stream(console) as page:
        page.until(lambda one: "region:" in one.get("set", ()))
        assert console.asked

    def resting():
        before = console.asked
        ask(console, "GET", "/")  # a round of looks would fall into this time
        assert console.asked == before

    for _ in range(3):
        eventually(resting)
