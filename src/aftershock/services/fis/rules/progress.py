"""What to do about an experiment, from what is wanted and how far it has come.  Pure.

Every step may be repeated.  No action begins twice: that it has begun is recorded together with what it did.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aftershock.services.fis.records import Experiment, Progress

OVER = ("completed", "cancelled", "stopped", "failed", "skipped")
PASSED = ("completed", "skipped")

BY_USER = "Experiment stopped by user."


@dataclass(frozen=True, slots=True)
class Initiate:
    """Say that it is about to begin."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """Find its targets, once and for all; then it runs."""


@dataclass(frozen=True, slots=True)
class Begin:
    action: str


@dataclass(frozen=True, slots=True)
class Skip:
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """An action that never began."""

    action: str


@dataclass(frozen=True, slots=True)
class Hold:
    """See to it that what the action does is in force, and say so."""

    action: str


@dataclass(frozen=True, slots=True)
class Watch:
    """See whether an action that ends by itself has ended."""

    action: str


@dataclass(frozen=True, slots=True)
class Lift:
    """Take back what the action did."""

    action: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Do not go on; what has begun is taken back."""

    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing of it is left to do."""


Step = Initiate | Resolve | Begin | Skip | Cancel | Hold | Watch | Lift | Stop | Finish


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    steps: tuple[Step, ...] = ()
    again_s: float | None = None  # when the next action's time is over


def plan(experiment: Experiment, now: datetime, lasting_s: Mapping[str, float | None]) -> Plan:
    """`lasting_s` is how long each action goes on, at the region's pace; None for one that ends by itself."""
    if experiment.ended_at is not None:
        return Plan(experiment.reason)
    match experiment.status:
        case "stopping":
            return _stopping(experiment)
        case _ if experiment.stop_asked:
            return Plan("to be stopped", (Stop(BY_USER),))
        case "pending":
            return Plan("to be initiated", (Initiate(),))
        case "initiating":
            return Plan("to find its targets", (Resolve(),))
    return _running(experiment, now, lasting_s)


def progress_of(experiment: Experiment, name: str) -> Progress:
    return experiment.progress.get(name) or Progress()


def _running(experiment: Experiment, now: datetime, lasting_s: Mapping[str, float | None]) -> Plan:
    steps: list[Step] = []
    again_s: list[float] = []
    found = {name: progress_of(experiment, name) for name in experiment.plan.actions}
    if broken := sorted(name for name, one in found.items() if one.status == "failed"):
        return Plan("an action failed", (Stop(f"Action {broken[0]} failed: {found[broken[0]].reason}", failed=True),))
    for name, one in found.items():
        match one.status:
            case "pending":
                steps += _pending(experiment, name, found)
            case "initiating":
                steps.append(Hold(name))
            case "running":
                nominal_s = lasting_s[name]
                if one.lifting:
                    steps.append(Lift(name))
                elif nominal_s is None:
                    steps.append(Watch(name))
                else:
                    left_s = nominal_s - (now - (one.started_at or now)).total_seconds()
                    if left_s <= 0:
                        steps.append(Lift(name))
                    else:
                        again_s.append(left_s)
    if all(one.status in OVER for one in found.values()):
        return Plan("all its actions are over", (Finish(),))
    return Plan("runs", tuple(steps), again_s=min(again_s, default=None))


def _pending(experiment: Experiment, name: str, found: Mapping[str, Progress]) -> list[Step]:
    action = experiment.plan.actions[name]
    if experiment.skips_all:
        return [Skip(name, "Action was skipped: the actions mode is skip-all.")]
    if any(found[before].status not in PASSED for before in action.start_after):
        return []
    if any(not experiment.resolved.get(target) for target in action.targets.values()):
        return [Skip(name, "Action was skipped: its target resolved to no resources.")]
    return [Begin(name)]


def _stopping(experiment: Experiment) -> Plan:
    steps: list[Step] = []
    for name in experiment.plan.actions:
        match progress_of(experiment, name).status:
            case "pending":
                steps.append(Cancel(name))
            case "initiating" | "running" | "stopping":
                steps.append(Lift(name))
    if not steps:
        return Plan("nothing of it is left", (Finish(),))
    return Plan("taking back what its actions did", tuple(steps))


def final(experiment: Experiment) -> tuple[str, str]:
    """The status and the reason with which it is over."""
    broken = [one for one in experiment.progress.values() if one.status == "failed"]
    if experiment.status == "stopping":
        if experiment.failed or broken:
            return "failed", experiment.stopped_by or broken[0].reason
        return "stopped", experiment.stopped_by
    return "completed", "Experiment completed."
