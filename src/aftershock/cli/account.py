"""`env` and `reset`: the account in the region."""

import shlex
from pathlib import Path

import click

from aftershock.doors.own import act

from .errors import Failure
from .place import access_to, running, state_option


@click.command()
@state_option
@click.option("--shell", "form", flag_value="shell", default="shell", help="Exports for a POSIX shell (the default).")
@click.option("--profile", "form", flag_value="profile", help="Exports that point to a ready AWS profile instead.")
@click.option("--install-profile", metavar="NAME", help="Write profile NAME into your own ~/.aws as well.")
@click.option("--ca", is_flag=True, help="The certificate authority's file instead, for clients of names inside.")
def env(state: Path, form: str, install_profile: str | None, *, ca: bool) -> None:
    """Print what makes AWS clients in this shell speak to the region:  eval "$(aftershock env)"

    Your files under ~/.aws are neither read nor written, unless --install-profile asks for it.
    """
    access = access_to(running(state))
    if ca:
        click.echo(access.authority)
        return
    access.write_profile()
    if install_profile:
        for file in access.install_profile(install_profile):
            click.echo(f"aftershock: profile {install_profile} is in {file}", err=True)
    values = access.environment() if form == "shell" else access.profile_environment()
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(f"# Into the region by its own names and addresses: curl --proxy {access.proxy} http://...")


@click.command()
@state_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(state: Path, yes: bool) -> None:
    """Empty the account: everything in it ends and is forgotten; a fresh default VPC is left.

    Test suites do the same by a POST to /_aftershock/reset, signed like a request to AWS for the service `aftershock`.
    """
    access = access_to(running(state))
    if not yes:
        click.confirm(f"Remove everything that runs in the region on {state}?", abort=True, err=True)
    try:
        act(access, "reset", {})
    except OSError as error:
        raise Failure(f"the region did not reset: {error}") from error
    click.echo("The account is empty.")
