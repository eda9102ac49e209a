"""A story: its experiments one after the other on one stack, each from where the one before left it."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from .experiment import Experiment
from .report import Report
from .run import Outcome, run
from .site import Site


def tell(title: str, experiments: Sequence[Experiment], site: Site, keep: Callable[[Report], None]) -> Report:
    """Run all of them, up to one that cannot be deployed.  `keep` is given what there is after each."""
    made, began = datetime.now(UTC), time.monotonic()
    outcomes: list[Outcome] = []

    def so_far() -> Report:
        return Report(
            title=title,
            made=made,
            pace=site.access.pace,
            version=version("aftershock"),
            lasted_s=time.monotonic() - began,
            outcomes=tuple(outcomes),
            left_out=tuple(one.said.title for one in experiments[len(outcomes) :]),
        )

    for experiment in experiments:
        site.hands.say(f"Stage {experiment.said.stage}. {experiment.said.title}")
        outcome = run(experiment, site)
        outcomes.append(outcome)
        site.hands.say("  " + _told(outcome))
        keep(so_far())
        if outcome.before is None:
            break
    return so_far()


def _told(outcome: Outcome) -> str:
    if outcome.broken:
        return f"not brought to its end: {outcome.broken}"
    failed, requests = outcome.figures["failed"], outcome.figures["requests"]
    held = "held" if outcome.holds else "NOT HELD"
    return f"{held}: {failed:g} of {requests:g} requests failed ({outcome.lasted_s:.0f} s)"
