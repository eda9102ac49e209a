"""`lab` and `graduate` as commands: what they refuse before anything is started, and what they hand on."""

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from aftershock.cli import lab
from aftershock.cli.graduate import Graduation, _lines
from aftershock.cli.main import main
from aftershock.lab.graduation.commands import Asked
from aftershock.lab.graduation.differences import Difference
from aftershock.lab.graduation.findings import Finding, Level


def test_the_lab_has_a_region_of_its_own_beside_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert lab.own_state() == Path("/data/aftershock-lab")


def test_the_report_is_html() -> None:
    result = CliRunner().invoke(main, ["lab", "whatisthetime", "--report", "figures.json"])
    assert result.exit_code == 2
    assert "--report names the HTML file" in result.output


def test_the_report_goes_where_there_is_a_directory(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["lab", "whatisthetime", "--report", str(tmp_path / "none" / "it.html")])
    assert result.exit_code == 2
    assert "there is no directory" in result.output


def test_an_experiment_that_is_not_there_is_named_before_anything_is_started(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["lab", "whatisthetime", "--state", str(tmp_path / "s"), "--only", "8-more"])
    assert result.exit_code == 1
    assert "there is no experiment 8-more; there are 1-one-machine" in result.output
    assert not (tmp_path / "s").exists()


def test_sigterm_ends_the_lab_as_ctrl_c_does_and_once_only() -> None:
    taken_back = False
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), lab._ended_alike():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)  # somebody is impatient
            taken_back = True
    assert taken_back and signal.getsignal(signal.SIGTERM) is before


def test_a_stack_graduates_from_a_region_that_runs(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["graduate", "web", "--state", str(tmp_path)])
    assert result.exit_code == 3
    assert "no region is running" in result.output


@pytest.mark.parametrize("level, ready", [(Level.ERROR, False), (Level.WARNING, True), (Level.NOTE, True)])
def test_errors_keep_a_stack_from_graduating_and_nothing_else_does(level: Level, ready: bool) -> None:
    found = Graduation(
        body="",
        findings=[Finding(Level.NOTE, "small", "", None, "a detail"), Finding(level, "big", "It", 3, "a mistake")],
        differences=[Difference("It", "it takes longer")],
        asked=[Asked("Subnets", "it is of this region")],
        commands=["aws cloudformation deploy"],
    )
    assert found.ready is ready
    said = list(_lines(found, "web"))
    assert f"  {level}  big  It, line 3: a mistake" in said
    assert "  - It: it takes longer" in said
    assert "  aws cloudformation deploy" in said
    assert "  Subnets: it is of this region" in said
    assert any("1 error to mend" in line for line in said) is not ready
