"""The way out, as apt in a machine uses it, and that there is none when none was asked for."""

import socket
import subprocess
import sys

import pytest

from tests.ground.conftest import inside

MIRROR = "deb.debian.org"
PAGE = f"http://{MIRROR}/debian/dists/bookworm/Release"


@pytest.fixture(scope="module")
def mirror():
    try:
        return socket.gethostbyname(MIRROR)
    except OSError:
        pytest.skip("this host is not connected to the outside")


def fetch(running, address, page=PAGE):
    return inside(running, "curl", "-sS", "-m", "20", "--resolve", f"{MIRROR}:80:{address}", page)


def test_with_egress_a_mirror_is_reached(region, mirror):
    assert "Origin: Debian" in fetch(region(egress=True), mirror).stdout


def test_names_are_resolved_at_the_address_that_slirp_answers_at(tmp_path, mirror):
    enter = [
        sys.executable,
        "-m",
        "aftershock.ground.enter",
        "--state",
        tmp_path / "state",
        "--cache",
        tmp_path / "cache",
    ]
    fetch = ["--egress", "--", "curl", "-sS", "-m", "20", PAGE]
    done = subprocess.run([*enter, *fetch], capture_output=True, text=True, check=False)
    assert "Origin: Debian" in done.stdout, done.stderr


def test_without_egress_nothing_outside_is_reached(region, mirror):
    running = region(egress=False)
    assert fetch(running, mirror).returncode != 0
    assert inside(running, "ip", "route").stdout == ""


def test_the_hosts_own_loopback_is_not_reached(region):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = inside(region(egress=True), "curl", "-sS", "-m", "5", f"http://10.0.2.2:{port}/")
        assert done.returncode != 0
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
