"""What a run has shown, as one HTML file that needs nothing else, and as JSON.  Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec

from . import words
from .drawing import drawing
from .markup import Child, Markup, element, join
from .run import Outcome, Verdict
from .style import STYLE
from .timeline import timeline

COLUMNS = (
    "Stage",
    "Requests",
    "Failed",
    "Nobody served for",
    "Median",
    "99 of 100",
    "Machines",
    "USD a month",
    "The claim",
)


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    made: datetime
    pace: float
    version: str
    lasted_s: float
    outcomes: tuple[Outcome, ...]
    left_out: tuple[str, ...] = ()  # experiments that were not run, because an earlier one could not be deployed

    @property
    def holds(self) -> bool:
        return not self.left_out and all(outcome.holds for outcome in self.outcomes)


def html(report: Report) -> str:
    head = element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", None, report.title),
        Markup(f"<style>{STYLE}</style>"),
    )
    body = element("body", None, element("main", None, _opening(report), _summary(report), *_sections(report)))
    return "<!doctype html>\n" + element("html", {"lang": "en"}, head, body) + "\n"


def plain(report: Report) -> bytes:
    """JSON; what could not be measured is null."""
    return msgspec.json.format(
        msgspec.json.encode(
            {
                "title": report.title,
                "made": report.made,
                "pace": report.pace,
                "version": report.version,
                "lasted_s": report.lasted_s,
                "holds": report.holds,
                "experiments": [_plain(outcome) for outcome in report.outcomes],
                "left_out": report.left_out,
            }
        ),
        indent=1,
    )


def _plain(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "name": outcome.experiment.name,
        "experiment": outcome.experiment.said,
        "began": outcome.began,
        "lasted_s": outcome.lasted_s,
        "deployed_s": outcome.deployed_s,
        "watched_s": outcome.watched_s,
        "holds": outcome.holds,
        "broken": outcome.broken or None,
        "figures": dict(outcome.figures),
        "verdicts": [
            {"bound": verdict.bound, "value": verdict.value, "holds": verdict.holds} for verdict in outcome.verdicts
        ],
        "marks": [asdict(mark) for mark in outcome.marks],
        "machines": outcome.machines,
        "before": outcome.before,
        "during": outcome.during,
        "after": outcome.after,
        # One row a request: when, how long it took, whether it was served, by which visitor, from which machine.
        "requests": [
            (round(one.at_s, 4), round(one.took_s, 4), one.served, one.visitor, one.instance) for one in outcome.points
        ],
    }


def _opening(report: Report) -> Child:
    held = sum(outcome.holds for outcome in report.outcomes)
    said = f"{held} of {len(report.outcomes)} claims held in this run."
    hurried = f"AWS's own durations ran {report.pace:g} times as fast" if report.pace != 1 else "at AWS's own pace"
    return (
        element("h1", None, report.title),
        element("p", {"class": "verdict " + ("held" if report.holds else "not-held")}, said),
        element(
            "p",
            {"class": "soft"},
            f"Measured on {report.made:%Y-%m-%d at %H:%M} UTC in {report.lasted_s:.0f} s, {hurried} (health checks, "
            "alarms, times to live, cooldowns); requests, machines and failures are real, and their times are this "
            f"machine's. Aftershock {report.version}.",
        ),
        [element("p", {"class": "not-held"}, f"Not run: {name}") for name in report.left_out],
    )


def _summary(report: Report) -> Markup:
    numbers = {name for name in COLUMNS if name not in (COLUMNS[0], COLUMNS[-1])}
    head = [element("th", {"scope": "col", "class": "number" if name in numbers else "text"}, name) for name in COLUMNS]
    rows = [_row(outcome) for outcome in report.outcomes]
    table = element(
        "table",
        {"class": "stages"},
        element("caption", None, "What each stage did when something happened to it"),
        element("thead", None, element("tr", None, head)),
        element("tbody", None, rows),
    )
    return element("section", None, element("h2", None, "All stages"), element("div", {"class": "wide"}, table))


def _row(outcome: Outcome) -> Markup:
    cells = cells_of(outcome)
    title = element("a", {"href": f"#{outcome.experiment.name}"}, cells[0])
    verdict = "held" if outcome.holds else "not held"
    return element(
        "tr",
        None,
        element("th", {"scope": "row"}, title),
        [element("td", {"class": "number"}, cell) for cell in cells[1:-1]],
        element("td", {"class": "verdict " + verdict.replace(" ", "-")}, verdict),
    )


def cells_of(outcome: Outcome) -> list[str]:
    """A line of the table of stages, as texts."""
    said, found = outcome.experiment.said, outcome.figures
    name = f"{said.stage}. {said.title}"
    if not found:
        return [name, *["-"] * (len(COLUMNS) - 2), "not held"]
    share = found["failed"] / found["requests"] if found["requests"] else math.nan
    machines = f"{found['instances']:g}"
    if found["peak_instances"] > found["instances"]:
        machines += f" to {found['peak_instances']:g}"
    return [
        name,
        f"{found['requests']:g}",
        f"{found['failed']:g} ({share:.1%})" if found["failed"] else "0",
        words.value("dark_s", found["dark_s"]) if found["dark_s"] else "never",
        words.value("p50_ms", found["p50_ms"]),
        words.value("p99_ms", found["p99_ms"]),
        machines,
        _cost(found),
        "held" if outcome.holds else "not held",
    ]


def _cost(found: Mapping[str, float]) -> str:
    """Of the stage as it was built; of a purchase, both."""
    before, after = found["monthly_usd"], found["monthly_usd_after"]
    return f"{before:.2f} to {after:.2f}" if found["saved_share"] > 0 and _reserved(found) else f"{before:.2f}"


def _reserved(found: Mapping[str, float]) -> bool:
    """The same machines cost less: nothing but a reservation does that."""
    return found["instances"] == found["instances_after"]


def _sections(report: Report) -> Iterator[Markup]:
    for outcome in report.outcomes:
        said = outcome.experiment.said
        yield element(
            "section",
            {"id": outcome.experiment.name},
            element("h2", None, f"Stage {said.stage}. {said.title}"),
            element("p", {"class": "claim"}, said.claim),
            _verdict(outcome),
            _pictures(outcome),
            _table(outcome),
        )


def _verdict(outcome: Outcome) -> Child:
    if outcome.broken:
        return element("p", {"class": "verdict not-held"}, f"Not brought to its end: {outcome.broken}")
    said = "It held." if outcome.holds else "It did not hold."
    return element("p", {"class": "verdict " + ("held" if outcome.holds else "not-held")}, said)


def _pictures(outcome: Outcome) -> Iterator[Markup]:
    if outcome.before:
        yield _figure(drawing(outcome.before, "The architecture"), "What was there, as the region described it.")
    if outcome.points:
        said = outcome.experiment.said
        plot = timeline(
            outcome.points, outcome.marks, outcome.machines, outcome.watched_s, f"Stage {said.stage}, requests"
        )
        key = element(
            "span",
            {"class": "key"},
            *[
                (element("span", {"style": f"background: var(--{colour})"}), text)
                for colour, text in (("served", "served"), ("failed", "failed"), ("machines", "machines that run"))
            ],
        )
        caption = join(
            ("Requests by when they began, above; how long pages took (dot: median, line: to the longest).", key)
        )
        yield _figure(plot, caption)
        marks = [element("li", None, f"{mark.at_s:.1f} s: {mark.label}") for mark in outcome.marks]
        yield element("ol", {"class": "marks"}, marks)
    for shown, scene in outcome.during:
        yield _figure(drawing(scene, f"The architecture: {shown}"), f"{shown}.")
    if outcome.after and outcome.after != outcome.before:
        yield _figure(drawing(outcome.after, "The architecture afterwards"), "What was there at the end.")


def _figure(picture: Markup, caption: str) -> Markup:
    return element("figure", None, picture, element("figcaption", None, caption))


def _table(outcome: Outcome) -> Child:
    if not outcome.figures:
        return ()
    head = [element("th", {"scope": "col"}, name) for name in ("What must hold", "Bound", "Measured", "")]
    rows = [_judged(verdict) for verdict in outcome.verdicts]
    judged = {verdict.bound.measure for verdict in outcome.verdicts}
    other = [
        element("li", None, f"{words.NAMES[measure]}: {words.value(measure, outcome.figures[measure])}")
        for measure in words.NAMES
        if measure not in judged and not math.isnan(outcome.figures[measure])
    ]
    return (
        element(
            "div",
            {"class": "wide"},
            element("table", None, element("thead", None, element("tr", None, head)), element("tbody", None, rows)),
        ),
        element("details", None, element("summary", None, "All other figures"), element("ul", None, other)),
    )


def _judged(verdict: Verdict) -> Markup:
    measure = verdict.bound.measure
    return element(
        "tr",
        None,
        element("th", {"scope": "row"}, words.NAMES[measure]),
        element("td", None, words.bound(verdict.bound)),
        element("td", None, words.value(measure, verdict.value)),
        element("td", {"class": "held" if verdict.holds else "not-held"}, "held" if verdict.holds else "not held"),
    )
