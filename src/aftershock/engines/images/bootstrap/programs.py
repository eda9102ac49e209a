"""Programs that are run for the metadata: their output goes to the log, whole."""

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence

log = logging.getLogger("cfn-init")
commands_log = logging.getLogger("cfn-init.cmd")

Command = str | Sequence[str]


def run(
    command: Command, *, env: Mapping[str, str] | None = None, cwd: str | None = None, name: str = ""
) -> tuple[int, str]:
    """The exit status, and all that was said.  A text is run by the shell, a list as it is.

    `env` replaces the environment, as AWS's does.  127 if there is no such program, as a shell says it.
    """
    shown = command if isinstance(command, str) else " ".join(command)
    commands_log.info("%s: %s", name or "run", shown)
    try:
        # The template's author is the machine's owner: a shell is what was asked for.
        done = subprocess.run(
            command,
            shell=isinstance(command, str),
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        commands_log.error("%s", error)
        return 127, str(error)
    said = done.stdout.decode(errors="replace")
    for line in said.splitlines():
        commands_log.info("    %s", line)
    commands_log.info("%s: exit status %s", name or "run", done.returncode)
    return done.returncode, said


def quiet() -> dict[str, str]:
    """The environment for Debian's tools: they shall not ask."""
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
