"""Watches a site: visitors ask, moments are marked, machines are counted."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from aftershock.sites.visitors import Visit, Visitors

from .figures import Mark, Point, failed_share, percentile_ms
from .scene import Scene
from .site import Site

COUNT_EVERY_S = 0.5


@dataclass
class Watch:
    """Visitors of a site for as long as the block runs; all its times are seconds since it began."""

    site: Site
    host: str
    visitors: int
    every_s: float
    marks: list[Mark] = field(default_factory=list)
    machines: list[tuple[float, int]] = field(default_factory=list)  # when, and how many ran
    scenes: list[tuple[str, Scene]] = field(default_factory=list)  # what was there at a moment, and what that was
    _crowds: list[Visitors] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._end = threading.Event()
        self._counting = threading.Thread(target=self._count, name="counting", daemon=True)
        self._counting.start()
        self._regulars = self.crowd(self.visitors)
        self._regulars.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._regulars.__exit__(*error)
        self.ended_s = self.now_s()
        self._end.set()
        self._counting.join()

    def crowd(self, count: int) -> Visitors:
        """More visitors, for a block of their own."""
        crowd = Visitors(self.site.access, self.host, count, self.every_s)
        self._crowds.append(crowd)
        return crowd

    def now_s(self) -> float:
        return time.monotonic() - self._began

    def mark(self, label: str, at_s: float | None = None) -> float:
        moment = self.now_s() if at_s is None else at_s
        self.marks.append(Mark(moment, label))
        self.site.hands.say(f"  {moment:5.1f} s  {label}")
        return moment

    def look(self, caption: str) -> None:
        self.scenes.append((caption, self.site.scene()))

    def at_wall(self, moment: float) -> float:
        """The time here of a moment on the wall clock, as services tell it."""
        return self.now_s() - (time.time() - moment)

    def points(self) -> list[Point]:
        found, before = [], 0
        for crowd in self._crowds:
            found += [self._point(visit, before) for visit in list(crowd.visits)]
            before += crowd.count
        return sorted(found, key=lambda point: point.at_s)

    def _point(self, visit: Visit, before: int) -> Point:
        return Point(visit.began - self._began, visit.took_s, visit.served, before + visit.visitor, visit.instance)

    def _count(self) -> None:
        while not self._end.wait(COUNT_EVERY_S):
            running = [{"Name": "instance-state-name", "Values": ["running"]}]
            try:
                found = self.site.clients("ec2").describe_instances(Filters=running)["Reservations"]
            except (BotoCoreError, ClientError):
                continue  # what is not known is not drawn
            self.machines.append((self.now_s(), sum(len(one["Instances"]) for one in found)))
            self.site.hands.show(told(self.points(), self.machines[-1][1]))


def told(points: list[Point], machines: int) -> str:
    """How it is going, in one line."""
    if not points:
        return "waiting for the first page"
    recent = points[-50:]
    return (
        f"{len(points)} requests, {sum(not point.served for point in points)} failed; of the last {len(recent)} "
        f"{failed_share(recent):.0%} failed, median {percentile_ms(recent, 0.5):.0f} ms; {machines} machines"
    )
