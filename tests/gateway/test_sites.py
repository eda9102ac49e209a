"""What answers in a protocol of its own, before AWS's: a site of the test's own at the real door."""

import http.client
import logging
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
import pytest

from aftershock.store import Table
from tests.services.account import ROOT
from tests.services.door import Door


class Note(msgspec.Struct, frozen=True):
    id: str
    by: str


NOTES = Table("note", Note)
MOST_BYTES = 100


@dataclass
class Answer:
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""


class Intake:
    """Counts what comes."""

    size = 0

    def write(self, piece):
        self.size += len(piece)

    def finish(self):
        return self.size

    def close(self, *, kept):
        pass


class Site:
    name = "notes"

    def serves(self, request):
        return request.headers["host"] == "notes.test"

    async def answer(self, visit):
        match visit.request.path:
            case "/put":
                body = await visit.whole(MOST_BYTES)
                if body is None:
                    return Answer(413)
                with visit.transaction(ROOT) as call:
                    NOTES.put(call.tx, Note(body.decode(), call.principal.arn))
                return Answer(201, {"Location": "/"})
            case "/count":
                return Answer(200, body=str(await visit.receive(Intake())).encode())
            case "/list":
                with visit.snapshot() as tx:
                    return Answer(200, body=" ".join(f"{one.id} by {one.by}" for one in NOTES.every(tx)).encode())
        raise RuntimeError("inner workings")


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("sites"), {}, [NOTES], sites=(Site(),))
    yield door
    door.close()


def ask(door, method, path, body=b"", host="notes.test"):
    connection = http.client.HTTPConnection(urlsplit(door.url).netloc, timeout=20)
    try:
        connection.request(method, path, body, {"Host": host})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_site_writes_as_whom_it_knows(door):
    assert ask(door, "POST", "/put", b"first") == (201, b"")
    assert ask(door, "GET", "/list") == (200, f"first by {ROOT.arn}".encode())


def test_a_body_that_is_too_large_is_not_held(door):
    assert ask(door, "POST", "/put", b"x" * (MOST_BYTES + 1)) == (413, b"")


def test_a_body_of_any_size_passes_through(door):
    size = 5 * 2**20 + 1
    assert ask(door, "POST", "/count", bytes(size)) == (200, str(size).encode())


def test_every_other_host_is_awss(door):
    status, body = ask(door, "GET", "/list", host="other.test")
    assert status == 403
    assert b"MissingAuthenticationToken" in body


def test_a_site_that_breaks_is_a_bug_that_is_logged_and_not_shown(door, caplog):
    with caplog.at_level(logging.ERROR):
        status, body = ask(door, "GET", "/broken")
    assert status == 500
    assert b"inner workings" not in body
    assert "inner workings" in caplog.text
