"""One experiment from its file to its outcome."""

import math
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from . import figures
from .deployment import DeploymentError
from .events import Happened, happen
from .experiment import Bound, Experiment, ExperimentError, Reserve
from .figures import Mark, Point
from .parameters import given
from .scene import Scene
from .site import Cost, NotInTime, Site
from .watch import Watch

# Deliberately not everything: what is a mistake of our own shall be seen as one.
# An answer that botocore cannot read is one of a control plane that is just starting.
STOPS = (DeploymentError, NotInTime, ExperimentError, BotoCoreError, ClientError, ResponseParserError, OSError)


@dataclass(frozen=True, slots=True)
class Verdict:
    bound: Bound
    value: float

    @property
    def holds(self) -> bool:
        return self.bound.holds(self.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    experiment: Experiment
    began: datetime
    lasted_s: float = 0.0
    watched_s: float = 0.0
    deployed_s: float = 0.0  # how long the stack's creation or update took
    points: tuple[Point, ...] = ()
    marks: tuple[Mark, ...] = ()
    machines: tuple[tuple[float, int], ...] = ()
    before: Scene | None = None
    during: tuple[tuple[str, Scene], ...] = ()  # with what each shows
    after: Scene | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    broken: str = ""  # why it could not be brought to its end; empty if it was

    @property
    def holds(self) -> bool:
        return not self.broken and all(verdict.holds for verdict in self.verdicts)


def run(experiment: Experiment, site: Site) -> Outcome:
    """Never raises for what the region does or does not: that is an outcome, too."""
    began, clock = datetime.now(UTC), time.monotonic()
    try:
        return replace(_run(experiment, site, began), lasted_s=time.monotonic() - clock)
    except STOPS as error:
        return Outcome(experiment, began, lasted_s=time.monotonic() - clock, broken=_words(error))


def _run(experiment: Experiment, site: Site, began: datetime) -> Outcome:
    said, clock = experiment.said, time.monotonic()
    site.stack.deploy(experiment.template(said.template), given(said, site))
    deployed_s = time.monotonic() - clock
    site.hands.say(f"  {said.template} is deployed ({deployed_s:.1f} s)")
    before = site.wait_settled()
    cost = site.hands.month()
    happened, broken = None, ""
    with Watch(site, site.host(), said.load.visitors, said.load.every_s) as watch:
        time.sleep(said.before_s)
        try:
            happened = happen(experiment, site, watch)
            time.sleep(said.after_s)
        except STOPS as error:  # what was seen until then is worth being shown
            broken = _words(error)
        after = site.scene()
    points = watch.points()
    found = measured(
        points,
        happened or unfinished(watch.marks, watch.ended_s),
        ended_s=watch.ended_s,
        scenes=(before, after),
        costs=(cost, site.hands.month()),
        machines=watch.machines,
        reserving=isinstance(said.event, Reserve),
    )
    return Outcome(
        experiment=experiment,
        began=began,
        watched_s=watch.ended_s,
        deployed_s=deployed_s,
        points=tuple(points),
        marks=tuple(watch.marks),
        machines=tuple(watch.machines),
        before=before,
        during=tuple(watch.scenes),
        after=after,
        figures=found,
        verdicts=tuple(Verdict(bound, found[bound.measure]) for bound in said.must),
        broken=broken,
    )


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def unfinished(marks: Sequence[Mark], ended_s: float) -> Happened:
    """Of what began and was not seen to end."""
    return Happened(min([ended_s, *(mark.at_s for mark in marks)]), ended_s, ended_s)


def measured(
    points: list[Point],
    happened: Happened,
    *,
    ended_s: float,
    scenes: tuple[Scene, Scene],
    costs: tuple[Cost, Cost],
    machines: list[tuple[float, int]],
    reserving: bool = False,
) -> dict[str, float]:
    """Every measure that a bound may name; scenes and costs are those before and after.

    What is reserved counts at the end of the experiment that is about `reserving`, and nowhere else: what a story
    before has reserved says nothing about the stages of this one.
    """
    before, after = scenes
    usd, usd_after = costs[0].on_demand_usd, costs[1].as_reserved_usd if reserving else costs[1].on_demand_usd
    since = figures.within(points, happened.begin_s)
    addresses = {one.public_address for one in before.machines} - {None}, {one.public_address for one in after.machines}
    identities = {one.id for one in before.machines}, {one.id for one in after.machines}
    return {
        "requests": float(len(points)),
        "failed": float(sum(not point.served for point in points)),
        "failed_share": figures.failed_share(since),
        "failed_share_during": figures.failed_share(figures.within(points, happened.begin_s, happened.over_s)),
        "failed_share_after": figures.failed_share(figures.within(points, happened.good_s)),
        "dark_s": figures.dark_s(points, ended_s),
        "failing_s": figures.failing_s(points, happened.begin_s),
        "visitors_hit_share": figures.hit_share(since),
        "p50_ms": figures.percentile_ms(points, 0.5),
        "p99_ms": figures.percentile_ms(points, 0.99),
        "instances": float(before.serving),
        "peak_instances": float(max([before.serving, *(count for _, count in machines)])),
        "instances_after": float(after.serving),
        "took_s": happened.good_s - happened.begin_s,
        "addresses_kept": kept(*addresses),
        "machines_kept": kept(*identities),
        "zones_used": float(before.zones_used),
        "zones_used_after": float(after.zones_used),
        "monthly_usd": usd,
        "monthly_usd_after": usd_after,
        "saved_share": 1 - usd_after / usd if usd else math.nan,
    }


def kept(had: Set[str | None], has: Set[str | None]) -> float:
    """The share of what was there that still is; nan if there was nothing."""
    return len(had & has) / len(had) if had else math.nan
