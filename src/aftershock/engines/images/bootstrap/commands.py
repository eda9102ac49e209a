"""`commands`: in the order of their names; each may hang on a test."""

import json
import os
from collections.abc import Mapping
from typing import Any

from .errors import BuildError
from .programs import Command, log, run
from .sets import truth


def run_all(wanted: Mapping[str, Any]) -> list[str]:
    """The names of those that ran.

    Raises:
        BuildError: one failed whose errors are not ignored; those after it do not run
    """
    return [name for name, given in sorted(wanted.items()) if _run(name, dict(given))]


def _run(name: str, given: dict[str, Any]) -> bool:
    if "defaults" in given:
        given = _with_defaults(name, given)
    if "command" not in given:
        raise BuildError(f"{name} does not specify the 'command' attribute, which is required")
    env = {key: str(value) for key, value in given["env"].items()} if "env" in given else None
    cwd = os.path.expanduser(str(given["cwd"])) if "cwd" in given else None  # noqa: PTH111 - AWS expands it so
    if "test" in given:
        status, _ = run(_command(given["test"]), env=env, cwd=cwd, name=f"Test for Command {name}")
        if status:
            log.info("Test failed with code %s; command %s is not run", status, name)
            return False
    status, _ = run(_command(given["command"]), env=env, cwd=cwd, name=f"Command {name}")
    if status == 0:
        log.info("Command %s succeeded", name)
    elif truth(given.get("ignoreErrors")):
        log.info("Command %s failed with status %s; ignoreErrors set to true, continuing build", name, status)
    else:
        raise BuildError(f"Command {name} failed")
    return True


def _command(given: Any) -> Command:
    return [str(one) for one in given] if isinstance(given, list) else str(given)


def _with_defaults(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the defaults command prints, JSON, stands where the template says nothing else."""
    status, said = run(_command(given["defaults"]), name=f"Defaults for Command {name}")
    try:
        found = json.loads(said) if status == 0 else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BuildError(f"Defaults script for command {name} failed")
    env = {**found.get("env", {}), **given.get("env", {})}
    return {**found, **given, **({"env": env} if env else {})}
