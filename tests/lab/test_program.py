"""The lab as a program beside a region that does not answer: it ends with whoever began it, and says what was."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aftershock.lab.records import Record, Records
from tests.conftest import eventually

RUN = "20261122-214000-0123abcd"
WITHIN_S = 60


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "credentials.json").write_text(json.dumps({"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "s"}))
    return tmp_path


@pytest.fixture
def silent() -> Iterator[str]:
    """Somebody who takes every question and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"


def lab(state: Path, endpoint: str, *more: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "aftershock.lab", "--state", str(state), "--endpoint", endpoint]
    return subprocess.Popen([*argv, "--pace", "30", "--id", RUN, *more], stdin=subprocess.PIPE)


def record(state: Path) -> Record:
    found = Records(state).get(RUN)
    assert found is not None
    return found


def test_it_ends_with_whoever_began_it(state: Path, silent: str) -> None:
    process = lab(state, silent, "--only", "1-one-machine")
    try:
        eventually(lambda: record(state), within_s=WITHIN_S)
        assert Records(state).busy()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(WITHIN_S) == 0
    finally:
        process.kill()
        process.wait(WITHIN_S)
    found = record(state)
    assert (found.names, found.why, found.clean, found.reported) == (("1-one-machine",), "it was stopped", True, False)
    assert found.ended is not None
    assert not Records(state).busy()


def test_one_that_was_killed_is_said_to_have_been(state: Path, silent: str) -> None:
    process = lab(state, silent, "--only", "1-one-machine")
    eventually(lambda: record(state), within_s=WITHIN_S)
    process.kill()
    process.wait(WITHIN_S)
    assert record(state).ended is None
    assert not Records(state).busy()
    cleaner = lab(state, silent, "--clean")
    assert cleaner.wait(WITHIN_S) == 0, "there is nothing in the region yet that would have to be removed"
    assert (record(state).why, record(state).clean) == ("it was interrupted", True)


def test_two_do_not_run_at_once(state: Path, silent: str) -> None:
    Records(state).put(replace(Record(RUN, (), 1.0), ended=2.0))
    with Records(state).alone():
        assert lab(state, silent, "--only", "1-one-machine").wait(WITHIN_S) != 0
    assert record(state).ended == 2.0


def test_all_that_were_interrupted_are_taken_up_at_once(state: Path, silent: str) -> None:
    others = [f"2026112{day}-214000-0123abcd" for day in (0, 1, 3)]
    for name in (*others, RUN):
        Records(state).put(Record(name, ("1-one-machine",), 1.0))
    assert lab(state, silent, "--clean").wait(WITHIN_S) == 0
    assert Records(state).unfinished() == []
    assert {one.why for one in Records(state).all()} == {"it was interrupted"}
