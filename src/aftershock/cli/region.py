"""`up`, `down` and `status`: the region as a whole."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from aftershock.doors import own
from aftershock.doors.access import PROFILE
from aftershock.ground import launcher, requirements

from .bring_up import bring_up, stop
from .errors import NOT_RUNNING, OK
from .place import Pace, access_to, state_option

PORT = click.IntRange(0, 65535)


@click.command()
@state_option
@click.option("--api-port", type=PORT, default=4566, show_default=True, help="The AWS API's port; 0 takes a free one.")
@click.option("--socks-port", type=PORT, default=1080, show_default=True, help="The way in; 0 takes a free port.")
@click.option("--dns-port", type=PORT, default=1053, show_default=True, help="The resolver's, UDP and TCP; 0: any.")
@click.option("--console-port", type=PORT, default=4567, show_default=True, help="The console's; 0 takes a free one.")
@click.option("--no-egress", is_flag=True, help="Machines cannot reach the outside, so they cannot install packages.")
@click.option(
    "--pace",
    type=Pace(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Divides every duration that AWS defines; 10 makes an interval of 30 s last 3 s.",
)
def up(
    *, state: Path, api_port: int, socks_port: int, dns_port: int, console_port: int, no_egress: bool, pace: float
) -> None:
    """Start the region, and wait until it is ready.

    A region that is up already is left as it is.  The first time, the base image is built, which takes about a
    minute; later it takes about a second.  All ports are bound on 127.0.0.1 only.
    """
    settings = launcher.Settings(
        state=state,
        api_port=api_port,
        socks_port=socks_port,
        dns_port=dns_port,
        console_port=console_port,
        egress=not no_egress,
        pace=pace,
    )
    running, access = bring_up(settings)
    access.write_profile()
    if unheeded := [name for name in _unheeded(settings, running) if _was_said(name)]:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in unheeded)
        click.echo(
            f"aftershock: warning: the region was up already, without {options}: `aftershock down` first", err=True
        )
    for warning in requirements.warnings(running.cgroups):
        click.echo(f"aftershock: warning: {warning}", err=True)
    click.echo(f"The region is up: {access.endpoint}, and into it by {access.proxy}")
    click.echo(f"Its state is in {running.state}; `aftershock down` stops it and keeps that.")
    click.echo("To see it, and shake it:  aftershock console")
    click.echo('To use it from this shell:  eval "$(aftershock env)"')


def _unheeded(settings: launcher.Settings, running: launcher.Running) -> Iterator[str]:
    """The options that wanted something else than what runs."""
    for door, port in settings.ports().items():
        if port not in (0, running.ports.get(door)):
            yield f"{door}_port"
    if settings.egress != running.egress:
        yield "no_egress"
    if settings.pace != running.pace:
        yield "pace"


def _was_said(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


@click.command()
@state_option
def down(state: Path) -> None:
    """Stop the region.  What it stored stays for the next `up`; on the host nothing else is left.

    Machines are switched off as by a power cut.  Stopping what does not run is no error.
    """
    was_running = launcher.find(state) is not None
    stop(state)
    click.echo("The region is down." if was_running else f"No region was running on {state}.")


@click.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def status(state: Path, as_json: bool) -> None:
    """Say whether the region runs, where its doors are, and what it is at.  Exit status 3 if it does not run."""
    said = _status(state)
    if as_json:
        click.echo(json.dumps(said, indent=2))
    else:
        for name, value in said.items():
            click.echo(f"{name.replace('_', ' '):<12}{_text(value)}")
    sys.exit(OK if said["running"] else NOT_RUNNING)


def _status(state: Path) -> dict[str, Any]:
    region = launcher.find(state)
    if region is None:
        return {"running": False, "state": str(state)}
    health = own.health(region.ports["api"])
    said: dict[str, Any] = {
        "running": True,
        "ready": health is not None and health.ready,
        "phase": health.phase if health else "the control plane does not answer",
        "state": str(region.state),
        "api": f"http://127.0.0.1:{region.ports['api']}",
        "socks": f"socks5h://127.0.0.1:{region.ports['socks']}",
        "dns": f"127.0.0.1:{region.ports['dns']}",
        "console": f"http://127.0.0.1:{region.ports['console']}" if "console" in region.ports else "none",
        "egress": region.egress,
        "pace": region.pace,
        "keeper_pid": region.keeper.pid,
        "warnings": requirements.warnings(region.cgroups),
    }
    if health and health.ready:
        access = access_to(region)
        said["instances"] = _count(access.client("ec2"))
        said["profile"] = f"AWS_PROFILE={PROFILE} AWS_CONFIG_FILE={access.config_file}"
    return said


def _count(ec2: Any) -> dict[str, int]:
    """How many instances are in each state, as DescribeInstances tells."""
    counts: dict[str, int] = {}
    for page in ec2.get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for one in reservation["Instances"]:
                name = one["State"]["Name"]
                counts[name] = counts.get(name, 0) + 1
    return counts


def _text(value: object) -> str:
    match value:
        case True:
            return "yes"
        case False:
            return "no"
        case list():
            return "; ".join(value) or "none"
        case dict():
            return ", ".join(f"{count} {name}" for name, count in sorted(value.items())) or "none"
    return str(value)
