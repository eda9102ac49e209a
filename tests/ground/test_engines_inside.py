"""The tests of engines are run in a region's namespaces, and it does not show but by their results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tests.engines.conftest

CASES = """
import os, subprocess, time
import pytest
@pytest.fixture(scope="module")
def shared():
    return []
def test_passes(shared, tmp_path):
    assert os.environ["AFTERSHOCK_INSIDE"] == "1" and os.getuid() == 0
    subprocess.run(["ip", "netns", "add", "one"], check=True)
    shared.append(1)
def test_sees_what_the_one_before_did(shared):
    assert shared == [1]
def test_fails():
    print("said before")
    assert 1 == 2, "the reason"
@pytest.mark.parametrize("number", [1, 2])
def test_numbers(number):
    assert number
@pytest.mark.xfail
def test_expected_to_fail():
    assert False
def test_skipped():
    pytest.skip("why not")
@pytest.fixture
def broken():
    raise RuntimeError("broken fixture")
def test_cannot_be_set_up(broken):
    pass
"""


@pytest.fixture
def pytest_in(tmp_path):
    (tmp_path / "conftest.py").write_text(Path(tests.engines.conftest.__file__).read_text())
    tmp_path.chmod(0o755)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def run(cases, *options):
        (tmp_path / "test_cases.py").write_text(cases)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "AFTERSHOCK"))}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *options],
            cwd=tmp_path,
            env={**env, "AFTERSHOCK_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    return run


def test_each_outcome_is_the_tests_own(pytest_in):
    said = pytest_in(CASES)
    assert "2 failed" not in said and "1 failed, 4 passed, 1 skipped, 1 xfailed, 1 error" in said
    for words in ("the reason", "said before", "broken fixture", "why not"):
        assert words in said


def test_one_test_is_chosen_by_its_id(pytest_in):
    assert "1 passed" in pytest_in(CASES, "test_cases.py::test_numbers[2]")


def test_some_are_chosen_by_a_word(pytest_in):
    assert "2 passed, 6 deselected" in pytest_in(CASES, "-k", "numbers")


def test_workers_share_the_modules(pytest_in):
    assert "1 failed, 4 passed, 1 skipped, 1 xfailed, 1 error" in pytest_in(CASES, "-n", "2", "--dist", "loadfile")


def test_a_pytest_that_dies_inside_fails_the_test_that_ran_and_the_rest_goes_on(pytest_in):
    said = pytest_in("import os\ndef test_one(): pass\ndef test_dies(): os._exit(9)\ndef test_three(): pass\n")
    assert "1 failed, 2 passed" in said and "pytest inside ended (9)" in said
