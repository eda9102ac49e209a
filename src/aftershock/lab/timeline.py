"""An experiment's time as a picture: requests served and failed, how long they took, and what happened when.  Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .figures import Bin, Mark, Point, bins
from .markup import Markup, element

WIDTH, LEFT, RIGHT = 960.0, 64.0, 16.0
MARK_Y, MARK_RADIUS, MARK_STEP = 13.0, 8.5, 20.0
TITLE = 16.0  # what a panel's title takes above it
FIRST_TOP, PANEL_GAP, FOOT = 48.0, 30.0, 30.0
COUNTS_HEIGHT, TIMES_HEIGHT, MACHINES_HEIGHT = 120.0, 70.0, 36.0
SLICES = 80  # so many bars at most
TICKS, COUNT_TICKS = 8, 4
SHORTEST_BIN_S = 0.2


@dataclass(frozen=True, slots=True)
class _Panel:
    top: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def y(self, share: float) -> float:
        return self.bottom - self.height * share


@dataclass(frozen=True, slots=True)
class _Axis:
    until_s: float

    def x(self, at_s: float) -> float:
        share = at_s / self.until_s if self.until_s else 0.0
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, share))


COUNTS = _Panel(FIRST_TOP, COUNTS_HEIGHT)
TIMES = _Panel(COUNTS.bottom + PANEL_GAP, TIMES_HEIGHT)
MACHINES = _Panel(TIMES.bottom + PANEL_GAP, MACHINES_HEIGHT)
PANELS = (
    (COUNTS, "requests a second"),
    (TIMES, "how long a page took, or was waited for in vain"),
    (MACHINES, "machines that run"),
)


def timeline(
    points: Sequence[Point], marks: Sequence[Mark], machines: Sequence[tuple[float, int]], until_s: float, title: str
) -> Markup:
    width_s = max(SHORTEST_BIN_S, nice(until_s / SLICES))
    slices, axis = bins(points, until_s, width_s), _Axis(until_s)
    shown = PANELS if machines else PANELS[:2]
    bottom = shown[-1][0].bottom
    return element(
        "svg",
        {"viewBox": f"0 0 {WIDTH:.0f} {bottom + FOOT:.0f}", "role": "img", "class": "timeline"},
        element("title", None, title),
        element("desc", None, described(points, marks, machines, until_s)),
        *_seconds(axis, [panel for panel, _ in shown]),
        *_counts(slices, axis, width_s),
        *_times(slices, [point for point in points if not point.served], axis, width_s),
        *(_machines(machines, axis) if machines else ()),
        *_marks(marks, axis, bottom),
        *[_text(LEFT, panel.top - TITLE + 7, said, "panel-name") for panel, said in shown],
    )


def described(
    points: Sequence[Point], marks: Sequence[Mark], machines: Sequence[tuple[float, int]], until_s: float
) -> str:
    """The same in words."""
    failed = [point.at_s for point in points if not point.served]
    said = [f"{len(points)} requests in {until_s:.1f} s, {len(failed)} of them failed"]
    if failed:
        said.append(f"the first that failed began at {min(failed):.1f} s, the last at {max(failed):.1f} s")
    said += [f"at {mark.at_s:.1f} s {mark.label}" for mark in marks]
    if changes := _changes(machines):
        said.append("machines that run: " + ", ".join(f"{count} from {at_s:.1f} s" for at_s, count in changes))
    return "; ".join(said) + "."


def nice(value: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is not smaller."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _text(x: float, y: float, said: str, kind: str, anchor: str = "start") -> Markup:
    return element("text", {"x": x, "y": y, "class": kind, "text-anchor": anchor}, said)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return element("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})


def _panel(panel: _Panel, ticks: Sequence[tuple[float, str]]) -> Iterator[Markup]:
    """Its base, and a line across it for every tick, whose place is a share of its height."""
    for share, said in ticks:
        y = panel.y(share)
        yield _line(LEFT, y, WIDTH - RIGHT, y, "grid" if share else "axis")
        yield _text(LEFT - 6, y + 4, said, "tick", "end")


def _seconds(axis: _Axis, panels: Sequence[_Panel]) -> Iterator[Markup]:
    step = nice(axis.until_s / TICKS)
    for number in range(int(axis.until_s / step + 1e-9) + 1):
        x = axis.x(number * step)
        for panel in panels:
            yield _line(x, panel.top, x, panel.bottom, "grid")
        yield _text(x, panels[-1].bottom + 17, f"{number * step:g} s", "tick", "middle")


def _counts(slices: Sequence[Bin], axis: _Axis, width_s: float) -> Iterator[Markup]:
    most = max([1, *(one.served + one.failed for one in slices)])
    step = nice(most / width_s / COUNT_TICKS)
    ticks = [(number * step * width_s / most, f"{number * step:g}") for number in range(int(most / width_s / step) + 1)]
    yield from _panel(COUNTS, ticks)
    width = max(1.0, axis.x(width_s) - LEFT - 0.6)
    for one in slices:
        x, low = axis.x(one.begin_s), COUNTS.bottom
        for count, kind in ((one.failed, "failed"), (one.served, "served")):
            if count:
                height = COUNTS.height * count / most
                low -= height
                # The last slice may be longer than the time.
                seen = min(width, max(1.0, WIDTH - RIGHT - x))
                yield element("rect", {"x": x, "y": low, "width": seen, "height": height, "class": kind})


def _times(slices: Sequence[Bin], failed: Sequence[Point], axis: _Axis, width_s: float) -> Iterator[Markup]:
    """In every slice: of pages the median and the slowest, of those who got none the longest wait."""
    vain: dict[int, float] = {}
    for point in failed:
        number = min(len(slices) - 1, int(point.at_s / width_s))
        vain[number] = max(vain.get(number, 0.0), point.took_s * 1000)
    highest = math.log10(max([10.0, *vain.values(), *(one.worst_ms for one in slices if one.served)]))

    def y(milliseconds: float) -> float:
        return TIMES.y(math.log10(max(1.0, milliseconds)) / highest)

    names = ("1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s")
    ticks = [(power / highest, name) for power, name in enumerate(names) if power <= highest]
    yield from _panel(TIMES, ticks)
    ends = [*(one.begin_s for one in slices[1:]), axis.until_s]
    for number, (one, end_s) in enumerate(zip(slices, ends, strict=True)):
        x = (axis.x(one.begin_s) + axis.x(end_s)) / 2
        if one.served:
            yield _line(x, y(one.worst_ms), x, y(one.p50_ms), "worst")
            yield element("circle", {"cx": x, "cy": y(one.p50_ms), "r": 2.0, "class": "median"})
        if number in vain:
            yield element("circle", {"cx": x, "cy": y(vain[number]), "r": 2.5, "class": "failed"})


def _changes(machines: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Only when there were others than before."""
    return [now for before, now in pairwise([(0.0, -1), *machines]) if now[1] != before[1]]


