"""Our SOCKS client against the region's real door, in a region without a control plane."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from aftershock.doors import socks, web
from aftershock.ground import launcher
from aftershock.ground.launcher import Program, Running, Settings
from tests.conftest import eventually

SOCKS = Program("doors", (sys.executable, "-m", "aftershock.ground.socks", "--fd", "{socks}"), ("socks",))
SERVER = Program(
    "web",
    ("sh", "-c", f"ip addr replace 198.18.0.1/32 dev lo && exec {sys.executable} -m http.server 80 -d /run/aftershock"),
)


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    top = tmp_path_factory.mktemp("socks")
    settings = Settings(
        state=top / "state",
        cache=top / "cache",
        api_port=0,
        socks_port=0,
        dns_port=0,
        console_port=0,
        egress=False,
        programs=(SOCKS, SERVER),
    )
    running = launcher.start(settings)
    try:
        eventually(lambda: _connects(running))
        yield running
    finally:
        launcher.stop(settings.state)


def _connects(region: Running) -> None:
    try:
        socks.connect(region.ports["socks"], "198.18.0.1", 80, timeout_s=5).close()
    except OSError as error:
        raise AssertionError(str(error)) from error


def test_a_page_of_the_region_is_read_through_the_door(region: Running) -> None:
    answer = web.get("http://198.18.0.1/ground.json", door=region.ports["socks"])
    assert answer.status == 200
    assert '"cgroups"' in answer.body


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("198.18.0.1", 81, "refused"),
        ("127.0.0.1", 80, "into the region only"),
        ("no-such-name.test", 80, "no answer"),
        ("x" * 300, 80, "not a name that could exist"),
        ("", 80, "not a name that could exist"),
    ],
)
def test_no_way_in_is_explained(region: Running, host: str, port: int, words: str) -> None:
    with pytest.raises(socks.NoWayIn, match=words):
        socks.connect(region.ports["socks"], host, port, timeout_s=15)


def test_a_shut_door_is_explained() -> None:
    with pytest.raises(socks.NoWayIn, match="is the region up"):
        socks.connect(9, "198.18.0.1", 80, timeout_s=5)  # the discard port, where nothing listens


def test_connect_joins_standard_streams_and_passes_their_end_on(region: Running) -> None:
    command = [sys.executable, "-m", "aftershock", "connect", "--state", str(region.state), "198.18.0.1", "80"]
    done = subprocess.run(
        command, input=b"GET /ground.json HTTP/1.0\r\n\r\n", capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"200 OK" in done.stdout
    assert done.stdout.rstrip().endswith(b"}")


def test_connect_says_why_it_cannot(region: Running) -> None:
    command = [sys.executable, "-m", "aftershock", "connect", "--state", str(region.state), "198.18.0.1", "81"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "refused" in done.stderr
