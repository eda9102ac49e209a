"""A report of a run that never was, with all that a run can bring: for those who look at it in a browser."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aftershock.lab.events import Happened
from aftershock.lab.experiment import Bound, Experiment, Load, StopAndStart, Written
from aftershock.lab.figures import Mark, Point
from aftershock.lab.report import Report
from aftershock.lab.run import Outcome, Verdict, measured
from aftershock.lab.scene import Group, Machine, Name, Node, Scene, Zone
from aftershock.lab.site import Cost

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
HOSTILE = (
    "<img src=x onerror=\"document.title='taken'\">",
    "</text></svg><script>document.title='taken'</script>",
    "</title></style><script>document.title='taken'</script>",
    "\"' onload=document.title='taken' x=\"",
    "&lt;b&gt; é 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字 \u202e` $(x)",
    "WMWMWMWMWM" * 20,
)
STRANGE = " ".join(HOSTILE)
LEAST_FAILS = Bound("failed", at_least=0)
NONE_FAILS = Bound("failed", at_most=0)


def machine(number: int, zone: str, health: str | None = None, address: str | None = None) -> Machine:
    return Machine(f"i-{number:017x}", "t2.micro", "running", zone, address, address is not None, health)


def balanced(count: int, *, zones: int = 3, out: str = "", group_in: int = 3) -> Scene:
    """So many machines behind a load balancer, in turn in the zones of a group."""
    machines = [
        machine(number, ZONES[number % group_in], "unhealthy" if ZONES[number % group_in] == out else "healthy")
        for number in range(count)
    ]
    return Scene(
        zones=tuple(Zone(name, name != out) for name in ZONES),
        machines=tuple(sorted(machines, key=lambda one: one.zone)),
        nodes=tuple(Node(zone, f"198.19.255.{number + 250}") for number, zone in enumerate(ZONES[:zones])),
        names=(Name("whatisthetime.com", ("dualstack.web-1.us-east-1.elb.amazonaws.com",), None, True),),
        group=Group("web", 2, 500, count, count, ZONES[:group_in]),
        reserved=3,
    )


def addressed(count: int, *, named: bool = True) -> Scene:
    machines = tuple(machine(number, ZONES[0], None, f"198.19.255.{number + 100}") for number in range(count))
    values = tuple(one.public_address or "" for one in machines)
    names = (Name("whatisthetime.com", values, 300, False),) if named else ()
    return Scene(tuple(Zone(name, True) for name in ZONES), machines, (), names, None)


def strange() -> Scene:
    """Words of others wherever there can be any."""
    one = Machine(HOSTILE[0], HOSTILE[1], HOSTILE[2], ZONES[0], HOSTILE[3], True, HOSTILE[4])
    two = replace(one, id=HOSTILE[5], type=HOSTILE[5], state="running", public_address=HOSTILE[5], health=HOSTILE[5])
    return Scene(
        zones=(Zone(ZONES[0], True), Zone(ZONES[1], False)),
        machines=(one, two),
        nodes=(Node(ZONES[0], HOSTILE[0]), Node(ZONES[0], HOSTILE[5])),
        names=(Name(STRANGE, HOSTILE, 1, False),),
        group=Group(STRANGE, 10**9, 10**9, 10**9, 10**9, ZONES[:2]),
        reserved=10**9,
    )


def points(count: int, until_s: float, failed: tuple[float, float] = (0.0, 0.0)) -> tuple[Point, ...]:
    """Requests that fail in a time; always the same."""
    chance = random.Random(1)
    found = []
    for number in range(count):
        at_s = until_s * number / count
        vain = failed[0] <= at_s < failed[1]
        found.append(Point(at_s, 3.0 if vain else chance.lognormvariate(-5, 1), not vain, number % 18, None))
    return tuple(found)


def outcome(
    name: str,
    before: Scene,
    after: Scene,
    seen: tuple[Point, ...] = (),
    *,
    bounds: tuple[Bound, ...] = (LEAST_FAILS,),
    title: str = "Machines that serve",
    marks: tuple[Mark, ...] = (Mark(3.0, "Third is terminated"), Mark(4.2, "it is gone")),
    until_s: float = 12.0,
) -> Outcome:
    written = Written(
        int(name[0]), title, f"The claim of {title}", "stage.yaml", load=Load(2), event=StopAndStart("M"), must=bounds
    )
    machines = [(0.5, before.serving), (6.0, before.serving + 1), (9.0, after.serving)]
    found = measured(
        list(seen),
        Happened(3.0, 4.0, 5.0),
        ended_s=until_s,
        scenes=(before, after),
        costs=(Cost(12.5, 12.5), Cost(12.5, 9.25)),
        machines=machines,
        reserving=True,
    )
    return Outcome(
        Experiment(name, written, Path()),
        NOW,
        lasted_s=20.0,
        watched_s=until_s,
        deployed_s=1.5,
        points=seen,
        marks=marks,
        machines=tuple(machines),
        before=before,
        after=after,
        figures=found,
        verdicts=tuple(Verdict(bound, found[bound.measure]) for bound in bounds),
    )


def a_run() -> Report:
    one, three, many = addressed(1, named=False), addressed(3), balanced(300)
    crowded = tuple(Mark(math.sin(number) + 11, f"mark {number}") for number in range(30))
    every = tuple(Bound(measure, at_least=0) for measure in ("failed", "p99_ms", "saved_share", "dark_s"))
    outcomes = (
        outcome("1-held", one, one, points(200, 12, (3, 5)), bounds=every),
        outcome("3-not-held", three, addressed(2), points(900, 12, (3, 3.4)), bounds=(NONE_FAILS, LEAST_FAILS)),
        replace(
            outcome("4-half-way", balanced(3, zones=2, group_in=1), balanced(2, zones=2, group_in=1), points(100, 12)),
            broken="NotInTime: 3 machines are wanted, and 2 are in service",
            verdicts=(),
        ),
        replace(outcome("5-nobody-came", balanced(2), balanced(2)), marks=(), machines=()),
        outcome("6-quake", balanced(12), balanced(14, out=ZONES[0]), points(40000, 700.0, (90, 95)), until_s=700.0),
        replace(
            outcome("6-many", many, many, points(5000, 12, (11, 12)), marks=crowded),
            during=(("When the ground had shaken", balanced(300, out=ZONES[1])),),
        ),
        replace(
            outcome("7 strange <&>\"' 漢", strange(), strange(), points(10, 12), title=STRANGE),
            during=((STRANGE, addressed(40)), ("One zone of two", balanced(7, zones=1, group_in=2))),
            marks=tuple(Mark(float(number), text) for number, text in enumerate(HOSTILE)),
        ),
        Outcome(outcome("8-never", one, one).experiment, NOW, broken=f"DeploymentError: {STRANGE}"),
    )
    return Report(
        f"A run {HOSTILE[0]}", NOW, 30.0, "0.1", 321.0, outcomes, left_out=("What was not reached", HOSTILE[1])
    )
