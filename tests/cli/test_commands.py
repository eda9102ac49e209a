"""Exit statuses and messages of the commands, each as its own process, as a script meets them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aftershock.cli.inside import ssh_options
from aftershock.cli.logs import news
from aftershock.cli.region import _unheeded
from aftershock.doors.access import Access
from aftershock.ground import launcher
from aftershock.ground.processes import Process


def aftershock(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aftershock", *arguments]
    env = {"PATH": "/usr/bin:/bin", "AFTERSHOCK_STATE": str(state), "HOME": str(state)}
    return subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ["env"],
        ["status"],
        ["reset", "--yes"],
        ["ssh", "i-0123456789abcdef0"],
        ["shell", "i-0123456789abcdef0"],
        ["connect", "198.18.0.1", "80"],
        ["curl", "http://198.18.0.1/"],
        ["dig", "web.test"],
        ["quake", "us-east-1a"],
        ["heal", "us-east-1a"],
        ["logs", "i-0123456789abcdef0"],
    ],
    ids=lambda command: str(command[0]),
)
def test_without_a_region_the_exit_status_is_3(command: list[str], tmp_path: Path) -> None:
    done = aftershock(*command, state=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    if command != ["status"]:
        assert "start it with `aftershock up`" in done.stderr


def test_status_is_one_json_object_for_programs(tmp_path: Path) -> None:
    done = aftershock("status", "--json", state=tmp_path)
    assert json.loads(done.stdout) == {"running": False, "state": str(tmp_path)}


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    assert aftershock("down", state=tmp_path).returncode == 0
    assert aftershock("down", state=tmp_path / "never").returncode == 0
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["up", "--pace", "0"],
        ["up", "--pace", "nan"],
        ["up", "--pace", "inf"],
        ["site", "whatisthetime", "--pace", "inf"],
        ["lab", "whatisthetime", "--pace", "nan"],
        ["up", "--state", ""],
        ["down", "--state", ""],
        ["up", "--api-port", "70000"],
        ["frobnicate"],
        ["dig"],
        ["site", "nosuch"],
        ["quake"],
    ],
)
def test_wrong_usage_has_exit_status_2(command: list[str], tmp_path: Path) -> None:
    assert aftershock(*command, state=tmp_path).returncode == 2


def test_the_logs_of_a_region_that_is_down_can_be_read(tmp_path: Path) -> None:
    assert "no region has run there" in aftershock("logs", state=tmp_path).stderr
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "control.log").write_text("".join(f"line {number}\n" for number in range(1000)))
    said = aftershock("logs", "control", state=tmp_path).stdout.splitlines()
    assert (said[0], said[-1]) == ("line 800", "line 999")


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ("", "boot\n", "boot\n"),
        ("boot\n", "boot\nlogin:", "login:"),
        ("a" * 2000 + "x", "a" * 1500 + "x" + "more", "more"),  # the beginning was dropped
        ("other", "anew", "anew"),  # another boot's console
    ],
)
def test_following_a_console_shows_each_part_once(before: str, now: str, new: str) -> None:
    assert news(before, now) == new


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed")
def test_ssh_understands_what_it_is_told_even_with_a_state_directory_of_odd_characters(tmp_path: Path) -> None:
    state = tmp_path / "my state %h"
    (state / "run").mkdir(parents=True)
    access = Access(state, 4566, 1080, 1053, "AKIAEXAMPLE", "secret")
    options = ssh_options(access, "i-0123456789abcdef0", None, "admin")
    done = subprocess.run(
        ["ssh", "-F", "none", "-G", *options, "198.18.0.1"], capture_output=True, text=True, check=True
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert said["hostkeyalias"] == "i-0123456789abcdef0"
    assert said["user"] == "admin"
    assert f"connect --state '{state}'".replace("%", "%%") in said["proxycommand"]


@pytest.mark.parametrize(
    ("wanted", "unheeded"),
    [
        ({}, []),
        ({"api_port": 0, "dns_port": 0}, []),
        ({"api_port": 4570}, ["api_port"]),
        ({"egress": False, "pace": 10.0}, ["no_egress", "pace"]),
    ],
)
def test_what_a_region_that_is_up_already_does_not_heed_is_named(
    tmp_path: Path, wanted: dict[str, Any], unheeded: list[str]
) -> None:
    asked = launcher.Settings(state=tmp_path, **wanted)
    nobody = Process(pid=1, started="")
    ports = launcher.Settings(state=tmp_path).ports()
    runs = launcher.Running(tmp_path, tmp_path, nobody, nobody, egress=True, pace=1.0, ports=ports, cgroups=())
    assert list(_unheeded(asked, runs)) == unheeded
