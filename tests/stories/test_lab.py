"""The lab's first story through the command line, in a region of its own: what it measures, and what it leaves."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aftershock.ground import launcher
from tests.region import a_region

# Three whose claims do not hang on how fast this machine is; the whole story is told by `aftershock lab`.
CHOSEN = ("1-one-machine", "4-behind-a-balancer", "7-reserved")


def aftershock(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aftershock", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture
def state() -> Iterator[Path]:
    with a_region(pace=30.0) as region:
        yield region.state


@pytest.mark.timeout(1200)  # the base image is built first where there is none yet
def test_the_lab_measures_reports_and_graduates(state: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    only = [word for name in CHOSEN for word in ("--only", name)]
    told = aftershock("lab", "whatisthetime", "--state", str(state), "--report", str(report), "--keep", *only)
    said = json.loads(report.with_suffix(".json").read_text())
    assert [one["name"] for one in said["experiments"]] == list(CHOSEN)
    assert [one["broken"] for one in said["experiments"]] == [None] * len(CHOSEN)
    one, balanced, reserved = (experiment["figures"] for experiment in said["experiments"])
    assert one["failed"] > 0 and one["machines_kept"] == one["addresses_kept"] == 1
    assert balanced["instances"] == 3 and balanced["instances_after"] == 2
    assert reserved["saved_share"] > 0.1
    assert sum(len(experiment["requests"]) for experiment in said["experiments"]) > 100
    held = [experiment["holds"] for experiment in said["experiments"]]
    assert told.returncode == (0 if all(held) else 1), told.stderr
    assert f"{sum(held)} of 3 claims held" in report.read_text()
    assert told.stdout.count("| held") == sum(held)

    template = tmp_path / "web.yaml"
    graduated = aftershock("graduate", "whatisthetime", "--state", str(state), "--template", str(template), "--json")
    assert graduated.returncode == 0, graduated.stderr
    found = json.loads(graduated.stdout)
    assert found["ready"] is True
    assert {each["name"] for each in found["asked"]} == {"Subnets"}
    assert template.read_text() == (Path(__file__).parents[2] / STAGE_7).read_text()

    again = aftershock("lab", "whatisthetime", "--state", str(state), "--report", str(report))
    assert again.returncode == 1
    assert "the account is not empty (whatisthetime" in again.stderr
    assert launcher.find(state) is not None, "a region that ran before is left"


STAGE_7 = "src/aftershock/sites/whatisthetime/templates/stage-7.yaml"


# A shell lets what it starts in the background ignore Ctrl-C, and so may have whoever runs these tests.
AT_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("aftershock", run_name="__main__", alter_sys=True)
"""


@pytest.mark.timeout(600)
def test_a_lab_that_is_interrupted_takes_its_stack_away(state: Path, tmp_path: Path) -> None:
    argv = ["lab", "whatisthetime", "--state", str(state), "--report", str(tmp_path / "it.html"), "--only", CHOSEN[0]]
    lab = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, *argv],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with lab:
        assert lab.stderr is not None
        told = next(line for line in lab.stderr if "is deployed" in line)
        lab.send_signal(signal.SIGINT)
        rest = lab.stderr.read()
    assert lab.returncode == 1, told + rest
    running = aftershock("status", "--state", str(state))
    assert "ready       yes" in running.stdout and "instances   1 terminated" in running.stdout, running.stdout
