"""WhatIsTheTime.com's story, told to its fourth stage through the command line, in a region of its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aftershock.ground import launcher


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    state = tmp_path / "state"
    aftershock(
        "up", "--state", str(state), "--api-port", "0", "--socks-port", "0", "--dns-port", "0", "--console-port", "0"
    )
    yield state
    aftershock("down", "--state", str(state))
    assert launcher.find(state) is None


def aftershock(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "aftershock", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.timeout(1200)  # the base image is built first where there is none yet
def test_the_story_goes_as_it_is_told_and_leaves_nothing(state: Path) -> None:
    told = aftershock("site", "whatisthetime", "--stage", "4", "--remove", "--state", str(state))
    assert "AddressLimitExceeded" in told
    assert '"type": "m5.large"' in told
    assert "remembered the old answer" in told
    assert "30 visitors, 0 without a page" in told
    status = aftershock("status", "--state", str(state), "--json")
    assert '"running": true' in status
    assert '"stopped"' not in status


@pytest.mark.timeout(1200)
def test_the_first_stage_is_left_running_and_can_be_told_again(state: Path) -> None:
    for _ in range(2):
        told = aftershock("site", "whatisthetime", "--state", str(state))
        address = told.rstrip().splitlines()[-2].split("http://")[1].rstrip("/")
        page = aftershock("curl", "--state", str(state), "-sS", f"http://{address}/")
        assert "<time datetime=" in page
