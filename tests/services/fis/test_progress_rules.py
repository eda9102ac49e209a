"""Experiments from every state: each comes to an end, no action begins twice, and what has begun is taken back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.services.fis.records import Action, Experiment, Plan, Progress, StopCondition
from aftershock.services.fis.rules.progress import (
    OVER,
    Begin,
    Cancel,
    Finish,
    Hold,
    Initiate,
    Lift,
    Resolve,
    Skip,
    Step,
    Stop,
    Watch,
    final,
    plan,
    progress_of,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = "abcd"


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Actions each of which starts after some of those before it; some have a target, some a duration."""
    actions = {}
    for number, name in enumerate(NAMES[: draw(st.integers(1, 4))]):
        after = draw(st.sets(st.sampled_from(NAMES[:number]))) if number else set()
        targets = draw(st.sampled_from([{}, {"Instances": "some"}, {"Instances": "none"}]))
        actions[name] = Action(action_id="aws:fis:wait", targets=targets, start_after=tuple(sorted(after)))
    return Plan(actions=actions, stop_conditions=(StopCondition("none"),), role_arn="r")


class World:
    """Carries steps out, at the whim of `luck`: what holds, what is over, what fails."""

    def __init__(self, experiment: Experiment, lasting: dict[str, float | None], luck: list[str]) -> None:
        self.experiment, self.lasting, self.luck = experiment, lasting, luck
        self.now = NOON
        self.begun: list[str] = []
        self.lifted: set[str] = set()

    def turn(self) -> bool:
        self.now += timedelta(seconds=30)
        steps = plan(self.experiment, self.now, self.lasting).steps
        for step in steps:
            self.do(step)
        return self.experiment.ended_at is None

    def fails(self) -> bool:
        return bool(self.luck) and self.luck.pop() == "fails"

    def do(self, step: Step) -> None:
        match step:
            case Initiate():
                self.write(status="initiating")
            case Resolve():
                self.write(status="running", resolved={"some": ("arn",), "none": ()}, started_at=self.now)
            case Stop(reason, failed):
                self.write(status="stopping", stopped_by=reason, failed=failed)
            case Finish():
                assert all(progress_of(self.experiment, name).status in OVER for name in self.experiment.plan.actions)
                status, reason = final(self.experiment)
                assert reason
                self.write(status=status, ended_at=self.now)
            case Skip(name, _):
                self.progress(name, status="skipped")
            case Cancel(name):
                assert name not in self.begun
                self.progress(name, status="cancelled")
            case Begin(name):
                self.begin(name)
            case Hold(name):
                self.progress(name, status="failed" if self.fails() else "running")
            case Watch(name):
                assert self.lasting[name] is None
                self.progress(name, status="failed" if self.fails() else "completed")
            case Lift(name):
                self.lifted.add(name)
                stopping = self.experiment.status == "stopping"
                self.progress(name, lifting=True, status="stopped" if stopping else "completed")

    def begin(self, name: str) -> None:
        assert name not in self.begun, "begins twice"
        assert not self.experiment.stop_asked
        for before in self.experiment.plan.actions[name].start_after:
            assert progress_of(self.experiment, before).status in ("completed", "skipped")
        assert self.experiment.plan.actions[name].targets.get("Instances") != "none"
        self.begun.append(name)
        if self.fails():
            self.progress(name, status="failed")
        else:
            self.progress(name, status="initiating", started_at=self.now)

    def progress(self, name: str, **changes: object) -> None:
        after: Progress = replace(progress_of(self.experiment, name), **changes)  # type: ignore[arg-type]
        self.write(progress={**self.experiment.progress, name: after})

    def write(self, **changes: object) -> None:
        self.experiment = replace(self.experiment, **changes)


@given(
    plans(),
    st.lists(st.sampled_from(["well", "well", "well", "fails"]), max_size=12),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from([None, 60.0, 120.0])),
    st.one_of(st.none(), st.integers(0, 12)),
    st.booleans(),
)
def test_every_experiment_comes_to_its_end(
    found: Plan, luck: list[str], lasting: dict[str, float | None], stopped_at: int | None, skips: bool
) -> None:
    experiment = Experiment(
        id="EXP1", account="1", region="us-east-1", template_id="EXT1", plan=found, created_at=NOON, skips_all=skips
    )
    world = World(experiment, {name: lasting.get(name) for name in NAMES}, luck)
    for turn in range(80):
        if turn == stopped_at and world.experiment.ended_at is None:
            world.write(stop_asked=True)
        if not world.turn():
            break
    else:
        raise AssertionError(f"does not end: {world.experiment}")
    ended = world.experiment
    states = {name: progress_of(ended, name).status for name in found.actions}
    for name in world.begun:
        if world.lasting[name] is not None and states[name] != "failed":
            assert name in world.lifted, "what has begun was not taken back"
    if "failed" in states.values():
        assert ended.status == "failed"
    elif ended.stop_asked and set(states.values()) & {"stopped", "cancelled"}:
        assert ended.status == "stopped"
    else:
        assert ended.status in ("completed", "stopped")
    if skips:
        assert not world.begun
