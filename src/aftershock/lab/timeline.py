"""An experiment's time as a picture: requests served and failed, how long they took, and what happened when.  Pure."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .figures import Bin, Mark, Point, bins
from .markup import Markup, element

WIDTH, LEFT, RIGHT = 960.0, 56.0, 16.0
COUNTS_TOP, COUNTS_HEIGHT = 26.0, 130.0
TIMES_TOP, TIMES_HEIGHT = 182.0, 70.0
HEIGHT = 284.0
SLICES = 80  # so many bars at most
TICKS = 6
SHORTEST_BIN_S = 0.2


def timeline(
    points: Sequence[Point], marks: Sequence[Mark], machines: Sequence[tuple[float, int]], until_s: float, title: str
) -> Markup:
    width_s = max(SHORTEST_BIN_S, nice(until_s / SLICES))
    slices = bins(points, until_s, width_s)
    most = max([1, *(one.served + one.failed for one in slices)])
    failed = sum(not point.served for point in points)
    happened = "; ".join(f"at {mark.at_s:.1f} s {mark.label}" for mark in marks)
    words = f"{len(points)} requests in {until_s:.0f} s, {failed} of them failed. {happened}."
    return element(
        "svg",
        {"viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", "role": "img", "class": "timeline"},
        element("title", None, title),
        element("desc", None, words),
        *_grid(until_s, most, width_s),
        *_bars(slices, until_s, most, width_s),
        *_machines(machines, until_s),
        *_times(slices, until_s),
        *_marks(marks, until_s),
    )


def nice(value: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is not smaller."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _x(at_s: float, until_s: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, at_s / until_s if until_s else 0.0)


def _text(x: float, y: float, said: str, kind: str, anchor: str = "start") -> Markup:
    return element("text", {"x": x, "y": y, "class": kind, "text-anchor": anchor}, said)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return element("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})


def _grid(until_s: float, most: int, width_s: float) -> Iterator[Markup]:
    bottom = TIMES_TOP + TIMES_HEIGHT
    step = nice(until_s / TICKS)
    for number in range(int(until_s / step + 1e-9) + 1):
        x = _x(number * step, until_s)
        yield _line(x, COUNTS_TOP, x, bottom, "grid")
        yield _text(x, bottom + 16, f"{number * step:g} s", "tick", "middle")
    for top, height in ((COUNTS_TOP, COUNTS_HEIGHT), (TIMES_TOP, TIMES_HEIGHT)):
        yield _line(LEFT, top + height, WIDTH - RIGHT, top + height, "axis")
    yield _text(LEFT - 6, COUNTS_TOP + 10, f"{most / width_s:.0f}/s", "tick", "end")
    yield _text(LEFT - 6, COUNTS_TOP + COUNTS_HEIGHT, "0", "tick", "end")


def _bars(slices: Sequence[Bin], until_s: float, most: int, width_s: float) -> Iterator[Markup]:
    width = max(1.0, _x(width_s, until_s) - LEFT - 0.6)
    for one in slices:
        x, low = _x(one.begin_s, until_s), COUNTS_TOP + COUNTS_HEIGHT
        for count, kind in ((one.failed, "failed"), (one.served, "served")):
            if count:
                height = COUNTS_HEIGHT * count / most
                low -= height
                # The last slice may be longer than the time.
                seen = min(width, max(1.0, WIDTH - RIGHT - x))
                yield element("rect", {"x": x, "y": low, "width": seen, "height": height, "class": kind})


def _machines(machines: Sequence[tuple[float, int]], until_s: float) -> Iterator[Markup]:
    """How many machines run, as a line above the bars; only where it changes."""
    if len({count for _, count in machines}) < 2:
        return
    most = max(count for _, count in machines)
    path = []
    for (at_s, count), (until, _) in pairwise([*machines, (until_s, 0)]):
        y = COUNTS_TOP + COUNTS_HEIGHT * (1 - 0.92 * count / most)
        path += [f"{_x(at_s, until_s):.1f},{y:.1f}", f"{_x(until, until_s):.1f},{y:.1f}"]
    yield element("polyline", {"points": " ".join(path), "class": "machines"})
    peak = next(at_s for at_s, count in machines if count == most)
    yield _text(_x(peak, until_s) + 4, COUNTS_TOP + 6, f"{most} machine{'s' if most > 1 else ''} run", "machines-label")


def _times(slices: Sequence[Bin], until_s: float) -> Iterator[Markup]:
    worst = max([1.0, *(one.worst_ms for one in slices if one.served)])
    low, high = 0.0, math.log10(max(10.0, worst))
    bottom = TIMES_TOP + TIMES_HEIGHT

    def y(milliseconds: float) -> float:
        return bottom - TIMES_HEIGHT * (math.log10(max(1.0, milliseconds)) - low) / (high - low)

    for power in range(int(high) + 1):
        yield _text(LEFT - 6, y(10.0**power) + 3, f"{10**power} ms", "tick", "end")
    half = (_x(slices[1].begin_s, until_s) - LEFT) / 2 if len(slices) > 1 else 0.0
    for one in slices:
        if one.served:
            x = _x(one.begin_s, until_s) + half
            yield _line(x, y(one.worst_ms), x, y(one.p50_ms), "worst")
            yield element("circle", {"cx": x, "cy": y(one.p50_ms), "r": 1.6, "class": "median"})


def _marks(marks: Sequence[Mark], until_s: float) -> Iterator[Markup]:
    """Numbered lines; what the numbers mean stands in the list beside the picture."""
    last = -math.inf
    for number, mark in enumerate(marks, start=1):
        x = _x(mark.at_s, until_s)
        yield _line(x, COUNTS_TOP - 8, x, TIMES_TOP + TIMES_HEIGHT, "mark")
        label = max(x, last + 15)  # so that the numbers of two that are close do not cover one another
        last = label
        yield element("circle", {"cx": label, "cy": COUNTS_TOP - 14, "r": 8.0, "class": "mark-number"})
        yield _text(label, COUNTS_TOP - 10, str(number), "mark-label", "middle")
