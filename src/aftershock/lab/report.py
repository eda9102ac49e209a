"""What a run has shown, as one HTML file that needs nothing else, and as JSON.  Pure."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec

from . import words
from .drawing import drawing
from .markup import Child, Markup, element, join
from .run import Outcome, Verdict
from .scene import Scene
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
NOTABLE = 0.01  # of the cost: what is less comes from machines that the bill saw come or go
SUMMARY = "all-stages"
# Should ever a word become markup, it still runs and fetches nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


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
        element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", None, report.title),
        Markup(f"<style>{STYLE}</style>"),
    )
    main = element("main", None, _opening(report), _contents(report), *_sections(report), _summary(report))
    return "<!doctype html>\n" + element("html", {"lang": "en"}, head, element("body", None, main)) + "\n"


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
        element("p", {"class": "verdict " + _kind(report.holds)}, said),
        element(
            "p",
            {"class": "soft"},
            f"Measured on {report.made:%Y-%m-%d at %H:%M} UTC in {report.lasted_s:.0f} s, {hurried} (health checks, "
            "alarms, times to live, cooldowns); requests, machines and failures are real, and their times are this "
            f"machine's. Aftershock {report.version}.",
        ),
        [element("p", {"class": "verdict not-held"}, f"Not run: {name}") for name in report.left_out],
    )


def _kind(held: bool) -> str:
    return "held" if held else "not-held"


def _badge(held: bool) -> Markup:
    return element("span", {"class": f"badge {_kind(held)}"}, "held" if held else "not held")


def anchor(outcome: Outcome) -> str:
    """The id of its section: nothing in it has to be quoted in an address."""
    return re.sub(r"[^A-Za-z0-9]+", "-", f"stage-{outcome.experiment.name}").strip("-")


def _titled(outcome: Outcome) -> str:
    return f"{outcome.experiment.said.stage}. {outcome.experiment.said.title}"


def _contents(report: Report) -> Markup:
    lines = [
        element(
            "li",
            None,
            element("a", {"href": f"#{anchor(outcome)}"}, _titled(outcome)),
            element("span", {"class": "soft"}, _in_short(outcome)),
            _badge(outcome.holds),
        )
        for outcome in report.outcomes
    ]
    lines.append(element("li", None, element("a", {"href": f"#{SUMMARY}"}, "All stages side by side")))
    return element("nav", {"aria-label": "Stages"}, element("ul", {"class": "contents"}, lines))


def _in_short(outcome: Outcome) -> str:
    if outcome.broken:
        return "not brought to its end"
    found = outcome.figures
    failed = f"{found['failed']:g}" if found["failed"] else "none"
    said = f"{failed} of {found['requests']:g} requests failed" if found["requests"] else "nobody asked for anything"
    return f"{said}; nobody was served for {words.value('dark_s', found['dark_s'])}" if found["dark_s"] else said


def _summary(report: Report) -> Markup:
    """The table of stages, and what its figures are."""
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
    meant = [(element("dt", None, name), element("dd", None, said)) for name, said in words.COLUMNS.items()]
    return element(
        "section",
        {"id": SUMMARY},
        element("h2", None, "All stages side by side"),
        _wide("The table of all stages", table) if rows else (),
        element("h3", None, "What the figures are"),
        element("dl", {"class": "meant"}, meant),
    )


def _wide(what: str, *inside: Child) -> Markup:
    """What may be wider than a small screen: it scrolls for itself, from the keyboard as well."""
    return element("div", {"class": "wide", "role": "group", "aria-label": what, "tabindex": 0}, *inside)


def _row(outcome: Outcome) -> Markup:
    cells = cells_of(outcome)
    return element(
        "tr",
        None,
        element("th", {"scope": "row"}, element("a", {"href": f"#{anchor(outcome)}"}, cells[0])),
        [element("td", {"class": "number"}, cell) for cell in cells[1:-1]],
        element("td", None, _badge(outcome.holds)),
    )


def cells_of(outcome: Outcome) -> list[str]:
    """A line of the table of stages, as texts."""
    found, name = outcome.figures, _titled(outcome)
    if not found:
        return [name, *["-"] * (len(COLUMNS) - 2), "not held"]
    share = found["failed"] / found["requests"] if found["requests"] else math.nan
    machines = f"{found['instances']:g}"
    if found["peak_instances"] > found["instances"]:
        machines += f" to {found['peak_instances']:g}"
    return [
        name,
        f"{found['requests']:g}",
        f"{found['failed']:g} ({words.share(share)})" if found["failed"] else "0",
        words.value("dark_s", found["dark_s"]) if found["dark_s"] else "never",
        words.value("p50_ms", found["p50_ms"]),
        words.value("p99_ms", found["p99_ms"]),
        machines,
        _cost(found),
        "held" if outcome.holds else "not held",
    ]


def _cost(found: Mapping[str, float]) -> str:
    """Of the stage as it was built; and afterwards, if just as many machines came to cost something else."""
    before, after = found["monthly_usd"], found["monthly_usd_after"]
    same = found["instances"] == found["instances_after"]
    return f"{before:.2f} to {after:.2f}" if same and abs(found["saved_share"]) >= NOTABLE else f"{before:.2f}"


def _sections(report: Report) -> Iterator[Markup]:
    for outcome in report.outcomes:
        yield element(
            "section",
            {"id": anchor(outcome)},
            element("h2", None, f"Stage {_titled(outcome)}"),
            element("p", {"class": "claim"}, outcome.experiment.said.claim),
            _verdict(outcome),
            _built(outcome),
            _happened(outcome),
            _measured(outcome),
        )


def _verdict(outcome: Outcome) -> Child:
    if outcome.broken:
        return element("p", {"class": "verdict not-held"}, f"Not brought to its end: {outcome.broken}")
    if outcome.holds:
        return element("p", {"class": "verdict held"}, "It held.")
    missed = "; ".join(
        f"{words.NAMES[one.bound.measure]}: {words.value(one.bound.measure, one.value)}, and not "
        f"{words.bound(one.bound)}"
        for one in outcome.verdicts
        if not one.holds
    )
    return element("p", {"class": "verdict not-held"}, "It did not hold.", f" {missed[:1].upper()}{missed[1:]}.")


def _built(outcome: Outcome) -> Child:
    if outcome.before is None:
        return ()
    caption = f"Drawn from what the region's API described. The stack was deployed in {outcome.deployed_s:.1f} s."
    return (
        element("h3", None, "What was there"),
        _figure(_picture(outcome.before, "The architecture", outcome), caption, "The architecture"),
    )


def _picture(scene: Scene, what: str, outcome: Outcome) -> Markup:
    return drawing(scene, f"{what}, stage {_titled(outcome)}", outcome.before)


def _happened(outcome: Outcome) -> Child:
    if not outcome.points and outcome.after is None:
        return ()
    said = [_timeline(outcome)] if outcome.points else [element("p", None, "Nobody asked for anything.")]
    marks = [element("li", None, element("b", None, f"{mark.at_s:.1f} s"), f" {mark.label}") for mark in outcome.marks]
    scenes = [
        _figure(_picture(scene, f"The architecture: {shown}", outcome), f"{shown}.", shown)
        for shown, scene in outcome.during
    ]
    if outcome.after and outcome.after != outcome.before:
        picture = _picture(outcome.after, "The architecture at the end", outcome)
        scenes.append(_figure(picture, "At the end.", "The architecture at the end"))
    elif outcome.after:
        scenes.append(element("p", {"class": "soft"}, "At the end all was there as before."))
    return (
        element("h3", None, "What happened"),
        said,
        element("ol", {"class": "marks"}, marks) if marks else (),
        element("div", {"class": "scenes"}, scenes) if scenes else (),
    )


def _timeline(outcome: Outcome) -> Markup:
    title = f"Requests over time, stage {_titled(outcome)}"
    plot = timeline(outcome.points, outcome.marks, outcome.machines, outcome.watched_s, title)
    key = element(
        "span",
        {"class": "key"},
        *[
            (element("span", {"class": f"swatch {colour}"}), text)
            for colour, text in (("served", "served"), ("failed", "failed"), ("mark", "what happened, numbered below"))
        ],
    )
    return _figure(
        plot,
        join(("Requests by when they began; in each slice of the time the median page and the slowest. ", key)),
        "Requests over time",
    )


def _figure(picture: Markup, caption: str, what: str) -> Markup:
    return element("figure", None, _wide(what, picture), element("figcaption", None, caption))


def _measured(outcome: Outcome) -> Child:
    if not outcome.figures:
        return ()
    cells = cells_of(outcome)[1:-1]
    facts = [
        element("div", None, element("dt", None, name), element("dd", None, cell))
        for name, cell in zip(COLUMNS[1:-1], cells, strict=True)
    ]
    head = [element("th", {"scope": "col"}, name) for name in ("What must hold", "Bound", "Measured", "Verdict")]
    rows = [_judged(verdict) for verdict in outcome.verdicts]
    judged = {verdict.bound.measure for verdict in outcome.verdicts}
    other = [
        element("li", None, f"{words.NAMES[measure]}: {words.value(measure, outcome.figures[measure])}")
        for measure in words.NAMES
        if measure not in judged and not math.isnan(outcome.figures[measure])
    ]
    table = element("table", None, element("thead", None, element("tr", None, head)), element("tbody", None, rows))
    return (
        element("h3", None, "What was measured"),
        element("dl", {"class": "facts"}, facts),
        _wide("What must hold", table) if rows else (),
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
        element("td", None, _badge(verdict.holds)),
    )
