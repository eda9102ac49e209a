"""The lab at the console: what is kept is shown, what runs is alone, and a report's address cannot be guessed."""

import http.client
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aftershock.console.desk import Desk, Place
from aftershock.console.plans import Impossible
from aftershock.lab.catalogue import experiments
from aftershock.lab.records import REPORT, Claim, Record, Records, write
from tests.conftest import eventually

from .seen import site
from .served import TOKEN, a_console

RUN = Record("20261122-214000-0123abcd", ("1-one-machine",), 1.0, ended=2.0, claims=(Claim("1-one-machine", True, ""),))


class Shown:
    """What a desk has told."""

    def __init__(self, state: Path) -> None:
        self.told: list[dict[str, Any]] = []
        self.desk = Desk(Place(state, "http://127.0.0.1:9", 30.0, state), TOKEN, self._tell)
        self.desk.begin()

    def _tell(self, facts: dict[str, Any], calm: bool) -> None:
        self.told.append(facts)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    records = Records(tmp_path)
    records.put(RUN)
    write(records.directory(RUN.id) / REPORT, b"<!doctype html>")
    return records


def test_experiments_stages_and_runs_are_shown(records, tmp_path):
    (facts,) = Shown(tmp_path).told
    assert [key for key in facts if key.startswith("claim:")] == [f"claim:{one.name}" for one in experiments()]
    assert len([key for key in facts if key.startswith("stage:")]) == 7
    run = facts[f"run:{RUN.id}"]
    assert (run["claims"], run["live"], run["why"]) == ([["1-one-machine", True, ""]], False, "")
    json.dumps(facts)


def test_a_report_is_at_its_own_address_and_nowhere_else(records, tmp_path):
    shown = Shown(tmp_path)
    address = shown.told[0][f"run:{RUN.id}"]["report"]
    assert shown.desk.report(address) == b"<!doctype html>"
    other = replace(RUN, id=RUN.id[:-1] + "e")
    records.put(other)
    write(records.directory(other.id) / REPORT, b"another")
    guesses = [
        address[:-1],
        address + "0",
        address.replace(RUN.id, other.id),
        f"/report/{RUN.id}",
        "/report/",
        "/report/a/é",
    ]
    assert [shown.desk.report(guess) for guess in guesses] == [None] * len(guesses)
    assert TOKEN not in address


@pytest.mark.parametrize(
    "status, headers",
    [
        (200, {}),
        (200, {"Sec-Fetch-Site": "same-origin"}),
        (200, {"Sec-Fetch-Site": "none"}),  # typed, or reloaded
        (404, {"Sec-Fetch-Site": "cross-site"}),
        (404, {"Sec-Fetch-Site": "same-site"}),
        (403, {"Origin": "null"}),
        (421, {"Host": "evil.example"}),
    ],
)
def test_a_report_is_of_no_origin_and_no_other_page_leads_to_it(records, tmp_path, status, headers):
    address = Shown(tmp_path).told[0][f"run:{RUN.id}"]["report"]
    with a_console(site(), state=tmp_path) as console:
        connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=10)
        connection.request("GET", address, headers=headers)
        answer = connection.getresponse()
        assert answer.status == status
        assert (answer.read() == b"<!doctype html>") is (status == 200)
        if status == 200:
            policy = answer.getheader("content-security-policy")
            assert policy.startswith("sandbox; default-src 'none'; ") and "script" not in policy
        connection.close()


def test_one_experiment_at_a_time_whoever_runs_it(records, tmp_path):
    shown = Shown(tmp_path)
    with records.alone(), pytest.raises(Impossible, match="under way"):
        shown.desk.planned("run-story", {}, None)
    with pytest.raises(Impossible, match="no experiment is under way"):
        shown.desk.planned("stop-run", {}, None)
    with pytest.raises(Impossible, match="no such experiment"):
        shown.desk.planned("run-experiment", {"name": ["1-one-machine"]}, None)


def test_a_run_that_was_interrupted_before_it_did_anything_is_only_said_to_be(records, tmp_path):
    (tmp_path / "credentials.json").write_text(json.dumps({"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "s"}))
    cut = replace(RUN, id="20261122-220000-0123abcd", ended=None, claims=())
    records.put(cut)
    shown = Shown(tmp_path)

    def over() -> None:
        run = shown.told[-1][f"run:{cut.id}"]
        assert (run["why"], run["live"]) == ("it was interrupted", False)

    eventually(over, within_s=60)
    assert not records.busy()


def test_a_run_that_still_ends_by_itself_is_waited_for(records, tmp_path):
    going = replace(RUN, id="20261122-220000-0123abcd", ended=None, claims=(), clean=False)
    records.put(going)
    with records.alone():
        shown = Shown(tmp_path)
        assert shown.told[-1][f"run:{going.id}"]["live"]
        with pytest.raises(Impossible, match="under way"):
            shown.desk.planned("run-story", {}, None)
        records.put(replace(going, ended=3.0, clean=True, why="it was stopped"))

    def over() -> None:
        run = shown.told[-1][f"run:{going.id}"]
        assert (run["why"], run["live"]) == ("it was stopped", False)

    eventually(over, within_s=30)
