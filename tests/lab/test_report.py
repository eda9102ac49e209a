"""The report: whole in itself, honest about what did not hold, and the same in JSON."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aftershock.lab.events import Happened
from aftershock.lab.experiment import Bound, Experiment, Load, StopAndStart, Written
from aftershock.lab.figures import Mark, Point
from aftershock.lab.markup import VOID
from aftershock.lab.report import COLUMNS, Report, cells_of, html, plain
from aftershock.lab.run import Outcome, Verdict, measured, unfinished
from aftershock.lab.scene import Machine, Scene, Zone
from aftershock.lab.site import Cost
from aftershock.lab.table import table
from aftershock.lab.words import share

HOSTILE = "<img src=x onerror=alert(1)>"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ZONE = Zone("us-east-1a", True)
MACHINE = Machine("i-1", "t2.micro", "running", ZONE.name, "198.18.1.2", True, None)
SCENE = Scene((ZONE,), (MACHINE,), (), (), None)
POINTS = (Point(0.5, 0.01, True, 0, "i-1"), Point(1.5, 1.0, False, 1), Point(3.0, 0.02, True, 0, "i-1"))
FAILED = Bound("failed", at_most=0)


def figures(*, reserving: bool = True, held: bool = False) -> dict[str, float]:
    """`held`: the reservation is there from the beginning."""
    return measured(
        list(POINTS),
        Happened(1.0, 2.0, 2.0),
        ended_s=4.0,
        scenes=(SCENE, SCENE),
        costs=(Cost(12.0, 9.0 if held else 12.0), Cost(12.0, 9.0)),
        machines=[(1.0, 1)],
        reserving=reserving,
    )


def outcome(bound: Bound = FAILED, title: str = "One machine") -> Outcome:
    written = Written(1, title, HOSTILE, "stage-1.yaml", load=Load(2), event=StopAndStart("Machine"), must=(bound,))
    found = figures()
    return Outcome(
        Experiment("1-one", written, Path()),
        NOW,
        watched_s=4.0,
        points=POINTS,
        marks=(Mark(1.0, HOSTILE),),
        machines=((1.0, 1),),
        before=SCENE,
        during=((HOSTILE, SCENE),),
        after=SCENE,
        figures=found,
        verdicts=(Verdict(bound, found[bound.measure]),),
    )


def report(*outcomes: Outcome, left_out: tuple[str, ...] = ()) -> Report:
    return Report(f"Title {HOSTILE}", NOW, 30.0, "0.1", 100.0, outcomes, left_out)


class Reader(HTMLParser):
    """Knows what a page would fetch or run, and whether its elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_the_figures_are_those_of_what_was_seen() -> None:
    found = figures()
    assert (found["requests"], found["failed"], found["dark_s"]) == (3, 1, 3.02 - 0.51)
    assert (found["failed_share"], found["failed_share_during"], found["failed_share_after"]) == (0.5, 1.0, 0.0)
    assert (found["took_s"], found["saved_share"], found["addresses_kept"], found["machines_kept"]) == (1, 0.25, 1, 1)


def test_what_a_story_before_has_reserved_counts_where_reserving_is_what_happens_and_nowhere_else() -> None:
    assert figures(held=True) == figures()
    assert figures(reserving=False, held=True)["saved_share"] == 0
    assert figures(reserving=False, held=True)["monthly_usd"] == figures()["monthly_usd"]


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    page = html(report(outcome()))
    for tag, attributes in read(page).seen:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed")
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in page and "@import" not in page
    assert "prefers-color-scheme: dark" in page


def test_the_page_can_be_read_without_being_seen() -> None:
    seen = read(html(report(outcome()))).seen
    assert dict(seen)["html"]["lang"] == "en"
    pictures = [attributes for tag, attributes in seen if tag == "svg"]
    assert pictures and all(attributes["role"] == "img" for attributes in pictures)
    assert len([tag for tag, _ in seen if tag == "desc"]) == len(pictures)
    assert all("scope" in attributes for tag, attributes in seen if tag == "th")


def test_what_did_not_hold_is_said_everywhere() -> None:
    told = report(outcome())
    assert not told.holds
    assert "0 of 1 claims held" in html(told)
    assert "It did not hold." in html(told)
    assert "not held" in table(told)
    assert json.loads(plain(told))["holds"] is False


def test_what_held_is_said_as_well() -> None:
    told = report(outcome(Bound("failed", at_least=1)))
    assert told.holds
    assert "It held." in html(told)
    assert "not held" not in table(told)


def test_an_experiment_that_broke_is_no_success_and_neither_is_what_follows_it() -> None:
    broken = replace(
        outcome(), broken="the stack is ROLLBACK_COMPLETE", figures={}, verdicts=(), points=(), before=None
    )
    told = report(broken)
    assert not told.holds
    assert "the stack is ROLLBACK_COMPLETE" in html(told)
    assert "not held" in table(told)
    assert not report(outcome(Bound("failed", at_least=1)), left_out=("Two",)).holds
    assert "Not run: Two" in html(report(left_out=("Two",)))


def test_the_json_has_every_request_and_no_number_that_is_none() -> None:
    unmeasured = replace(outcome(), figures={**figures(), "p50_ms": float("nan")})
    said = json.loads(plain(report(unmeasured)))
    (one,) = said["experiments"]
    assert [row[2] for row in one["requests"]] == [True, False, True]
    assert one["figures"]["p50_ms"] is None
    assert one["experiment"]["event"] == {"do": "stop and start", "resource": "Machine"}
    assert said["pace"] == 30


def test_the_table_is_one_in_markdown() -> None:
    lines = table(report(outcome(), outcome(title="Another"))).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == list(COLUMNS)
    assert re.fullmatch(r"[| -]+", lines[1])


def test_what_was_not_seen_to_end_lasts_until_the_end() -> None:
    assert unfinished([Mark(1.5, "begun"), Mark(2.0, "more")], 9.0) == Happened(1.5, 9.0, 9.0)
    assert unfinished([], 9.0) == Happened(9.0, 9.0, 9.0)


@pytest.mark.parametrize(
    "amount, text",
    [
        (0, "0%"),
        (1, "100%"),
        (0.25, "25.0%"),
        (0.0004, "less than 0.1%"),
        (0.99996, "more than 99.9%"),
        (-4.8, "-480.0%"),
    ],
)
def test_all_and_none_are_said_of_all_and_none_only(amount: float, text: str) -> None:
    assert share(amount) == text


@pytest.mark.parametrize(
    "changed, text",
    [
        ({}, "12.00 to 9.00"),
        ({"monthly_usd_after": 74.37, "saved_share": -5.2}, "12.00 to 74.37"),
        ({"monthly_usd_after": 12.01, "saved_share": -0.001}, "12.00"),
        ({"instances_after": 2.0}, "12.00"),  # fewer machines cost less: that is no news
    ],
)
def test_a_cost_has_two_figures_where_the_same_machines_come_to_cost_something_else(
    changed: dict[str, float], text: str
) -> None:
    cells = cells_of(replace(outcome(), figures={**figures(), **changed}))
    assert dict(zip(COLUMNS, cells, strict=True))["USD a month"] == text


def test_a_claim_that_did_not_hold_says_what_was_measured_instead() -> None:
    assert "It did not hold. Requests that failed: 1, and not exactly 0." in html(
        report(outcome(Bound("failed", 0, 0)))
    )
