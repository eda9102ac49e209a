"""Bringing a real ground up, with a control plane that the tests write."""

import json
import sys
from pathlib import Path

import pytest

from aftershock.cli.bring_up import bring_up, stop, wait_ready
from aftershock.cli.errors import Failure, NotRunning
from aftershock.cli.place import access_to, running
from aftershock.doors.own import Health
from aftershock.ground import launcher
from aftershock.ground.launcher import Program, Settings

CONTROL = """
import http.server, json, socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
with open("/run/aftershock/state/credentials.json", "w") as file:
    json.dump({"Version": 1, "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "secret"}, file)
phases = iter([{"ready": False, "phase": "building the base image", "fraction": 0.5}])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(next(phases, {"ready": True, "phase": "ready", "fraction": 1.0})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = listener
server.serve_forever()
"""


def settings(top: Path, *program: str) -> Settings:
    control = Program("control", program, ("api",))
    return Settings(
        state=top / "state",
        cache=top / "cache",
        api_port=0,
        socks_port=0,
        dns_port=0,
        console_port=0,
        egress=False,
        programs=(control,),
    )


def test_it_waits_until_the_control_plane_says_ready_and_shows_what_it_is_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = settings(tmp_path, sys.executable, "/run/aftershock/state/control.py", "{api}")
    wanted.state.mkdir()
    (wanted.state / "control.py").write_text(CONTROL)
    try:
        region, access = bring_up(wanted)
        assert access.endpoint == f"http://127.0.0.1:{region.ports['api']}"
        assert access.access_key_id == "AKIAEXAMPLE"
        assert "building the base image (50%)" in capsys.readouterr().err
        again, _ = bring_up(wanted)
        assert again == region
    finally:
        stop(wanted.state)
    with pytest.raises(NotRunning):
        running(wanted.state)


def test_a_control_plane_that_does_not_come_up_is_quoted_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftershock.cli.bring_up.ANSWER_TIMEOUT_S", 1.0)
    wanted = settings(tmp_path, "sh", "-c", "echo its last words; exit 1")
    with pytest.raises(Failure, match="its last words"):
        bring_up(wanted)
    assert launcher.find(wanted.state) is None


def test_an_interrupted_start_leaves_no_region_and_an_interrupted_wait_leaves_one_that_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(region: launcher.Running) -> None:
        raise KeyboardInterrupt

    here = settings(tmp_path, sys.executable, "-c", CONTROL, "{api}")
    with monkeypatch.context() as patched:
        patched.setattr("aftershock.cli.bring_up.wait_ready", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bring_up(here)
    assert launcher.find(here.state) is None
    region, _ = bring_up(here)
    try:
        monkeypatch.setattr("aftershock.cli.bring_up.wait_ready", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bring_up(here)
        assert region.lives
    finally:
        stop(here.state)


def test_a_phase_that_never_moves_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aftershock.cli.bring_up.STALLED_TIMEOUT_S", 0.5)
    wanted = settings(tmp_path, "sleep", "infinity")
    region = launcher.start(wanted)
    try:
        with pytest.raises(Failure, match="has been at 'unpacking' for"):
            wait_ready(region, lambda _: Health(ready=False, phase="unpacking", fraction=0.1, version=""))
        with pytest.raises(Failure, match="has not made its first key yet"):
            access_to(region)
    finally:
        launcher.stop(wanted.state)


def test_a_region_that_ends_while_it_comes_up_is_noticed(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "sleep", "infinity")
    region = launcher.start(wanted)
    launcher.stop(wanted.state)
    with pytest.raises(Failure, match="the region ended while it was coming up"):
        wait_ready(region)


def test_an_unreadable_key_is_explained(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "sleep", "infinity")
    region = launcher.start(wanted)
    try:
        (wanted.state / "credentials.json").write_text(json.dumps({"AccessKeyId": 1}))
        with pytest.raises(Failure, match=r"credentials\.json cannot be read"):
            access_to(region)
    finally:
        launcher.stop(wanted.state)
