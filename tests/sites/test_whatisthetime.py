"""WhatIsTheTime's program as a process of its own, and the user data that carries it."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from aftershock.sites.whatisthetime.app import whatisthetime
from aftershock.sites.whatisthetime.pack import HERE, USER_DATA, user_data

USER_DATA_LIMIT = 16 * 1024  # AWS: "User data is limited to 16 KB, in raw form, before it is base64-encoded"


@pytest.fixture
def site() -> Iterator[tuple[subprocess.Popen[str], int]]:
    program = [sys.executable, "-I", str(HERE / "app" / "whatisthetime.py"), "0"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline().rsplit(" ", 1)[1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def test_it_tells_the_time_to_people_and_to_programs(site: tuple[subprocess.Popen[str], int]) -> None:
    _, port = site
    said = json.loads(ask(port, "/", Accept="application/json")[1])
    told = datetime.strptime(said["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
    page = ask(port, "/")
    assert page[0].headers["Content-Type"].startswith("text/html")
    assert "<time datetime=" in page[1]


def test_health_unknown_paths_and_head(site: tuple[subprocess.Popen[str], int]) -> None:
    _, port = site
    assert (ask(port, "/health")[0].status, ask(port, "/health")[1]) == (200, "ok\n")
    assert ask(port, "/nothing")[0].status == 404
    response, body = ask(port, "/health", "HEAD")
    assert (response.status, response.headers["Content-Length"], body) == (200, "3", "")


def test_it_ends_on_sigterm_although_a_client_keeps_its_connection(site: tuple[subprocess.Popen[str], int]) -> None:
    process, port = site
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/health")
    connection.getresponse().read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    connection.close()


def test_what_is_not_known_is_left_out_and_what_is_shown_is_escaped() -> None:
    page = whatisthetime.page({"time": "2026-11-22T12:00:00Z", "zone": "<us>", "public_address": None})
    assert "12:00:00" in page
    assert "&lt;us&gt;" in page
    assert "public address" not in page


def test_the_user_data_is_what_the_program_and_its_unit_make() -> None:
    assert USER_DATA.read_text() == user_data(), "run: python -m aftershock.sites.whatisthetime.pack"
    assert len(USER_DATA.read_bytes()) <= USER_DATA_LIMIT


def test_the_user_data_is_a_script_that_a_posix_shell_understands() -> None:
    assert USER_DATA.read_text().startswith("#!")
    subprocess.run(["sh", "-n", str(USER_DATA)], check=True)
