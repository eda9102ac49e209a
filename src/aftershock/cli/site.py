"""`site`: puts a reference site into the region, through the AWS CLI, and tells its story."""

from pathlib import Path

import click

from aftershock.ground import launcher
from aftershock.sites.story import StoryFailed
from aftershock.sites.whatisthetime import story

from .bring_up import bring_up
from .errors import Failure
from .place import Pace, state_option

FIRST_SLOW_STAGE = 5  # from here on AWS's alarms and cooldowns are waited for, which take minutes
HURRIED = 20.0


@click.group()
def site() -> None:
    """Put a reference site into the region, as one would on AWS."""


@site.command()
@state_option
@click.option("--stage", type=click.IntRange(1, 7), default=1, show_default=True, help="Tell the story up to here.")
@click.option(
    "--pace",
    type=Pace(min=0, min_open=True),
    default=None,
    help="If the region is started here: how many times as fast AWS's durations pass; 1, and 20 from stage 5 on.",
)
@click.option("--keep/--remove", default=None, help="Leave the site running, or not; by default only stage 1 stays.")
def whatisthetime(state: Path, stage: int, pace: float | None, keep: bool | None) -> None:
    """WhatIsTheTime.com, driven by the unmodified AWS CLI; every command is shown with what it answered.

    Stage 1: one t2.micro with an Elastic IP.  Stage 2: it grows to an m5.large, and keeps its address.  Stage 3: three
    instances with an Elastic IP each, the account's limit, and one name for all of them, with what its time to live
    costs when a machine goes.  Stage 4: private instances behind a load balancer, and the same loss that nobody
    notices.  Stage 5: a group that grows and shrinks with its visitors.  Stage 6: an earthquake, in the only zone and
    in one of three.  Stage 7: the bill, and what a reservation takes off it.  The region is started if it is not
    running.  A site that is there from an earlier call is removed first.
    """
    if pace is None:
        pace = HURRIED if stage >= FIRST_SLOW_STAGE else 1.0
    _, access = bring_up(launcher.Settings(state=state, pace=pace))
    access.write_profile()
    try:
        story.tell(access, stage=stage, keep=stage == 1 if keep is None else keep)
    except StoryFailed as error:
        raise Failure(str(error)) from error
