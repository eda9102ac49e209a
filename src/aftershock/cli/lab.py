"""`lab`: puts a story's claims to the test in a region of its own, and writes down what came of it."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aftershock.doors import own
from aftershock.doors.access import Access
from aftershock.ground import launcher

from .bring_up import bring_up, stop
from .errors import Failure
from .place import Pace, StateDirectory, default_state

if TYPE_CHECKING:  # slow to import
    from aftershock.lab.experiment import Experiment
    from aftershock.lab.report import Report

PACE = 30.0  # the whole story takes some four minutes at it


def own_state() -> Path:
    """Where the lab's own region lives."""
    return default_state().with_name("aftershock-lab")


@click.group()
def lab() -> None:
    """Put claims about a site to the test, and write a report with what was measured."""


@lab.command()
@click.option(
    "--state",
    type=StateDirectory(file_okay=False, path_type=Path),
    default=None,
    help="The region's directory; by default the lab's own, beside the default region's, emptied first.",
)
@click.option(
    "--pace",
    type=Pace(min=0, min_open=True),
    default=PACE,
    show_default=True,
    help="If the region is started here: how many times as fast AWS's durations pass.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("whatisthetime.html"),
    show_default=True,
    help="Where the report goes; what was measured goes beside it, as JSON.",
)
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this experiment, by its file's name; may be repeated."
)
@click.option("--keep", is_flag=True, help="Leave the stack and the region at the end, to be looked at.")
def whatisthetime(state: Path | None, pace: float, report: Path, only: tuple[str, ...], keep: bool) -> None:
    """WhatIsTheTime.com, stage by stage: each is deployed by its CloudFormation template, something happens to it under
    load, and what its visitors met with is measured.

    The report is one HTML file that needs nothing else.  Exit status 1 if a claim did not hold.
    """
    if report.suffix == ".json":
        raise click.UsageError("--report names the HTML file; the JSON file goes beside it")
    if not report.absolute().parent.is_dir():
        raise click.UsageError(f"--report: there is no directory {report.parent}")
    from aftershock.lab.catalogue import STACK  # noqa: PLC0415  # slow to import
    from aftershock.lab.table import table  # noqa: PLC0415

    chosen = _chosen(only)
    with _ended_alike(), _region(state, pace, keep=keep) as access:
        told = _tell(access, report, chosen, keep=keep)
        if keep:
            click.echo(f"The region is left: --state {access.state}, stack {STACK}.", err=True)

    click.echo(table(told))
    click.echo(f"\nThe report: {report}")
    if not told.holds:
        sys.exit(1)


@contextmanager
def _ended_alike() -> Iterator[None]:
    """In the block SIGTERM ends the program as Ctrl-C does, so that it takes back what it has done."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what follows is what an end is for
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _region(state: Path | None, pace: float, *, keep: bool) -> Iterator[Access]:
    """A running region with an empty account; the lab's own, and one that was started here, are stopped again."""
    place = state or own_state()
    ran = launcher.find(place) is not None
    settings = launcher.Settings(state=place, api_port=0, socks_port=0, dns_port=0, console_port=0, pace=pace)
    _, access = bring_up(settings)
    try:
        if state is None:
            own.act(access, "reset", {})
        else:
            _require_empty(access)
        yield access
    finally:
        if (state is None or not ran) and not keep:
            stop(place)


def _require_empty(access: Access) -> None:
    """
    Raises:
        Failure
    """
    from aftershock.lab.account import in_the_way  # noqa: PLC0415  # slow to import

    if there := in_the_way(access):
        what = ", ".join(there)
        raise Failure(f"the account is not empty ({what}): `aftershock reset --state {access.state}` empties it")


def _chosen(only: tuple[str, ...]) -> "list[Experiment]":
    """
    Raises:
        Failure: there is no such experiment.
    """
    from aftershock.lab.catalogue import experiments as all_of_them  # noqa: PLC0415  # slow to import

    experiments = all_of_them()
    names = [one.name for one in experiments]
    if unknown := [name for name in only if name not in names]:
        raise Failure(f"there is no experiment {', '.join(unknown)}; there are {', '.join(names)}")
    return [one for one in experiments if not only or one.name in only]


def _tell(access: Access, report: Path, experiments: "list[Experiment]", *, keep: bool) -> "Report":
    from rich.console import Console  # noqa: PLC0415  # slow to import

    from aftershock.lab.catalogue import STACK, TITLE  # noqa: PLC0415
    from aftershock.lab.clients import Clients  # noqa: PLC0415
    from aftershock.lab.deployment import DeploymentError, Stack  # noqa: PLC0415
    from aftershock.lab.hands import hands  # noqa: PLC0415
    from aftershock.lab.site import Site  # noqa: PLC0415
    from aftershock.lab.story import tell  # noqa: PLC0415

    console, clients, began = Console(stderr=True), Clients(access), time.monotonic()
    with console.status("") as status:

        def say(text: str) -> None:
            console.print(f"{time.monotonic() - began:6.1f} s  {text}", markup=False, highlight=False)
            status.update("")

        site = Site(access, clients, Stack(clients, STACK), hands(access, say, status.update))
        try:
            return tell(TITLE, experiments, site, lambda so_far: _write(so_far, report))
        finally:  # also when it was interrupted: the next run wants an empty account
            if not keep:
                try:
                    site.stack.remove()
                except DeploymentError as error:
                    raise Failure(str(error)) from error


def _write(so_far: "Report", report: Path) -> None:
    from aftershock.lab.records import write  # noqa: PLC0415
    from aftershock.lab.report import html, plain  # noqa: PLC0415  # slow to import

    write(report, html(so_far).encode())
    write(report.with_suffix(".json"), plain(so_far))
