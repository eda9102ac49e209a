"""`services`: enabled or not, running or not, restarted when what they are made of has changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import BuildError
from .programs import log, run
from .sets import truth

MANAGERS = ("sysvinit", "systemd")  # on a machine with systemd both are systemctl's
SIMPLE = ("files", "sources", "groups", "users", "commands")


def settle(wanted: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    """`changed` is what of each kind this run has changed.

    Raises:
        BuildError: a service does not do as it should, or its manager is none that this machine has
    """
    for manager, services in wanted.items():
        if manager not in MANAGERS:
            raise BuildError(f"Unsupported service manager: {manager}; this machine has systemd")
        for name, given in services.items():
            _settle(name, given or {}, changed)


def _settle(name: str, given: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    if given.get("files") or given.get("packages") or given.get("sources"):
        run(["systemctl", "daemon-reload"])  # its unit may be among them
    if "enabled" in given:
        verb = "enable" if truth(given["enabled"]) else "disable"
        _do([verb, name], f"Could not {verb} service {name}")
    if must_restart(given, changed):
        _do(["restart", name], f"Could not restart {name}")
        log.info("Restarted %s successfully", name)
    elif "ensureRunning" in given:
        runs = run(["systemctl", "is-active", "--quiet", name])[0] == 0
        if truth(given["ensureRunning"]) != runs:
            verb = "stop" if runs else "start"
            _do([verb, name], f"Could not {verb} {name}")
            log.info("%s %s successfully", "Stopped" if runs else "Started", name)


def must_restart(given: Mapping[str, Any], changed: Mapping[str, Any]) -> bool:
    """AWS: "If cfn-init directly changes one of these … this service will be restarted"."""
    if any(_meet(given.get(kind, []), changed.get(kind, [])) for kind in SIMPLE):
        return True
    installed: Mapping[str, Sequence[str]] = changed.get("packages", {})
    return any(_meet(names, installed.get(manager, [])) for manager, names in given.get("packages", {}).items())


def _meet(watched: Sequence[str], changed: Sequence[str]) -> bool:
    return bool({watched} & set(changed) if isinstance(watched, str) else set(watched) & set(changed))


def _do(words: list[str], what: str) -> None:
    status, said = run(["systemctl", *words])
    if status:
        raise BuildError(f"{what}: {said.strip()}")
