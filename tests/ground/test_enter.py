import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.ground.conftest import assert_nothing_left, processes_of


@pytest.fixture
def state(tmp_path):
    yield tmp_path / "state"
    assert_nothing_left(tmp_path / "state")


def command(state, *argv):
    return [
        *(sys.executable, "-m", "aftershock.ground.enter", "--state", state, "--cache", state.parent / "cache", "--"),
        *argv,
    ]


def run(state, *argv, **options):
    return subprocess.run(command(state, *argv), capture_output=True, text=True, timeout=60, check=False, **options)


def test_output_input_and_status_are_the_programs(state):
    done = run(state, "sh", "-c", "cat; echo error >&2; exit 9", input="input")
    assert (done.stdout, done.stderr, done.returncode) == ("input", "error\n", 9)


def test_a_program_that_is_killed_has_a_shells_status(state):
    assert run(state, "sh", "-c", "kill -TERM $$").returncode == 143


def test_a_program_that_is_not_there_is_named(state):
    done = run(state, "no-such-program")
    assert done.returncode == 127 and "no-such-program" in done.stderr


def test_our_own_source_interpreter_and_directory_are_there(state):
    script = "import aftershock, boto3, os; print(os.getcwd(), os.getuid(), os.environ['AFTERSHOCK_INSIDE'])"
    done = run(state, sys.executable, "-c", script)
    assert done.stdout.split() == [str(Path.cwd()), "0", "1"], done.stderr


def test_a_private_working_directory_is_reachable(state, tmp_path):
    (tmp_path / "file").write_text("there")
    tmp_path.chmod(0o711)
    assert run(state, "cat", "file", cwd=tmp_path).stdout == "there"


def test_what_it_leaves_behind_is_ended(state):
    assert run(state, "sh", "-c", "setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo done").stdout == "done\n"
    assert_nothing_left(state)


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_ended_enter_ends_its_program(state, number, status):
    process = subprocess.Popen(
        command(state, "sh", "-c", "echo here; exec sleep 1000"), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        assert process.wait(20) == status
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    def nobody():
        assert not processes_of(state)

    eventually(nobody)
    run(state, "true")  # a killed one leaves empty cgroups, which the next one takes over


def test_an_enter_whose_way_out_does_not_come_up_says_so_and_leaves_nothing(state, tmp_path):
    (tmp_path / "slirp4netns").write_text("#!/bin/sh\necho no luck >&2\nexit 1\n")
    (tmp_path / "slirp4netns").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    arguments = command(state, "true")
    arguments.insert(arguments.index("--"), "--egress")
    done = subprocess.run(
        arguments, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 125 and "slirp4netns did not come up: no luck" in done.stderr