def _machines(machines: Sequence[tuple[float, int]], axis: _Axis) -> Iterator[Markup]:
    """How many machines run, as steps; before they were first counted nothing is drawn."""
    most = max(1, *(count for _, count in machines))
    yield from _panel(MACHINES, [(0.0, "0"), (1.0, str(most))])
    path = []
    for (at_s, count), (until_s, _) in pairwise([*machines, (axis.until_s, 0)]):
        y = MACHINES.y(count / most)
        path += [f"{axis.x(at_s):.1f},{y:.1f}", f"{axis.x(until_s):.1f},{y:.1f}"]
    yield element("polyline", {"points": " ".join(path), "class": "machines"})


def _marks(marks: Sequence[Mark], axis: _Axis, bottom: float) -> Iterator[Markup]:
    """Numbered lines; what the numbers mean stands in the list beside the picture."""
    places = [axis.x(mark.at_s) for mark in marks]
    for number, (x, label) in enumerate(zip(places, apart(places), strict=True), start=1):
        begin = MARK_Y + MARK_RADIUS
        path = f"{label:.1f},{begin:.1f} {x:.1f},{begin + 8:.1f} {x:.1f},{bottom:.1f}"
        yield element("polyline", {"points": path, "class": "mark"})
        yield element("circle", {"cx": label, "cy": MARK_Y, "r": MARK_RADIUS, "class": "mark-number"})
        yield _text(label, MARK_Y + 4, str(number), "mark-label", "middle")


def apart(places: Sequence[float], low: float = LEFT, high: float = WIDTH - RIGHT) -> list[float]:
    """Near those places, in the order given, so far from one another that their numbers do not touch.

    They come closer only where the plot has no room for so many.
    """
    step = min(MARK_STEP, (high - low) / max(1, len(places) - 1))
    found: list[float] = []
    for number, place in enumerate(places):
        least = found[-1] + step if found else low
        most = high - step * (len(places) - 1 - number)
        found.append(min(most, max(least, place)))
    return found
