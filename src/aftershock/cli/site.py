"""`site`: puts a reference site into the region, through the AWS CLI, and tells its story."""

from pathlib import Path

import click

from aftershock.ground import launcher
from aftershock.sites.story import StoryFailed
from aftershock.sites.whatisthetime import story

from .bring_up import bring_up
from .errors import Failure
from .place import state_option


@click.group()
def site() -> None:
    """Put a reference site into the region, as one would on AWS."""


@site.command()
@state_option
@click.option("--stage", type=click.IntRange(1, 3), default=1, show_default=True, help="Tell the story up to here.")
@click.option("--keep/--remove", default=None, help="Leave the site running, or not; by default only stage 1 stays.")
def whatisthetime(state: Path, stage: int, keep: bool | None) -> None:
    """WhatIsTheTime.com, driven by the unmodified AWS CLI; every command is shown with what it answered.

    Stage 1: one t2.micro with an Elastic IP.  Stage 2: it grows to an m5.large, and keeps its address.  Stage 3: three
    instances with an Elastic IP each, the account's limit, and one name for all of them, with what its time to live
    costs when a machine goes.  The region is started if it is not running.  A site
    that is there from an earlier call is removed first.
    """
    _, access = bring_up(launcher.Settings(state=state))
    access.write_profile()
    try:
        story.tell(access, stage=stage, keep=stage == 1 if keep is None else keep)
    except StoryFailed as error:
        raise Failure(str(error)) from error
