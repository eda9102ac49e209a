"""`ssh`, `shell`, `connect`, `curl` and `dig`: from this machine into the region."""

import os
import select
import shlex
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from aftershock.doors import socks
from aftershock.doors.access import Access
from aftershock.doors.instances import NoSuchInstance, find
from aftershock.ground.errors import GroundError
from aftershock.ground.launcher import Running
from aftershock.ground.shell import exec_in_region

from .errors import Failure
from .place import access_to, running, state_option

MACHINES = "/run/aftershock/state/machines"
RUNC_FAILED = 255  # runc itself, and not the program; a program that exits so is rare
RESOLVER = "169.254.169.253"
LOGIN = "admin"  # the user of Debian's images on EC2
CONNECT_TIMEOUT_S = 30.0
CHUNK = 65536

FREE = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(context_settings=FREE)
@state_option
@click.option("-i", "--identity", type=click.Path(exists=True, dir_okay=False), help="The private key of the key pair.")
@click.option("-l", "--login", default=LOGIN, show_default=True, help="The user to log in as.")
@click.argument("instance")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(state: Path, identity: str | None, login: str, instance: str, command: tuple[str, ...]) -> NoReturn:
    """Log in to an instance with the real ssh, by its public address and under its security groups' rules.

    INSTANCE is an id or a Name tag.
    """
    region = running(state)
    access = access_to(region)
    found = _find(access, instance)
    address = found.get("PublicIpAddress")
    if not address:
        raise Failure(
            f"{found['InstanceId']} is {found['State']['Name']} and has no public address, so that no ssh reaches it; "
            f"`aftershock shell {instance}` needs none"
        )
    _exec("ssh", "openssh-client", [*ssh_options(access, found["InstanceId"], identity, login), address, *command])


def ssh_options(access: Access, instance_id: str, identity: str | None, login: str) -> list[str]:
    own = shlex.join([sys.executable, "-m", "aftershock", "connect", "--state", str(access.state)])
    access.own_directory.mkdir(mode=0o700, exist_ok=True)
    options = {
        "ProxyCommand": f"{own.replace('%', '%%')} %h %p",
        # An address is soon another machine's; the host's key is known by the instance, as it should be.
        "HostKeyAlias": instance_id,
        "UserKnownHostsFile": str(access.own_directory / "known_hosts"),
        "StrictHostKeyChecking": "accept-new",
        "LogLevel": "ERROR",
    }
    argv = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    if identity:
        argv += ["-i", identity, "-o", "IdentitiesOnly=yes"]
    return [*argv, "-l", login]


@click.command(context_settings=FREE)
@state_option
@click.argument("instance")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(state: Path, instance: str, command: tuple[str, ...]) -> NoReturn:
    """Be root in an instance, as its operator: neither key nor address is needed, nor the control plane.

    INSTANCE is an id or, while the control plane answers, a Name tag.
    """
    region = running(state)
    if not instance.startswith("i-"):
        instance = _find(access_to(region), instance)["InstanceId"]
    terminal = ["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    environment = ["-e", f"TERM={os.environ.get('TERM', 'dumb')}", "-e", "HOME=/root"]
    environment += ["-e", "AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"]  # as every login has it
    # As `docker exec` and `kubectl exec` are typed: what follows a "--" is the command.
    wanted = list(command[1:] if command[:1] == ("--",) else command) or ["/bin/bash", "-l"]
    # By the machine's own runtime, so that what is done here counts as the machine's, and is limited like it.
    runtime = f"{MACHINES}/{instance}/runtime"
    enter = ["/bin/sh", "-c", f'[ -x "$0" ] || exit {RUNC_FAILED}; exec "$0" "$@"', runtime, "enter"]
    status = _run_inside(region, [*enter, *terminal, *environment, instance, *wanted])
    if status == RUNC_FAILED:
        click.echo(f"aftershock: is {instance} running?  `aftershock status` counts those that are", err=True)
    sys.exit(status)


@click.command()
@state_option
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535))
def connect(state: Path, host: str, port: int) -> None:
    """Connect standard input and output to a TCP port in the region; made to be ssh's ProxyCommand."""
    region = running(state)
    try:
        connection = socks.connect(region.ports["socks"], host, port, timeout_s=CONNECT_TIMEOUT_S)
    except OSError as error:
        raise Failure(str(error)) from error
    with connection:
        connection.settimeout(None)
        pump(connection, sys.stdin.fileno(), sys.stdout.fileno())


def pump(connection: socket.socket, source: int, sink: int) -> None:
    """Copy both ways until the other side has ended; the end of our input is passed on, and answers still come."""
    reading: list[Any] = [connection, source]
    try:
        while True:
            readable, _, _ = select.select(reading, [], [])
            if connection in readable:
                data = connection.recv(CHUNK)
                if not data:
                    return
                _write_all(sink, data)
            if source in readable:
                data = os.read(source, CHUNK)
                if data:
                    connection.sendall(data)
                else:
                    connection.shutdown(socket.SHUT_WR)
                    reading.remove(source)
    except (ConnectionError, BrokenPipeError):
        return  # either side has gone; there is nobody to tell


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@click.command(context_settings=FREE)
@state_option
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="URL...")
def curl(state: Path, arguments: tuple[str, ...]) -> NoReturn:
    """Run curl through the region's SOCKS door, with any of its own options."""
    region = running(state)
    _exec("curl", "curl", ["--proxy", f"socks5h://127.0.0.1:{region.ports['socks']}", *arguments])


@click.command()
@state_option
@click.argument("name")
@click.argument("kind", metavar="[TYPE]", default="A")
def dig(state: Path, name: str, kind: str) -> NoReturn:
    """Ask the region's resolver for a name, as a machine inside would: name, TTL, type and value of each record."""
    sys.exit(_run_inside(running(state), [sys.executable, "-m", "aftershock.doors.names", RESOLVER, "53", name, kind]))


def _find(access: Access, instance: str) -> dict[str, Any]:
    try:
        return find(access.client("ec2"), instance)
    except NoSuchInstance as error:
        raise Failure(str(error)) from error


def _exec(program: str, package: str, arguments: Sequence[str]) -> NoReturn:
    path = shutil.which(program)
    if path is None:
        raise Failure(f"{program} is not installed: apt-get install {package}")
    os.execv(path, [program, *arguments])  # noqa: S606  # our place is taken: signals and the exit status are its own


def _run_inside(region: Running, argv: Sequence[str]) -> int:
    try:
        return exec_in_region(region, argv)
    except GroundError as error:
        raise Failure(str(error)) from error
