"""`packages`: by apt, and Debian's package files by dpkg."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .downloads import fetch, is_remote
from .errors import BuildError
from .programs import log, quiet, run

ORDER = ("dpkg", "apt")  # AWS: "Packages are processed in the following order: rpm, yum/apt/zypper, and then …"


def install(wanted: Mapping[str, Any]) -> dict[str, list[str]]:
    """By package manager, what was not there before.

    Raises:
        BuildError: a package is not to be had, or its manager is none that a Debian machine has
    """
    unknown = sorted(wanted.keys() - set(ORDER))
    if unknown:
        raise BuildError(f"Unsupported package manager: {unknown[0]}; this machine has apt and dpkg")
    made = {"dpkg": _by_dpkg, "apt": _by_apt}
    return {manager: made[manager](wanted[manager]) for manager in ORDER if wanted.get(manager)}


def _by_apt(wanted: Mapping[str, Any]) -> list[str]:
    missing = [
        (name, asked) for name in sorted(wanted) for asked in _asked(name, wanted[name]) if not _has(name, asked)
    ]
    for _, asked in missing:
        if run(["apt-cache", "-q", "show", asked])[0]:
            raise BuildError(f"APT does not have {asked} available for installation")
    if missing:
        status, _ = run(["apt-get", "-q", "-y", "install", *(asked for _, asked in missing)], env=quiet())
        if status:
            raise BuildError(f"Could not successfully install APT packages (return code {status})")
        log.info("APT installed %s", [asked for _, asked in missing])
    return sorted({name for name, _ in missing})


def _asked(name: str, versions: Any) -> list[str]:
    """As apt names them: [] and "" stand for whatever version there is."""
    texts = [versions] if isinstance(versions, str) else list(versions)
    return [f"{name}={version}" if version else name for version in texts] or [name]


def _has(name: str, asked: str) -> bool:
    status, said = run(["dpkg-query", "-f", "${Status}|${Package}=${Version}", "-W", name])
    state, _, found = said.strip().partition("|")
    return status == 0 and state.endswith(" installed") and (asked in (name, found))


def _by_dpkg(wanted: Mapping[str, Any]) -> list[str]:
    for name, source in sorted(wanted.items()):
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "package.deb")
            file.write_bytes(fetch(str(source)) if is_remote(str(source)) else Path(str(source)).read_bytes())
            if run(["dpkg", "-i", str(file)], env=quiet())[0]:
                raise BuildError(f"Could not install {name} from {source}")
    return sorted(wanted)
